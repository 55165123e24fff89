"""Readers of data sets in the layouts they are published in. A file here is one; `samples.Adapter` says what it offers."""

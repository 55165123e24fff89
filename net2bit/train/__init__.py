"""Fitting a network: deterministic, resumable, with pictures. The framework is imported by `fit` and `step` only."""

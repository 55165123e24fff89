"""Sweeps: many experiments at once, their stages built as one graph."""

"""Weights and layer list into the files that other tools take. No framework is imported here."""

"""The light side: kinds, operations, planning, staleness, and the doit adapter. Standard library and doit only."""

"""Message classes of the file formats, declared in Python: no compiler, and no framework to import."""

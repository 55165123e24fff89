"""Procedural data sets. A file here is one; it offers `generate(folder, synth, progress)`.

`generate(folder: Path, synth: Mapping[str, Any], progress: Callable[[int, int, str], None]) -> None` writes a data set in
the layout of some adapter into *folder*, which exists and is empty. The same *synth* gives the same bytes.
"""

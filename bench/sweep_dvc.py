"""One stage as a command of dvc: runs the function that a spec names, on the files that it names (see sweep.py)."""

import importlib
import json
import sys
import tempfile
from pathlib import Path

from net2bit.job import Job


def main() -> None:
    """Run the stage."""
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    module, _, name = spec["run"].partition(":")
    outputs = {kind: Path(path) for kind, path in spec["outputs"].items()}
    for path in outputs.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        inputs = {kind: Path(path) for kind, path in spec["inputs"].items()}
        getattr(importlib.import_module(module), name)(Job(spec["config"], inputs, outputs, Path(scratch)))


main()

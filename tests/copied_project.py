"""A copy of the project's declarations in a folder of a test's own, with cheap stages, and its commands run as a user runs them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from processes import ROOT


class CopiedProject:
    """The copy.

    Attributes:
        folder: Where it is.
    """

    def __init__(self, folder: Path, *scripts: str) -> None:
        """Copy what decides an experiment, and the *scripts* at the top (`dodo.py`, `sweep.py`)."""
        self.folder = folder
        for name in ("experiments", "tasks"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in scripts:
            shutil.copy(ROOT / name, folder)

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project; returns its path."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def declare(self, name: str, toolchain: str, goals: str) -> None:
        """Add the toolchain *name* with the text of its declarations, and the flow *name* with its *goals*."""
        self.write(f"tasks/toolchains/{name}.py", toolchain)
        self.write(f"experiments/toolchain/{name}.yaml", f"name: {name}\n")
        self.write(f"experiments/flow/{name}.yaml", f"name: {name}\ngoals: [{goals}]\n")

    def choose(self, name: str) -> None:
        """Make the toolchain and the flow *name* those of the default experiment."""
        text = (self.folder / "experiments/config.yaml").read_text(encoding="utf-8")
        self.write("experiments/config.yaml", text.replace("toolchain: open", f"toolchain: {name}").replace("flow: dpu", f"flow: {name}"))

    @property
    def environ(self) -> dict[str, str]:
        """The environment that its processes see."""
        own = {"NET2BIT_CACHE_DIR": str(self.folder / "cache"), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        return {**os.environ, **own}

    def python(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run Python with *words* in it."""
        command, environment = [sys.executable, *words], {**self.environ, **environ}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=240, check=False)

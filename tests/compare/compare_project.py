"""The small project of the command tests, with sweeps, and stages that report figures."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from processes import ROOT
from small_project import CODE, Project

REPORTS = '''

def _count(job: Job, text: str) -> None:
    job.metric("letters", len(text))
    job.metric("seed", float(text.split()[-1]))


_first = first


def first(job: Job) -> None:
    """Write the seed, and report it."""
    _first(job)
    _count(job, job.outputs["first.txt"].read_text())
'''


class Compared(Project):
    """A project whose first stage reports two figures, one of which depends on the seed."""

    def __init__(self, folder: Path) -> None:
        """Write the project."""
        super().__init__(folder)
        shutil.copy(ROOT / "sweep.py", folder)
        self.write("chain.py", CODE + REPORTS)

    def compare(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `./doitw compare`."""
        return self.run("compare", *words)

    def data(self, *words: str) -> dict[str, Any]:
        """Return what `./doitw compare --json` prints."""
        done = self.compare("--json", *words)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def sweep(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `python sweep.py -m`."""
        return self.python("sweep.py", "-m", *words)

    def points(self, name: str) -> dict[str, Any]:
        """Return a sweep's points.json."""
        found: dict[str, Any] = json.loads((self.folder / "sweeps" / name / "points.json").read_text())
        return found

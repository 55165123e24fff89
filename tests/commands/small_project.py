"""A small project of its own, with the real front door: three stages in a chain, and one that can be told to fail."""

import subprocess
from pathlib import Path

from copied_project import CopiedProject

CHAIN = '''"""A chain of text files."""

from net2bit.graph.kind import Kind, Op

TITLE = "text files"
KINDS = (Kind("first.txt", "the seed as text"), Kind("second.txt", "its upper case"), Kind("third.txt", "checked"))
OPS = (
    Op("first", "Write the seed", makes=("first.txt",), run="chain:first", reads=("dataset.synth.seed",)),
    Op("second", "Shout", needs=("first.txt",), makes=("second.txt",), run="chain:second"),
    Op("third", "Check", needs=("second.txt",), makes=("third.txt",), run="chain:third", reads=("verify.max_drop",)),
)
'''
CODE = '''"""The chain's work."""

from net2bit.errors import StageError
from net2bit.job import Job


def first(job: Job) -> None:
    """Write the seed."""
    job.progress(1, 2, "writing")
    job.outputs["first.txt"].write_text(f"seed {job.config['dataset']['synth']['seed'] % 2}")


def second(job: Job) -> None:
    """Shout."""
    job.outputs["second.txt"].write_text(job.inputs["first.txt"].read_text().upper())


def third(job: Job) -> None:
    """Refuse a limit of exactly 0.5."""
    if job.config["verify"]["max_drop"] == 0.5:
        raise StageError("the drop is too large", where="layer conv2d_3", remedy="calibrate with more images")
    job.outputs["third.txt"].write_text(job.inputs["second.txt"].read_text())
'''


class Project(CopiedProject):
    """A project in a folder, driven as a user drives it."""

    def __init__(self, folder: Path) -> None:
        """Write the project."""
        super().__init__(folder, "dodo.py")
        self.declare("chain", CHAIN, "third.txt")
        self.write("chain.py", CODE)
        self.choose("chain")

    @classmethod
    def at(cls, folder: Path) -> "Project":
        """Return the project that was written into *folder* before."""
        found = object.__new__(cls)
        found.folder = folder
        return found

    def run(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run `./doitw` with *words* (its front end, in this environment)."""
        return self.python("-m", "net2bit.graph.front", *words, **environ)

    def file(self, kind: str) -> Path:
        """Return the only artifact of *kind*."""
        (path,) = self.folder.glob(f"build/{kind}/*/{kind}")
        return path

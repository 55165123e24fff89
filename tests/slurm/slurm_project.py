"""A copy of the project's declarations with stages that take milliseconds, and sweep.py run in it as a user does."""

from pathlib import Path

from copied_project import CopiedProject

from net2bit.graph.store import Store

_TOOLCHAIN = '''"""Stages for tests."""

from net2bit.graph.kind import Kind, Op

TITLE = "stages that take milliseconds"
KINDS = (Kind("shared.txt", "What all points share"), Kind("own.txt", "A point's own"))
OPS = (
    Op(name="share", title="Write what all share", makes=("shared.txt",), run="small_code:share", reads=("dataset.name",)),
    Op(name="own", title="Write a point's own", needs=("shared.txt",), makes=("own.txt",), run="small_code:own", reads=("train.seed",)),
)
'''
_CODE = '''"""The work of the stages."""

import os
from pathlib import Path

NOTES = Path(__file__).parent / "notes"


def note(text):
    fd = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(fd, f"{text}\\n".encode())
    os.close(fd)


def share(job):
    note("shared")
    job.outputs["shared.txt"].write_text("shared")


def own(job):
    seed = job.config["train"]["seed"]
    note(f"own {seed}")
    job.metric("seed", seed)
    job.outputs["own.txt"].write_text(job.inputs["shared.txt"].read_text() + str(seed))
'''


class Project(CopiedProject):
    """The copy."""

    def __init__(self, folder: Path) -> None:
        """Copy what decides a sweep, and add the stages."""
        super().__init__(folder, "sweep.py", "dodo.py")
        self.declare("small", _TOOLCHAIN, "own.txt")
        self.write("small_code.py", _CODE)

    def sweep(self, *words: str, **variables: str) -> str:
        """Run sweep.py over three seeds; returns all it printed."""
        fixed = ("toolchain=small", "flow=small", "cache=none", "sweep.name=three", "train.seed=1,2,3")
        done = self.python("sweep.py", "-m", *fixed, *words, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def notes(self) -> list[str]:
        """Return what the stages wrote down, sorted."""
        return sorted((self.folder / "notes").read_text().splitlines())

    def products(self) -> dict[str, str]:
        """Return the products, by their paths."""
        return {str(path.relative_to(self.folder)): path.read_text() for path in sorted(self.folder.glob("build/*/*/*.txt"))}

    def store(self) -> Store:
        """Open the store as a new process would."""
        return Store(self.folder)

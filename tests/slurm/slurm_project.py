"""A copy of the project's declarations with stages that take milliseconds, and sweep.py run in it as a user does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from net2bit.graph.store import Store

HOME = Path(__file__).resolve().parents[2]

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


class Project:
    """The copy."""

    def __init__(self, folder: Path) -> None:
        """Copy what decides a sweep, and add the stages."""
        self.folder = folder
        for name in ("experiments", "tasks"):
            shutil.copytree(HOME / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("sweep.py", "dodo.py"):
            shutil.copy(HOME / name, folder)
        (folder / "tasks/toolchains/small.py").write_text(_TOOLCHAIN)
        (folder / "experiments/toolchain/small.yaml").write_text("name: small\n")
        (folder / "experiments/flow/small.yaml").write_text("name: small\ngoals: [own.txt]\n")
        (folder / "small_code.py").write_text(_CODE)

    def sweep(self, *words: str, **variables: str) -> str:
        """Run sweep.py over three seeds; returns all it printed."""
        done = subprocess.run(
            [
                sys.executable,
                "sweep.py",
                "-m",
                "toolchain=small",
                "flow=small",
                "cache=none",
                "sweep.name=three",
                "train.seed=1,2,3",
                *words,
            ],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(HOME)} | variables,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
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

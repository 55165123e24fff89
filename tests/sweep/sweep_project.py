"""A copy of the project's declarations with stages that take milliseconds, and sweep.py run in it as a user does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from copied_project import CopiedProject

from net2bit.graph.cache import CacheSettings
from net2bit.graph.store import Store

TOOLCHAIN = '''"""Stages for tests."""

from net2bit.graph.kind import Kind, Op

TITLE = "stages that take milliseconds"
KINDS = (Kind("shared.txt", "What all points share"), Kind("own.txt", "A point's own"), Kind("last.txt", "The goal"))
OPS = (
    Op(name="share", title="Write what all share", makes=("shared.txt",), run="cheap_code:share", reads=("dataset.name",)),
    Op(name="own", title="Write a point's own", needs=("shared.txt",), makes=("own.txt",), run="cheap_code:own", reads=("train.seed",)),
    Op(name="last", title="Write the goal", needs=("own.txt",), makes=("last.txt",), run="cheap_code:last", reads=("train.epochs",)),
)
'''
# A stage hangs where a file of its name lies in the folder `hang` of the project, and fails where one lies in `fail`.
CODE = '''"""The work of the stages."""

import os
import time
from pathlib import Path

ROOT = Path(__file__).parent


def obey(name):
    if (ROOT / "fail" / name).exists():
        raise ValueError(f"{name} was told to fail")
    if (ROOT / "hang" / name).exists():
        (ROOT / "hang" / f"{name}.new").write_text(str(os.getppid()))
        (ROOT / "hang" / f"{name}.new").rename(ROOT / "hang" / f"{name}.reached")
        while (ROOT / "hang" / name).exists():
            time.sleep(0.02)


def share(job):
    obey("shared")
    job.outputs["shared.txt"].write_text("shared")


def own(job):
    seed = job.config["train"]["seed"]
    obey(f"own{seed}")
    job.metric("seed", seed)
    job.outputs["own.txt"].write_text(job.inputs["shared.txt"].read_text() + str(seed))


def last(job):
    job.outputs["last.txt"].write_text(job.inputs["own.txt"].read_text() + str(job.config["train"]["epochs"]))
'''
WORDS = ("toolchain=cheap", "flow=cheap")


class Project(CopiedProject):
    """The copy."""

    def __init__(self, folder: Path) -> None:
        """Copy what decides a sweep, and add the stages."""
        super().__init__(folder, "sweep.py", "dodo.py")
        self.declare("cheap", TOOLCHAIN, "last.txt")
        self.write("cheap_code.py", CODE)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a sweep of the cheap stages in a session of its own."""
        command = [sys.executable, str(self.folder / "sweep.py"), "-m", *WORDS, *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=self.environ, start_new_session=True)

    def sweep(self, *words: str, status: int = 0) -> str:
        """Run a sweep of the cheap stages, check its exit status, and return what it said."""
        running = self.start(*words)
        out, err = running.communicate(timeout=240)
        assert running.returncode == status, out + err
        assert "Traceback" not in err
        return out + err

    def ran(self) -> list[str]:
        """Return the ops that ran in this tree so far, the first one first."""
        with Store(self.folder, CacheSettings(enabled=False)) as store:
            return [run.stage for run in reversed(store.history.runs(limit=1000)) if run.how == "ran"]

    def hang(self, name: str) -> Path:
        """Make a stage hang; returns the file that appears when it does (see `builder`)."""
        return self.write(f"hang/{name}", "").with_name(f"{name}.reached")

    def go_on(self, name: str) -> None:
        """Let a stage go on."""
        (self.folder / "hang" / name).unlink()

    def points(self, name: str) -> list[str]:
        """Return the points that a sweep shows."""
        return sorted(path.name for path in (self.folder / "sweeps" / name / "points").iterdir())

    def status(self, name: str) -> dict[str, str]:
        """Return label -> status of the points in a sweep's comparison."""
        found = json.loads((self.folder / "sweeps" / name / "points.json").read_text())
        return {point["label"]: point["status"] for point in found["points"]}


def builder(reached: Path) -> int:
    """Return the number of the process that builds the point whose stage hangs: the stage's supervisor stands between them."""
    status = Path(f"/proc/{reached.read_text()}/stat").read_text()
    return int(status.rpartition(")")[2].split()[1])


def kill(running: subprocess.Popen[str]) -> None:
    """End a process and all of its session at once."""
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()

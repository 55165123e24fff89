"""Graphs of small real stages for the tests of the cluster, and a front end in a process of its own."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from net2bit.graph.cache import CacheSettings
from net2bit.graph.execute import Done
from net2bit.graph.kind import Op
from net2bit.graph.merge import Merged, Node
from net2bit.graph.stage import Artifact, Stage
from net2bit.graph.store import Store
from net2bit.slurm.executor import Slurm
from schemas.executor import SlurmConfig

REPOSITORY = Path(__file__).resolve().parents[2]

# Notes "begin NAME" and "end NAME" in a common file; `until` names a file that has to be there before it ends.
STEP = '''
"""Write down when it ran, and make a text of its inputs."""
import os
import time
from pathlib import Path

def note(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(fd, f"{text}\\n".encode())
    os.close(fd)

def run(job):
    own = job.config["own"]
    root = Path(own["root"])
    note(root / "notes", f"begin {own['name']}")
    (root / f"pid-{own['name']}").write_text(str(os.getpid()))
    job.progress(1, 2, "half")
    while own["until"] and not (root / own["until"]).exists():
        time.sleep(0.01)
    if own["fails"] and (root / own["fails"]).exists():
        raise RuntimeError("it was told to fail")
    text = "".join(path.read_text() for path in job.inputs.values())
    for path in job.outputs.values():
        path.write_text(text + own["name"] + own["word"] + "\\n")
    job.metric("letters", len(text))
    note(root / "notes", f"end {own['name']}")
'''


def settings(**other: Any) -> dict[str, Any]:
    """Return the `executor` group of experiments/executor/slurm.yaml for a file system and a cluster that are near."""
    group = yaml.safe_load((REPOSITORY / "experiments/executor/slurm.yaml").read_text()) | {"poll": 0.2, "grace": 1.0} | other
    return SlurmConfig.model_validate(group, strict=False).model_dump()


@dataclass
class Account:
    """A watcher that keeps what it is told."""

    begun: list[str] = field(default_factory=list)
    ends: list[tuple[str, Done]] = field(default_factory=list)
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def started(self, node: Node, reason: str, estimate: float | None) -> None:
        """Keep the name."""
        assert reason
        assert estimate is None or estimate >= 0
        self.begun.append(node.name)

    def heard(self, node: Node, event: Mapping[str, Any]) -> None:
        """Keep the event."""
        self.events.append((node.name, event))

    def ended(self, node: Node, done: Done) -> None:
        """Keep how it ended."""
        self.ends.append((node.name, done))

    @property
    def how(self) -> dict[str, str]:
        """Name -> how the node ended; fails when one ended twice."""
        found = {name: done.how for name, done in self.ends}
        assert len(found) == len(self.ends)
        return found

    def error(self, name: str) -> str:
        """Return the message of a node that did not end well."""
        return str(dict(self.ends)[name].error)

    def states(self, name: str) -> list[str]:
        """Return what was said of a job's place in the queue."""
        return [event["state"] for node, event in self.events if node == name and event["event"] == "job"]


@dataclass
class Graph:
    """A graph in the making, in a project of its own."""

    root: Path
    nodes: dict[str, Node] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    orders: list[tuple[str, tuple[str, ...], dict[str, Any]]] = field(default_factory=list)

    def make(self) -> "Graph":
        """Write the stages' code."""
        (self.root / "steplib").mkdir(parents=True, exist_ok=True)
        (self.root / "steplib/__init__.py").write_text("")
        (self.root / "steplib/step.py").write_text(STEP)
        return self

    def add(
        self,
        name: str,
        needs: Sequence[str] = (),
        *,
        fails: str = "",
        until: str = "",
        word: str = "",
        resources: Mapping[str, int] | None = None,
    ) -> "Graph":
        """Add a node that takes the products of *needs*; *fails* names a file that makes it fail."""
        self.orders.append((name, tuple(needs), {"fails": fails, "until": until, "word": word, "resources": resources}))
        op = Op(name=name, title=name, run="steplib.step:run", makes=(name,), needs=tuple(needs), reads=("own",))
        own = {"root": str(self.root), "name": name, "fails": fails, "until": until, "word": word}
        inputs = tuple(Artifact(need, f"build/{need}/{need}", need) for need in needs)
        outputs = (Artifact(name, f"build/{name}/{name}", name),)
        digest = hashlib.sha256(f"{name} {word} {until} {fails}".encode()).hexdigest()
        stage = Stage(name, op, {"own": own}, inputs, outputs, digest, {"cores": 1, **(resources or {})})
        self.nodes[name] = Node(name, stage, tuple(needs), (0,))
        return self

    def diamond(self, **first: Any) -> "Graph":
        """Add a diamond: base, left and right that need it, and last that needs both."""
        return self.add("base", **first).add("left", ["base"]).add("right", ["base"]).add("last", ["left", "right"])

    @property
    def merged(self) -> Merged:
        """The graph."""
        return Merged({}, self.nodes)

    def store(self) -> Store:
        """Open the store as a new process would."""
        return Store(self.root, CacheSettings(enabled=False))

    def run(self, account: Account | None = None, *, keep_going: bool = True, **other: Any) -> Account:
        """Run the graph on the cluster."""
        watcher = account or Account()
        with self.store() as store:
            found = Slurm(store, settings(**other), {"enabled": False}, self.notices.append).run(
                self.merged, watcher, keep_going=keep_going
            )
        assert {name: done.how for name, done in found.items()} == watcher.how
        assert list(found) == list(self.nodes)
        return watcher

    def front(self, **other: Any) -> subprocess.Popen[str]:
        """Start a front end in a process of its own; it prints one JSON line per event."""
        spec = {"root": str(self.root), "orders": self.orders, "settings": other}
        paths = [str(REPOSITORY), str(Path(__file__).parent)]
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("slurm_driver.py")), json.dumps(spec)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
        )

    def folders(self) -> list[str]:
        """Return what is left of jobs and front ends."""
        return [path.name for path in self.root.glob(".net2bit/slurm/*/*") if path.parent.name != "submit.lease"]

    def notes(self) -> list[str]:
        """Return what the stages wrote down, in order."""
        path = self.root / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def ran(self) -> list[str]:
        """Return the names of the stages that ran to their end, sorted."""
        return sorted(note.removeprefix("end ") for note in self.notes() if note.startswith("end "))

    def running(self, name: str) -> int:
        """Wait until a stage runs; returns the process of its worker."""
        path = self.root / f"pid-{name}"
        wait_for(lambda: path.exists() and path.read_text() != "")
        return int(path.read_text())

    def release(self, name: str = "go") -> None:
        """Make the file that a stage waits for."""
        (self.root / name).touch()

    def product(self, name: str) -> str:
        """Return the text of a product."""
        return (self.root / f"build/{name}/{name}").read_text()


def wait_for(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    """Wait until *condition* holds; fails after *seconds*."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def ends(front: subprocess.Popen[str]) -> tuple[dict[str, str], str]:
    """Wait for a front end; returns how its nodes ended, and what it said to people."""
    out, err = front.communicate(timeout=240)
    assert "Traceback" not in err, err
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["node"]: line["how"] for line in lines if line["event"] == "ended"}, err


def alive(pid: int) -> bool:
    """Return whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

"""Graphs of small real stages for the tests of executors: each writes down when it began and when it ended."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from net2bit.graph.cache import CacheSettings
from net2bit.graph.execute import Done
from net2bit.graph.kind import Op
from net2bit.graph.merge import Merged, Node
from net2bit.graph.stage import Artifact, Stage
from net2bit.graph.store import Store

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


@dataclass
class Account:
    """A watcher that keeps what it is told."""

    begun: list[str] = field(default_factory=list)
    ends: list[tuple[str, Done]] = field(default_factory=list)
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def started(self, node: Node, reason: str, estimate: float | None) -> None:
        """Keep the name and the reason."""
        assert estimate is None or estimate >= 0
        self.begun.append(node.name)
        self.reasons[node.name] = reason

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


@dataclass
class NotedGraph:
    """A graph in the making, in a project of its own."""

    root: Path
    cache: CacheSettings = field(default_factory=lambda: CacheSettings(enabled=False))
    nodes: dict[str, Node] = field(default_factory=dict)

    def make(self) -> Self:
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
        root: str = "",
        resources: Mapping[str, int] | None = None,
    ) -> Self:
        """Add a node that takes the products of *needs*; *fails* names a file that makes it fail, *until* one that it waits for."""
        op = Op(name=name, title=name, run="steplib.step:run", makes=(name,), needs=tuple(needs), reads=("own",))
        own = {"root": root or str(self.root), "name": name, "fails": fails, "until": until, "word": word}
        inputs = tuple(Artifact(need, f"build/{need}/{need}", need) for need in needs)
        outputs = (Artifact(name, f"build/{name}/{name}", name),)
        digest = hashlib.sha256(f"{name} {word} {until} {fails}".encode()).hexdigest()
        stage = Stage(name, op, {"own": own}, inputs, outputs, digest, {"cores": 1, **(resources or {})})
        self.nodes[name] = Node(name, stage, tuple(needs), (0,))
        return self

    @property
    def merged(self) -> Merged:
        """The graph."""
        return Merged({}, self.nodes)

    def store(self) -> Store:
        """Open the store as a new process would."""
        return Store(self.root, self.cache)

    def release(self, name: str = "go") -> None:
        """Make the file that a stage waits for, or that makes it fail."""
        (self.root / name).touch()

    def notes(self) -> list[str]:
        """Return what the stages wrote down, in order."""
        path = self.root / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def ran(self) -> list[str]:
        """Return the names of the stages that ran to their end, in order."""
        return [note.removeprefix("end ") for note in self.notes() if note.startswith("end ")]

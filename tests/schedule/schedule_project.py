"""Graphs of small real stages for the tests of the scheduler: each writes down when it began and when it ended."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from net2bit.graph.cache import CacheSettings
from net2bit.graph.execute import Done
from net2bit.graph.kind import Op
from net2bit.graph.merge import Merged, Node
from net2bit.graph.pools import Limits
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
    while own["until"] and not (root / own["until"]).exists():
        time.sleep(0.01)
    if own["fails"]:
        raise RuntimeError("it was told to fail")
    text = "".join(path.read_text() for path in job.inputs.values())
    for path in job.outputs.values():
        path.write_text(text + own["name"] + own["word"] + "\\n")
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
class Graph:
    """A graph in the making, in a project of its own."""

    root: Path
    cache: CacheSettings = field(default_factory=lambda: CacheSettings(enabled=False))
    nodes: dict[str, Node] = field(default_factory=dict)

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
        fails: bool = False,
        until: str = "",
        word: str = "",
        root: str = "",
        resources: Mapping[str, int] | None = None,
    ) -> "Graph":
        """Add a node that takes the products of *needs*."""
        op = Op(name=name, title=name, run="steplib.step:run", makes=(name,), needs=tuple(needs), reads=("own",))
        own = {"root": root or str(self.root), "name": name, "fails": fails, "until": until, "word": word}
        inputs = tuple(Artifact(need, f"build/{need}/{need}", need) for need in needs)
        outputs = (Artifact(name, f"build/{name}/{name}", name),)
        stage = Stage(name, op, {"own": own}, inputs, outputs, name.ljust(64, "0"), {"cores": 1, **(resources or {})})
        self.nodes[name] = Node(name, stage, tuple(needs), (0,))
        return self

    def say(self, name: str, **amounts: int) -> "Graph":
        """Have the user say what the node *name* takes."""
        node = self.nodes[name]
        said = replace(node.stage, resources={**node.stage.resources, **amounts}, said=tuple(amounts))
        self.nodes[name] = replace(node, stage=said)
        return self

    @property
    def merged(self) -> Merged:
        """The graph."""
        return Merged({}, self.nodes)

    def store(self) -> Store:
        """Open the store as a new process would."""
        return Store(self.root, self.cache)

    def notes(self) -> list[str]:
        """Return what the stages wrote down, in order."""
        path = self.root / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def ran(self) -> list[str]:
        """Return the names of the stages that ran to their end, in order."""
        return [note.removeprefix("end ") for note in self.notes() if note.startswith("end ")]


def limits(cores: int = 8, memory: int = 8 * 10**9, **pools: int) -> Limits:
    """Return limits that do not depend on the machine."""
    return Limits(cores, memory, pools)


def wait_for(condition: Any, seconds: float = 90.0) -> None:
    """Wait until *condition* holds; fails after *seconds*."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)

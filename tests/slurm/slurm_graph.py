"""Graphs of small real stages for the tests of the cluster, and a front end in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import noted_graph
import yaml
from processes import ROOT, python_path, wait_for

from net2bit.graph.merge import Node
from net2bit.slurm.executor import Slurm
from schemas.executor import SlurmConfig


def settings(**other: Any) -> dict[str, Any]:
    """Return the `executor` group of experiments/executor/slurm.yaml for a file system and a cluster that are near."""
    group = yaml.safe_load((ROOT / "experiments/executor/slurm.yaml").read_text()) | {"poll": 0.2, "grace": 1.0} | other
    return SlurmConfig.model_validate(group, strict=False).model_dump()


class Account(noted_graph.Account):
    """A watcher that keeps what it is told."""

    def started(self, node: Node, reason: str, estimate: float | None) -> None:
        """Keep the name and the reason, which there must be."""
        assert reason
        super().started(node, reason, estimate)

    def error(self, name: str) -> str:
        """Return the message of a node that did not end well."""
        return str(dict(self.ends)[name].error)

    def states(self, name: str) -> list[str]:
        """Return what was said of a job's place in the queue."""
        return [event["state"] for node, event in self.events if node == name and event["event"] == "job"]


@dataclass
class Graph(noted_graph.NotedGraph):
    """A graph in the making, in a project of its own."""

    notices: list[str] = field(default_factory=list)
    orders: list[tuple[str, tuple[str, ...], dict[str, Any]]] = field(default_factory=list)

    def add(self, name: str, needs: Sequence[str] = (), **other: Any) -> Self:
        """Add a node (see `NotedGraph.add`); the front end gets it, too."""
        self.orders.append((name, tuple(needs), other))
        return super().add(name, needs, **other)

    def diamond(self, **first: Any) -> Self:
        """Add a diamond: base, left and right that need it, and last that needs both."""
        return self.add("base", **first).add("left", ["base"]).add("right", ["base"]).add("last", ["left", "right"])

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
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("slurm_driver.py")), json.dumps(spec)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": python_path(__file__)},
            start_new_session=True,
        )

    def folders(self) -> list[str]:
        """Return what is left of jobs and front ends."""
        return [path.name for path in self.root.glob(".net2bit/slurm/*/*") if path.parent.name != "submit.lease"]

    def ran(self) -> list[str]:
        """Return the names of the stages that ran to their end, sorted."""
        return sorted(super().ran())

    def running(self, name: str) -> int:
        """Wait until a stage runs; returns the process of its worker."""
        path = self.root / f"pid-{name}"
        wait_for(lambda: path.exists() and path.read_text() != "")
        return int(path.read_text())

    def product(self, name: str) -> str:
        """Return the text of a product."""
        return (self.root / f"build/{name}/{name}").read_text()


def ends(front: subprocess.Popen[str]) -> tuple[dict[str, str], str]:
    """Wait for a front end; returns how its nodes ended, and what it said to people."""
    out, err = front.communicate(timeout=240)
    assert "Traceback" not in err, err
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["node"]: line["how"] for line in lines if line["event"] == "ended"}, err

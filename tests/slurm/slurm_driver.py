"""Runs a graph on the cluster in a process of its own, so that it can be killed; prints one JSON line per event."""

import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slurm_graph

from net2bit.graph import signals
from net2bit.graph.execute import Done
from net2bit.graph.merge import Node
from net2bit.slurm.executor import Slurm

SPEC = json.loads(sys.argv[1])
for number in signals.SIGNALS:  # whatever started the tests may ignore some
    signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Speaker:
    """A watcher that prints."""

    def started(self, node: Node, reason: str, estimate: float | None) -> None:
        """Print that a stage begins."""
        assert estimate is None or estimate >= 0
        say(event="started", node=node.name, reason=reason)

    def heard(self, node: Node, event: Mapping[str, Any]) -> None:
        """Print an event."""
        say(**{**event, "event": f"heard {event['event']}", "node": node.name})

    def ended(self, node: Node, done: Done) -> None:
        """Print how a stage ended."""
        say(event="ended", node=node.name, how=done.how, error=str(done.error))


def main() -> None:
    graph = slurm_graph.Graph(Path(SPEC["root"]))
    for name, needs, other in SPEC["orders"]:
        graph.add(name, needs, **other)
    with graph.store() as store:
        Slurm(store, slurm_graph.settings(**SPEC["settings"]), {"enabled": False}).run(graph.merged, Speaker(), keep_going=True)


main()

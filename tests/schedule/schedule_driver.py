"""Runs a graph of the tests with the local executor in a process of its own, so that it can be stopped and killed.

Argument: JSON of {root, nodes: [[name, needs, options]], pools, workers, cache}. Prints a line of JSON for each beginning, wait and end.
"""

import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schedule_project import Graph, limits

from net2bit.graph import signals
from net2bit.graph.cache import CacheSettings
from net2bit.graph.execute import Done
from net2bit.graph.merge import Node
from net2bit.graph.schedule import Local

SPEC = json.loads(sys.argv[1])


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Teller:
    """A watcher that prints."""

    def started(self, node: Node, reason: str, estimate: float | None) -> None:
        """Print that a node begins."""
        say(event="started", node=node.name, reason=reason, estimate=estimate)

    def heard(self, node: Node, event: Mapping[str, Any]) -> None:
        """Print for what a node waits, and which process builds it."""
        if event["event"] in {"waiting", "start"}:
            say(node=node.name, **event)

    def ended(self, node: Node, done: Done) -> None:
        """Print how a node ended."""
        say(event="ended", node=node.name, how=done.how)


def main() -> None:
    for number in signals.SIGNALS:  # whatever started the tests may ignore some
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    graph = Graph(Path(SPEC["root"]), CacheSettings(dir=Path(SPEC["cache"])) if SPEC["cache"] else CacheSettings(enabled=False))
    for name, needs, options in SPEC["nodes"]:
        graph.add(name, needs, **options)
    with graph.store() as store:
        Local(store, SPEC["workers"], limits(**SPEC["pools"])).run(graph.merged, Teller(), keep_going=True)


main()

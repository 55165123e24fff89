"""Tells the display what a sweep's build does, and the sweep which of its points are finished."""

from collections.abc import Callable, Mapping
from threading import Lock

from net2bit.graph.display import WIDTH, Display
from net2bit.graph.execute import Done
from net2bit.graph.merge import Merged, Node
from net2bit.job import Event


class Watch:
    """Follows one build. Implements `execute.Watcher`; may be called from any thread.

    Attributes:
        done: How each node ended so far.
    """

    def __init__(self, merged: Merged, labels: Mapping[int, str], display: Display, reached: Callable[[int, bool], None]) -> None:
        """Show what happens on *display*.

        Args:
            merged: What is built.
            labels: Names of the points that are told of as they finish.
            display: Where it is shown.
            reached: Hears of each of them as its last node ends, and whether all its nodes are good.
        """
        self._labels = labels
        self._display = display
        self._reached = reached
        self._lock = Lock()
        self._left = dict.fromkeys(merged.plans, 0)
        self._bad: set[int] = set()
        self._worked: set[int] = set()
        self.done: dict[str, Done] = {}
        for node in merged.nodes.values():
            for point in node.points:
                self._left[point] += 1
        display.open(len(merged.nodes), len(labels), max([WIDTH, *map(len, merged.nodes)]))

    def started(self, node: Node, reason: str, estimate: float | None) -> None:
        """Show that *node* begins."""
        self._display.start(node.name, reason, estimate)

    def heard(self, node: Node, event: Event) -> None:
        """Pass on an event of a running stage."""
        self._display.hear(node.name, event)

    def ended(self, node: Node, done: Done) -> None:
        """Show how *node* ended, and each point that it was the last of."""
        self._show(node, done)
        with self._lock:
            self.done[node.name] = done
            if not done.good:
                self._bad.update(node.points)
            if done.how != "fresh":
                self._worked.update(node.points)
            for point in node.points:
                self._left[point] -= 1
            reached = [point for point in node.points if not self._left[point] and point in self._labels]
        for point in reached:
            good = point not in self._bad
            self._reached(point, good)
            self._display.point(self._text(point, good=good) if point in self._worked else "", good=good)

    def _text(self, point: int, *, good: bool) -> str:
        return f"{self._labels[point]}: {'done' if good else 'not done'}"

    def _show(self, node: Node, done: Done) -> None:
        if done.how == "failed":
            self._display.failed(node.name, fault(node, done))
        elif done.how in {"fresh", "skipped"}:
            self._display.skip(node.name)
        else:
            self._display.done(node.name, done.how, done.built.seconds if done.built else 0.0)


def fault(node: Node, done: Done) -> str:
    """Return why *node* failed, its stage's name left out: the node's own stands before it."""
    return str(done.error).removeprefix(f"{node.stage.name} failed: ")

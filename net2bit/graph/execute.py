"""What runs a merged graph, and what it tells: the interface between the sweep and the machines that do the work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from net2bit.errors import Net2bitError
from net2bit.graph.build import Built
from net2bit.graph.merge import Merged, Node
from net2bit.job import Event


@dataclass(frozen=True)
class Done:
    """What came of one node.

    Attributes:
        how: `fresh`, `ran`, `restored`, `waited` (see `build.Built`); `failed`; or `skipped`, because something it needs failed or
            because the sweep was stopped at another failure.
        built: What the store says of the build; None where nothing was built.
        error: Why it failed; for a skipped node the failure that it owes that to.
    """

    how: str
    built: Built | None = None
    error: Net2bitError | None = None

    @property
    def good(self) -> bool:
        """Whether the products lie in place."""
        return self.how not in {"failed", "skipped"}


class Watcher(Protocol):
    """Is told what happens; may be called from any thread."""

    def started(self, node: Node, reason: str, estimate: float | None) -> None:
        """Hear that *node* begins, why it has to be built, and how many seconds it should take."""

    def heard(self, node: Node, event: Event) -> None:
        """Hear an event of a running stage (see `store.Store.build`)."""

    def ended(self, node: Node, done: Done) -> None:
        """Hear how *node* ended; also of one that was fresh and never began."""


class Executor(Protocol):
    """Runs a merged graph somewhere."""

    def run(self, merged: Merged, watcher: Watcher, *, keep_going: bool) -> Mapping[str, Done]:
        """Make every node's products, each as soon as what it needs is there; returns name -> how it ended, for every node.

        A failure is no exception: without *keep_going* nothing more is started after it, with it only what needs it is skipped.

        Raises:
            Stopped: The build was told to stop.
        """

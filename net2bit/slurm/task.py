"""A node of the graph on its way through the cluster."""

from dataclasses import dataclass

from net2bit.graph.execute import Done
from net2bit.graph.merge import Node
from net2bit.slurm.attempt import Attempt


@dataclass
class Task:
    """What is known of one node.

    Attributes:
        node: The node.
        reason: Why it has to be built.
        attempt: The folder of its job; None while there is none.
        number: The job's id; empty while Slurm has not given one.
        news: When it was last known how the job stands (of `time.monotonic`): a listing that is older says nothing.
        own: Whether it is this run's job: another run that still lives may have submitted it.
        begun: Whether the watcher was told that it runs.
        place: What the watcher was last told of its place in the queue.
        tries: How often it was submitted again.
        since: When its job was first seen ended, or waiting for what never comes; None while it is well.
        done: How it ended.
    """

    node: Node
    reason: str = ""
    attempt: Attempt | None = None
    number: str = ""
    news: float = 0.0
    own: bool = True
    begun: bool = False
    place: str = ""
    tries: int = 0
    since: float | None = None
    done: Done | None = None

    @property
    def good(self) -> bool:
        """Whether its products lie in place."""
        return self.done is not None and self.done.good

    @property
    def failed(self) -> bool:
        """Whether they never will."""
        return self.done is not None and not self.done.good

    @property
    def live(self) -> bool:
        """Whether it has a job whose end is waited for."""
        return self.done is None and bool(self.number)

    @property
    def stopped(self) -> bool:
        """Whether its job says that it was told to stop."""
        return self.attempt is not None and bool((self.attempt.result() or {}).get("stopped"))

    def leave(self) -> None:
        """Forget its job: there will be another."""
        if self.attempt is not None and self.own:
            self.attempt.remove()
        self.attempt, self.number, self.own, self.begun, self.place, self.since = None, "", True, False, "", None

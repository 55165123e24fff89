"""What running stages may take together: cores, memory, and stocks such as floating licences.

Stocks, and memory of which the user says how much it is, are hard: a stage that needs more than there is could never run, and is refused.
Cores are soft: a stage that asks for more of them than there are takes all of them and runs alone, which is slower and nothing else.
So is memory that was measured or declared (see `memory`): an estimate is no reason to refuse.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, Final, Protocol

from net2bit.errors import ConfigError
from net2bit.graph import machine, memory, signals
from net2bit.graph.memory import Peaks
from net2bit.graph.stage import Stage
from net2bit.job import Event

Needs = Mapping[str, int]
_LOOK: Final = 0.2  # seconds between two looks whether the build was told to stop
_UNITS: Final = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6))


@dataclass(frozen=True)
class Share:
    """What a run of a stage takes of what is limited.

    Attributes:
        needs: Name -> amount.
        source: Where the figure of its memory is from (see `memory.Memory`).
        wanted: Bytes of memory that it should have, where all stages may take less: it takes everything then, and runs alone. Else 0.
    """

    needs: Needs
    source: str = ""
    wanted: int = 0

    def told(self, names: Iterable[str]) -> str:
        """Return, for people, what it takes of *names*."""
        return " and ".join(self._told(name, self.needs[name]) for name in names)

    def alone(self) -> Event:
        """Return the event that tells that it runs alone."""
        return {"event": "alone", "what": self._told("memory", self.wanted), "limit": told("memory", self.needs["memory"])}

    def _told(self, name: str, amount: int) -> str:
        return told(name, amount) + (f" ({self.source})" if name == "memory" and self.source else "")


@dataclass(frozen=True)
class Limits:
    """What all running stages may take together.

    Attributes:
        cores: Cores.
        memory: Bytes.
        pools: Name of a stock -> how many of it there are; what is not named here is not counted.
    """

    cores: int
    memory: int
    pools: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> "Limits":
        """Return the limits of an experiment's `resources` group; what it leaves open is what this process may use of the machine."""
        return cls(group.get("cores") or machine.cores(), group.get("memory") or machine.memory(), group.get("pools") or {})

    @property
    def stock(self) -> dict[str, int]:
        """All limits by name."""
        return {**self.pools, "cores": self.cores, "memory": self.memory}

    def share(self, stage: Stage, peaks: Peaks) -> Share:
        """Return what a run of *stage* takes of what is limited; *peaks* knows what earlier runs took."""
        stock = self.stock
        needs = {name: amount for name, amount in stage.resources.items() if name in stock}
        needs["cores"] = min(needs.get("cores", 1), self.cores)
        found = memory.of(stage, peaks)
        if found is None:
            return Share(needs)
        if found.source and found.amount > self.memory:
            return Share(needs | {"cores": self.cores, "memory": self.memory}, found.source, found.amount)
        return Share(needs | {"memory": found.amount}, found.source)

    def refusal(self, stage: Stage, share: Share) -> ConfigError | None:
        """Return why *stage*, which takes *share*, can never run within these limits, None where it can."""
        stock = self.stock
        for name, amount in share.needs.items():
            if amount > stock[name]:
                return _refusal(stage, name, amount, stock[name])
        return None


def _refusal(stage: Stage, name: str, amount: int, limit: int) -> ConfigError:
    own, said = f"resources.stages.{stage.op.name}.{name}", "resources.memory" if name == "memory" else f"++resources.pools.{name}"
    return ConfigError(
        f"{stage.name} needs {told(name, amount)}, and all stages together may take {told(name, limit)}",
        where=own,
        remedy=f"raise the limit with {said}=…, or say with ++{own}=… what it really takes",
    )


def told(name: str, amount: int) -> str:
    """Return an amount of a resource for people: `12.5 GB of memory`, `2 of vivado`."""
    if name != "memory":
        return f"{amount} of {name}" if name != "cores" else f"{amount} cores"
    unit, size = next(((unit, size) for unit, size in _UNITS if amount >= size), ("bytes", 1))
    return f"{amount / size:.4g} {unit} of memory"


class Turn(Protocol):
    """What a stage waits for right before it runs; what is restored, or made by somebody else meanwhile, needs none.

    Attributes:
        pools: Name of a stock -> how many there are in all; they are counted over all processes and hosts of the tree.
    """

    @property
    def pools(self) -> Mapping[str, int]:
        """See above."""

    def taken(self, stage: Stage, watch: Callable[[Event], None]) -> AbstractContextManager[None]:
        """Hold what *stage* takes of this process's share; *watch* hears what it waits for."""

    def check(self) -> None:
        """Raise where a build that waits, for whatever, should give up."""


class Ledger:
    """What is taken at the moment. Not for several threads."""

    def __init__(self, limits: Limits) -> None:
        """Begin with nothing taken."""
        self._stock = limits.stock
        self._taken: Counter[str] = Counter()

    def fits(self, needs: Needs) -> bool:
        """Return whether *needs* can be met now."""
        return all(self._taken[name] + amount <= self._stock[name] for name, amount in needs.items())

    def short(self, share: Share) -> str:
        """Return, for people, what of *share* there is too little of now."""
        return share.told(name for name, amount in share.needs.items() if not self.fits({name: amount}))

    def take(self, needs: Needs) -> None:
        """Count *needs* as taken."""
        self._taken.update(needs)

    def give(self, needs: Needs) -> None:
        """Count *needs* as free again."""
        self._taken.subtract(needs)


class Line:
    """The turn of builds that threads of one process start whenever they like (`doit -n`): each waits until its needs fit."""

    def __init__(self, limits: Limits, peaks: Peaks) -> None:
        """Begin with nothing taken; *peaks* knows what earlier runs took."""
        self.pools = limits.pools
        self._limits = limits
        self._peaks = peaks
        self._ledger = Ledger(limits)
        self._running: list[str] = []
        self._changed = Condition()

    def check(self) -> None:
        """Give up where the build was told to stop.

        Raises:
            Stopped: So it was.
        """
        signals.check()

    @contextmanager
    def taken(self, stage: Stage, watch: Callable[[Event], None]) -> Iterator[None]:
        """Hold what *stage* takes.

        *watch* hears a `waiting` with `what` it waits for, and which `stages` have it; and an `alone` where it takes all there is, since
        the `limit` is less than `what` it should have.

        Raises:
            ConfigError: It needs more than there is.
        """
        share = self._limits.share(stage, self._peaks)
        refusal = self._limits.refusal(stage, share)
        if refusal is not None:
            raise refusal
        needs = share.needs
        if share.wanted:
            watch(share.alone())
        with self._changed:
            if not self._ledger.fits(needs):
                watch({"event": "waiting", "what": self._ledger.short(share), "stages": list(self._running)})
            while not self._changed.wait_for(lambda: self._ledger.fits(needs), _LOOK):
                self.check()
            self._ledger.take(needs)
            self._running.append(stage.name)
        try:
            yield
        finally:
            with self._changed:
                self._ledger.give(needs)
                self._running.remove(stage.name)
                self._changed.notify_all()

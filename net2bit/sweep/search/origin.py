"""What the metrics of a point come from, so that a result is remembered only while that is the same.

It is known before anything is built, from deep keys (see `graph.deep`), and from the code that only the runs themselves could find.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from net2bit.errors import Net2bitError, StoreError
from net2bit.graph.deep import deep_keys
from net2bit.graph.plan import Plan
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store
from net2bit.job import canonical
from net2bit.sweep.metrics import source
from net2bit.sweep.points import Point
from net2bit.sweep.search.hunt import Builder, Result
from net2bit.sweep.search.trials import UNKNOWN, Origin, Trial
from net2bit.sweep.session import Session

_FOUND: Final = "SELECT records.extra FROM placed JOIN records ON records.key = placed.key WHERE placed.target = ?"


class Standing:
    """An experiment as code, data and configuration stand at one moment.

    Attributes:
        plan: Its plan.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        """Look at everything that *plan* is made from.

        Raises:
            StoreError: Code or a file of the user's cannot be read.
        """
        self.plan = plan
        self._store = store
        self._deep = deep_keys(plan, store)

    def origin(self, metrics: Iterable[str]) -> Origin:
        """Return what *metrics* (names) come from, once the stages that tell them have been made; unknown where the records do not say."""
        tellers = self._tellers(metrics)
        found = self._found(tellers)
        return UNKNOWN if found is None else Origin(self._digest(tellers), found)

    def holds(self, origin: Origin, metrics: Iterable[str]) -> bool:
        """Return whether *metrics* that came from *origin* would be the same today.

        Where a file of the user's is missing nothing can be compared, and they count: a data set that is not mounted refutes nothing.
        """
        if self._lost():
            return True
        code = self._store.keys.code
        return origin.deep == self._digest(self._tellers(metrics)) and (not origin.found or code.holds(origin.found))

    def _tellers(self, metrics: Iterable[str]) -> list[Stage]:
        kinds = {source(name, self.plan) for name in metrics}
        return [stage for stage in self.plan.stages if any(output.kind in kinds for output in stage.outputs)]

    def _digest(self, tellers: Sequence[Stage]) -> str:
        return hashlib.sha256("\n".join(self._deep[stage.name] for stage in tellers).encode()).hexdigest()

    def _found(self, tellers: Sequence[Stage]) -> str | None:
        """Return the code that only the runs of *tellers*, and of all stages before them, could find; None where one has no record."""
        texts = [self._extra(stage) for stage in _behind(self.plan, tellers) if stage.op.run]
        if None in texts:
            return None
        files = {(name, digest) for text in texts if text for name, digest in json.loads(text)}
        return canonical(sorted(map(list, files))) if files else ""

    def _extra(self, stage: Stage) -> str | None:
        if self._store.shared:
            self._store.check(stage)  # which learns what another host has made
        rows = self._store.records.ask(_FOUND, (stage.outputs[0].path,))
        return str(rows[0][0]) if rows else None

    def _lost(self) -> bool:
        digest = self._store.prints.digest
        return any(digest(one.path, tree=one.tree) is None for stage in self.plan.stages for one in stage.inputs if not one.maker)


def _behind(plan: Plan, stages: Iterable[Stage]) -> Iterator[Stage]:
    """Yield *stages* and all that they need, each once."""
    seen: set[str] = set()
    todo = list(stages)
    while todo:
        stage = todo.pop()
        if stage.name not in seen:
            seen.add(stage.name)
            todo += plan.upstream(stage)
            yield stage


class Origins:
    """Looks at the experiments of trials."""

    def __init__(self, session: Session, point: Callable[[Trial], Point]) -> None:
        """Plan in *session*; *point* composes a trial."""
        self._session = session
        self._point = point

    def of(self, trial: Trial) -> Standing | None:
        """Return how the experiment of *trial* stands, None where it is refused.

        Raises:
            StoreError: Code or a file of the user's cannot be read.
        """
        try:
            plan = self._session.plan(self._point(trial))
        except Net2bitError:
            return None
        return Standing(plan, self._session.store)

    def now(self, trials: Iterable[Trial]) -> dict[int, Standing]:
        """Return how the experiments stand at this moment, by their numbers; those that cannot be looked at are left out."""
        if self._session.opened:
            self._session.store.renew()
        found: dict[int, Standing] = {}
        for trial in trials:
            with suppress(StoreError):  # the build says so, of the point that it belongs to
                standing = self.of(trial)
                if standing is not None:
                    found[trial.number] = standing
        return found


class Traced:
    """Builds with another builder, and notes what the results come from. Implements `hunt.Builder`."""

    def __init__(self, builder: Builder, origins: Origins) -> None:
        """Build with *builder*."""
        self._builder = builder
        self._origins = origins

    def build(self, points: Sequence[Trial], kinds: Sequence[str]) -> Mapping[int, Result]:
        """Make *kinds* for every point, the flow's goals where there are none; returns number -> result.

        What an edit meets while it is built counts as made before the edit: at worst it is built again.
        """
        before = self._origins.now(points)
        found = self._builder.build(points, kinds)
        return {number: replace(one, origin=_origin(before.get(number), one)) for number, one in found.items()}

    def prune(self, number: int, reason: str) -> None:
        """Hear that a point is built no further."""
        self._builder.prune(number, reason)


def _origin(standing: Standing | None, result: Result) -> Origin:
    return standing.origin(result.metrics) if standing else UNKNOWN

"""The scheduler's laws, over random graphs with random resources, failures and waits; the store is a model that builds in no time."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from noted_graph import Account

from net2bit.errors import StageError
from net2bit.graph.build import Built
from net2bit.graph.execute import Done
from net2bit.graph.history import Peak
from net2bit.graph.kind import Op
from net2bit.graph.merge import Merged, Node
from net2bit.graph.pools import Limits, Turn
from net2bit.graph.schedule import Local
from net2bit.graph.stage import Artifact, Stage
from net2bit.graph.store import Verdict

CORES, MEMORY, LICENCES = 4, 10**9, 2
LIMITS = Limits(CORES, MEMORY, {"vivado": LICENCES})


@dataclass
class Model:
    """A store whose stages have no content; it counts what runs at once and writes down every break of a law."""

    fresh: set[str]
    failing: set[str]
    elsewhere: Mapping[str, str]  # name -> what another process does to it: "makes" it meanwhile, or "dies" over it
    seconds: Mapping[str, float]
    peaks: Mapping[str, Peak] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    ran: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def history(self) -> "Model":
        """Return the history."""
        return self

    def estimate(self, stage: Stage) -> float | None:
        """Return how long the stage should take."""
        return self.seconds.get(stage.name)

    def peak(self, stage: Stage) -> Peak | None:
        """Return what the stage took before."""
        return self.peaks.get(stage.name)

    def check(self, stage: Stage) -> Verdict:
        """Return whether the stage is up to date; the scheduler may only ask when its inputs are there."""
        self._expect_inputs(stage)
        with self.lock:
            fresh = stage.name in self.fresh
            self.done |= {stage.name} if fresh else set()
        return Verdict(fresh=fresh, key="k")

    def build(self, stage: Stage, watch: Callable[[dict[str, Any]], None], *, turn: Turn) -> Built:
        """Wait, where another process has it; then run in turn."""
        self._expect_inputs(stage)
        fate = self.elsewhere.get(stage.name)
        if fate:
            watch({"event": "waiting", "holder": "somebody"})
            turn.check()
        if fate == "makes":
            return self._made(stage, "waited")
        with turn.taken(stage, watch):
            self._count(stage, 1)
            self._count(stage, -1)
        if stage.name in self.failing:
            raise StageError(f"{stage.name} failed")
        return self._made(stage, "ran")

    def _made(self, stage: Stage, how: str) -> Built:
        with self.lock:
            self.done.add(stage.name)
            self.ran.append(stage.name)
        return Built("k", how, 0.0)

    def _expect_inputs(self, stage: Stage) -> None:
        with self.lock:
            self.wrong += [f"{stage.name} before {one.maker}" for one in stage.inputs if one.maker not in self.done]

    def _count(self, stage: Stage, sign: int) -> None:
        with self.lock:
            self.used["stages"] += sign
            for name, amount in LIMITS.share(stage, self).needs.items():
                self.used[name] += sign * amount
            over = {"cores": CORES, "memory": MEMORY, "vivado": LICENCES, "stages": self.used["workers"] or 99}
            self.wrong += [f"{name}: {self.used[name]}" for name, most in over.items() if self.used[name] > most]


def _node(name: str, needs: list[str], resources: Mapping[str, int]) -> Node:
    op = Op(name=name, title=name, run="x:y", makes=(name,), needs=tuple(needs))
    inputs = tuple(Artifact(need, need, need) for need in needs)
    return Node(name, Stage(name, op, {}, inputs, (Artifact(name, name, name),), name, {"cores": 1, **resources}), tuple(needs), (0,))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Merged, Model]:
    """Return a random graph and the store that builds it."""
    names = [f"n{number}" for number in range(draw(st.integers(1, 9)))]
    nodes = {}
    for number, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:number]), unique=True, max_size=3)) if number else []
        amounts = {"cores": st.integers(0, 6), "memory": st.integers(0, 2 * MEMORY), "vivado": st.integers(0, LICENCES)}
        resources = draw(st.fixed_dictionaries({}, optional=amounts))
        nodes[name] = _node(name, needs, resources)
    some = st.sets(st.sampled_from(names))
    fresh, failing = draw(some), draw(some) if draw(st.booleans()) else set()
    elsewhere = draw(st.dictionaries(st.sampled_from(names), st.sampled_from(["makes", "dies"])))
    seconds = draw(st.dictionaries(st.sampled_from(names), st.floats(0, 1e4)))
    peaks = draw(st.dictionaries(st.sampled_from(names), st.builds(Peak, st.integers(1, 2 * MEMORY), st.booleans())))
    return Merged({}, nodes), Model(fresh, failing, elsewhere, seconds, peaks)


def _run(merged: Merged, model: Model, workers: int, *, keep_going: bool) -> Mapping[str, Done]:
    model.used["workers"] = workers
    account = Account()
    done = Local(model, workers, LIMITS).run(merged, account, keep_going=keep_going)  # type: ignore[arg-type]
    assert account.how == {name: one.how for name, one in done.items()}, "every node ends once, and its end is told"
    assert set(account.begun) >= set(model.ran)
    assert model.wrong == []
    return done


def _below(merged: Merged, roots: set[str]) -> set[str]:
    found: set[str] = set()
    for name, node in merged.nodes.items():
        if set(node.needs) & (roots | found):
            found.add(name)
    return found


@given(worlds(), st.integers(1, 5))
def test_laws_when_it_keeps_going(world: tuple[Merged, Model], workers: int) -> None:
    """Every node ends once, none before its needs, within the limits; exactly what stands below a failure is left out."""
    merged, model = world
    done = _run(merged, model, workers, keep_going=True)
    failed = {name for name, one in done.items() if one.how == "failed"}
    skipped = {name for name, one in done.items() if one.how == "skipped"}
    assert skipped == _below(merged, failed)
    assert failed <= model.failing
    assert all(done[name].good for name in merged.nodes if name not in model.failing and name not in skipped)
    assert all(done[name].error is not None for name in failed | skipped)


@given(worlds(), st.integers(1, 5))
def test_laws_when_it_stops(world: tuple[Merged, Model], workers: int) -> None:
    """A failure ends it: what is left out owes it to that failure, and without one nothing is left out."""
    merged, model = world
    done = _run(merged, model, workers, keep_going=False)
    assert set(done) == set(merged.nodes)
    failed = {name for name, one in done.items() if one.how == "failed"}
    skipped = {name for name, one in done.items() if one.how == "skipped"}
    assert not skipped or failed
    assert _below(merged, failed) <= skipped
    assert len(failed) <= workers + len(model.elsewhere)


@given(worlds())
def test_nothing_more_is_started_after_a_failure(world: tuple[Merged, Model]) -> None:
    """With one worker and no other process about, the failure is the last thing that ran."""
    merged, model = world
    model.elsewhere = {}
    done = _run(merged, model, 1, keep_going=False)
    failed = [name for name, one in done.items() if one.how == "failed"]
    assert len(failed) == (1 if any(one.how == "skipped" for one in done.values()) else len(failed))
    assert len(failed) <= 1


def test_long_chains_go_first() -> None:
    """Of two ready stages the one with the longest way behind it begins, whatever their order in the graph."""
    nodes = {name: _node(name, needs, {}) for name, needs in {"short": [], "long": [], "end": ["long"]}.items()}
    model = Model(set(), set(), {}, {"short": 5.0, "long": 1.0, "end": 9.0})
    account = Account()
    Local(model, 1, LIMITS).run(Merged({}, nodes), account, keep_going=False)  # type: ignore[arg-type]
    assert account.begun == ["long", "end", "short"]


def test_a_fault_of_the_program_is_raised() -> None:
    """What is no error for users, a defect in a stage's adapter or in the watcher, is not swallowed by a thread."""
    model = Model(set(), set(), {}, {})
    model.build = lambda *_args, **_more: 1 // 0  # type: ignore[method-assign]
    nodes = {"n": _node("n", [], {})}
    try:
        Local(model, 1, LIMITS).run(Merged({}, nodes), Account(), keep_going=True)  # type: ignore[arg-type]
    except ZeroDivisionError:
        return
    raise AssertionError("it was swallowed")

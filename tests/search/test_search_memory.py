"""What a search remembers: the same seed gives the same trials, whatever happened in between."""

import multiprocessing
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from net2bit.errors import ConfigError, StoreError
from net2bit.sweep.results import DONE, PRUNED, REFUSED
from net2bit.sweep.search.goals import Goal, front
from net2bit.sweep.search.memory import FILE, Memory, opened
from net2bit.sweep.search.space import read
from net2bit.sweep.search.trials import Identity, Method, Outcome, Trial

GOALS = (Goal("a", "min"), Goal("b", "max"))
PLANE = Identity(read(["x=interval(0,1)", "y=range(0,40)"], {}), GOALS, (), Method("tpe", 1, 5))
SMALL = Identity(read(["x=1,2", "y=1,2,3"], {}), GOALS, (), Method("tpe", 1, 2))


def values(trial: Trial) -> list[float]:
    """Return the numbers of a point."""
    return [float(word.partition("=")[2]) for word in trial.overrides]


def answer(trial: Trial) -> Outcome:
    """Return the outcome of a point: less of x is better, more of y is, and far from the diagonal both cost."""
    x, y = values(trial)
    off = abs(x - y / 40)
    if off > 0.9:
        return Outcome(PRUNED, {}, "too far", {"off <= 0.9": off - 0.9})
    return Outcome(DONE, {"a": x + off, "b": y / 40 - off}, excess={"off <= 0.9": 0.0})


def run(
    folder: Path, identity: Identity, trials: int, batches: int = 1000, size: int = 3, answered: Callable[[Trial], Outcome] = answer
) -> list[tuple[str, ...]]:
    """Search for so many batches; return all points."""
    with opened(folder, identity) as memory:
        for _ in range(batches):
            batch = memory.batch(size, trials)
            if not batch:
                break
            memory.tell({trial.number: answered(trial) for trial in batch})
        return [trial.overrides for trial in memory.trials]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_the_same_seed_gives_the_same_trials(tmp_path: Path, sampler: str) -> None:
    """Two searches with one seed agree in every trial, and another seed gives others."""
    identity = replace(PLANE, method=Method(sampler, 1, 5))
    first, second = run(tmp_path / "a", identity, 12), run(tmp_path / "b", identity, 12)
    assert first == second
    assert len(set(first)) == 12
    assert run(tmp_path / "c", replace(identity, method=Method(sampler, 2, 5)), 12) != first


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_stopping_and_going_on_changes_nothing(tmp_path: Path, sampler: str) -> None:
    """A search that ended after every batch, asked for its next one twice and wanted more trials later, ends in the same trials."""
    identity = replace(PLANE, method=Method(sampler, 1, 5))
    whole = run(tmp_path / "a", identity, 12)
    for trials in (9, 12):
        for _ in range(6):
            with opened(tmp_path / "b", identity) as memory:
                memory.batch(3, trials)
            run(tmp_path / "b", identity, trials, batches=1)
    assert run(tmp_path / "b", identity, 12) == whole


def test_a_batch_half_told_is_finished_first(tmp_path: Path) -> None:
    """Where a search was killed between two answers, the rest of that batch comes next, and nothing new in between."""
    with opened(tmp_path, PLANE) as memory:
        batch = memory.batch(4, 20)
        memory.tell({trial.number: answer(trial) for trial in batch[:2]})
    with opened(tmp_path, PLANE) as memory:
        assert memory.batch(4, 20) == batch[2:]


def test_a_trial_half_drawn_is_drawn_to_its_end(tmp_path: Path) -> None:
    """Where a search was killed while a point was drawn, the point comes out as it would have."""
    whole = run(tmp_path / "a", PLANE, 3, batches=1)
    with opened(tmp_path / "b", PLANE) as memory:
        live = memory._begun()
        live.suggest_float("x", 0.0, 1.0)
    assert run(tmp_path / "b", PLANE, 3, batches=1) == whole


def test_no_point_comes_twice_and_a_small_space_ends(tmp_path: Path) -> None:
    """Points that are known are answered at once; when the whole space is known, the search ends."""
    asked: list[tuple[str, ...]] = []
    with opened(tmp_path, SMALL) as memory:
        while batch := memory.batch(4, 100):
            asked += [trial.overrides for trial in batch]
            memory.tell({trial.number: answer(trial) for trial in batch})
        trials = memory.trials
    assert sorted(asked) == sorted((f"x={x}", f"y={y}") for x, y in product((1, 2), (1, 2, 3)))
    first = {trial.overrides: trial for trial in reversed(trials)}
    twins = [trial for trial in trials if trial.same_as is not None]
    assert all((twin.status, twin.metrics) == (first[twin.overrides].status, first[twin.overrides].metrics) for twin in twins)
    assert all(twin.same_as == first[twin.overrides].number for twin in twins)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_the_last_points_of_a_space_are_found(tmp_path: Path, sampler: str) -> None:
    """A sampler that keeps to what it likes does not keep a search from trying every point of a small space."""
    identity = Identity(read(["x=range(0,6)", "y=range(0,4)"], {}), GOALS, (), Method(sampler, 1, 5))
    run(tmp_path, identity, 24, size=8)
    with opened(tmp_path, identity) as memory:
        assert len({trial.overrides for trial in memory.trials}) == 24


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_the_search_is_better_than_chance(tmp_path: Path, sampler: str) -> None:
    """On a problem whose best points are known, the front of a search covers more than that of as many random points."""
    covered = {}
    for name in (sampler, "random"):
        identity = replace(PLANE, method=Method(name, 3, 10))
        run(tmp_path / name, identity, 60, size=4)
        with opened(tmp_path / name, identity) as memory:
            covered[name] = _area([[trial.metrics["a"], trial.metrics["b"]] for trial in memory.trials if trial.status == DONE])
    assert covered[sampler] > covered["random"]
    assert covered[sampler] > 0.8 * 1.5  # all of it is 1.5: a from 0 to 2, b below a


def _area(points: Sequence[Sequence[float]]) -> float:
    """Return the area that the front of *points* dominates, within a below 2 and b above 0."""
    kept = front(GOALS, dict(enumerate(points)))
    rows = sorted(points[number] for number in kept)
    ends = [min(row[0], 2.0) for row in rows[1:]] + [2.0]
    return sum(max(end - row[0], 0.0) * max(row[1], 0.0) for row, end in zip(rows, ends, strict=True))


def few(trial: Trial) -> Outcome:
    """Return the outcome of a point that is of use only where the mean of its numbers is small; what is of no use knows one goal alone."""
    numbers = values(trial)
    cost = sum(numbers) / len(numbers)
    excess = {"a <= 0.3": max(cost / 0.3 - 1, 0.0)}
    if cost > 0.3:
        return Outcome(PRUNED, {"a": cost}, "too dear", excess)
    return Outcome(DONE, {"a": cost, "b": sum(x**0.5 for x in numbers)}, excess=excess)


@pytest.mark.slow
def test_pruned_points_teach_the_sampler(tmp_path: Path) -> None:
    """Samplers that hear how far points were beyond a limit propose fewer such points than chance does, by far."""
    space = read([f"{name}=interval(0,1)" for name in "pqrs"], {})
    beyond = {}
    for name in ("tpe", "nsga2", "random"):
        identity = Identity(space, GOALS, ("a <= 0.3",), Method(name, 5, 10))
        run(tmp_path / name, identity, 60, answered=few)
        with opened(tmp_path / name, identity) as memory:
            beyond[name] = sum(trial.status == PRUNED for trial in memory.trials)
    assert beyond["tpe"] < beyond["nsga2"] < 0.9 * beyond["random"]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_points_without_all_goals_are_never_the_best(tmp_path: Path, sampler: str) -> None:
    """Whatever the sampler is told of pruned and refused points, optuna's own list of the best has only points that are done."""
    import optuna  # noqa: PLC0415 - only here

    bad = (Outcome(PRUNED, {"a": -1.0}, "too dear", {"x": 0.5}), Outcome(REFUSED, {}, "no such thing", {"the experiment": 1.0}))
    with opened(tmp_path, replace(PLANE, method=Method(sampler, 1, 2))) as memory:
        for _ in range(3):
            first, *others = memory.batch(3, 12)
            memory.tell({first.number: Outcome(DONE, {"a": 1.0, "b": 1.0})} | dict(zip((one.number for one in others), bad, strict=True)))
        done = {trial.number for trial in memory.trials if trial.status == DONE}
    study = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path / FILE}")
    assert {trial.number for trial in study.best_trials} == done


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_what_was_forgotten_is_asked_again(tmp_path: Path, sampler: str) -> None:
    """Forgotten trials are the next batch, also after another start; with the old answers the search is the one that forgot nothing."""
    identity = replace(PLANE, method=Method(sampler, 1, 5))
    whole = run(tmp_path / "a", identity, 15)
    run(tmp_path / "b", identity, 9)
    with opened(tmp_path / "b", identity) as memory:
        before = memory.trials
        memory.forget({1, 4, 8})
        kept = [trial for trial in memory.trials if trial.number not in {1, 4, 8}]
        assert kept == [trial for trial in before if trial.number not in {1, 4, 8}]
    for _ in range(2):
        with opened(tmp_path / "b", identity) as memory:
            assert [trial.number for trial in memory.batch(3, 15)] == [1, 4, 8]
    assert run(tmp_path / "b", identity, 15) == whole
    with opened(tmp_path / "a", identity) as first, opened(tmp_path / "b", identity) as second:
        assert [replace(trial, again=False) for trial in second.trials] == first.trials


def test_trials_that_were_the_same_are_forgotten_with_it(tmp_path: Path) -> None:
    """A trial that was answered as another's twin has no answer without it, and gets the new one."""
    run(tmp_path, SMALL, 6, size=2)
    with opened(tmp_path, SMALL) as memory:
        twin = next(trial for trial in memory.trials if trial.same_as is not None)
        memory.forget([number for number in [twin.same_as] if number is not None])
        assert memory.trials[twin.number].status == ""
        (first,) = memory.batch(2, 6)
        assert first.number == twin.same_as
        memory.tell({first.number: Outcome(DONE, {"a": 7.0, "b": 7.0})})
        assert memory.trials[twin.number].metrics == {"a": 7.0, "b": 7.0}


def test_a_reader_does_not_hinder_forgetting(tmp_path: Path) -> None:
    """While a dashboard reads the file, trials are forgotten all the same; it reads on in what it began with, then in the new."""
    run(tmp_path, PLANE, 6)
    count = "SELECT count(*) FROM trials WHERE state = 'RUNNING'"
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute(count).fetchone() == (0,)
        with opened(tmp_path, PLANE) as memory:
            memory.forget({0, 1})
            assert reader.execute(count).fetchone() == (0,)
            reader.execute("COMMIT")
            assert reader.execute(count).fetchone() == (2,)
            assert len(memory.batch(3, 6)) == 2


def test_another_search_in_the_folder_is_refused(tmp_path: Path) -> None:
    """Trials of another space, goal or seed are never mixed in; the error says what differs."""
    run(tmp_path, PLANE, 3)
    others = (replace(PLANE, space=SMALL.space), replace(PLANE, goals=GOALS[:1]), replace(PLANE, method=Method("tpe", 2, 5)))
    for other, word in zip(others, ("axes", "goals", "seed"), strict=True):
        with pytest.raises(ConfigError, match=f"another search: .*{word} was"):
            run(tmp_path, other, 3)


def _hold(folder: Path, held: object, end: object) -> None:
    with opened(folder, PLANE):
        held.set()  # type: ignore[attr-defined]
        end.wait()  # type: ignore[attr-defined]


def test_two_searches_at_once_are_refused(tmp_path: Path) -> None:
    """While a process searches in a folder no other does; when it is gone, the next one may."""
    context = multiprocessing.get_context("fork")
    held, end = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, held, end))
    other.start()
    assert held.wait(60)
    with pytest.raises(StoreError, match="another process searches here"), opened(tmp_path, PLANE):
        pass
    end.set()
    other.join()
    with opened(tmp_path, PLANE) as memory:
        assert memory.trials == []


def test_a_file_that_is_no_memory_is_an_error(tmp_path: Path) -> None:
    """A file of another kind under the name of the trials is told, with what to do."""
    (tmp_path / FILE).write_text("no database " * 100)
    with pytest.raises(StoreError) as caught, opened(tmp_path, PLANE):
        pass
    assert "remove the file" in caught.value.remedy


def _broken(folder: Path) -> None:
    """Search, and let the file fail before the first answer is kept."""
    with opened(folder, PLANE) as memory:
        batch = memory.batch(3, 6)
        with closing(sqlite3.connect(folder / FILE)) as other:
            other.execute("ALTER TABLE trial_values RENAME TO others")
        memory.tell({trial.number: Outcome(DONE, {"a": 1.0, "b": 1.0}) for trial in batch})


def test_trials_that_cannot_be_kept_are_an_error(tmp_path: Path) -> None:
    """Where the file fails in the middle of a search, that is told with what to do, and is no fault of the program's."""
    with pytest.raises(StoreError, match="the trials cannot be kept") as caught:
        _broken(tmp_path)
    assert "started again, the search goes on" in caught.value.remedy


def test_the_memory_is_a_plain_optuna_study(tmp_path: Path) -> None:
    """Optuna's own tools read the file: states, values and constraints are where they expect them."""
    import optuna  # noqa: PLC0415 - only here

    run(tmp_path, PLANE, 12)
    study = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path / FILE}")
    with opened(tmp_path, PLANE) as memory:
        assert isinstance(memory, Memory)
        assert [trial.state.name == "COMPLETE" for trial in study.trials] == [trial.status == DONE for trial in memory.trials]
    assert study.user_attrs["identity"]["sampler"] == "tpe"
    assert len(study.best_trials) > 0

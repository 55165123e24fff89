"""The search's steps: which points are built how far, and what the sampler hears."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from net2bit.sweep.search import hunt
from net2bit.sweep.search.goals import Goal, Limit
from net2bit.sweep.search.hunt import Plan, Result
from net2bit.sweep.search.memory import Memory, opened
from net2bit.sweep.search.space import read
from net2bit.sweep.search.trials import Identity, Method, Outcome, Trial

GOALS = (Goal("fps", "max"), Goal("resources.dsp", "min"))
LIMITS = (Limit("resources.dsp", "<=", 4), Limit("accuracy.drop", "<", 0.5))
SPACE = read(["x=range(0,8)"], {})


class Formulas:
    """Answers every point from formulas, as far as it is asked, and counts."""

    def __init__(self) -> None:
        """Nothing is built."""
        self.built: list[tuple[tuple[int, ...], tuple[str, ...]]] = []
        self.pruned: dict[int, str] = {}

    def build(self, points: Sequence[Trial], kinds: Sequence[str]) -> Mapping[int, Result]:
        """Tell what *kinds* tell; x = 7 is no experiment, x = 0 fails."""
        self.built.append((tuple(sorted(_x(trial) for trial in points)), tuple(kinds)))
        return {trial.number: self._one(_x(trial), kinds) for trial in points}

    def prune(self, number: int, reason: str) -> None:
        """Remember."""
        self.pruned[number] = reason

    def _one(self, x: int, kinds: Sequence[str]) -> Result:
        if x == 7:
            return Result("refused", reason="no such DPU")
        if x == 0 and not kinds:
            return Result("failed", reason="it broke")
        known = {"resources.dsp": float(x)}
        if kinds != ("target.json",):
            known["accuracy.drop"] = 1.0 if x == 3 else 0.0
        return Result("done", known if kinds else known | {"fps": float(x)})


def _x(trial: Trial) -> int:
    return int(trial.overrides[0].partition("=")[2])


def _search(folder: Path, builder: Formulas, trials: int = 8) -> list[Trial]:
    plan = Plan(GOALS, LIMITS, (("target.json",), ("target.json", "ladder.json")), 8, trials)
    identity = Identity(SPACE, GOALS, tuple(map(str, LIMITS)), Method("random", 0, 2))
    with opened(folder, identity) as memory:
        hunt.search(plan, memory, builder, lambda _batch, _outcomes: None)
        return memory.trials


def test_each_look_is_at_what_the_last_one_left(tmp_path: Path) -> None:
    """Points beyond a limit, or refused, are not built again; the others go on to the next look, and then to their end."""
    builder = Formulas()
    _search(tmp_path, builder)
    assert builder.built == [
        ((0, 1, 2, 3, 4, 5, 6, 7), ("target.json",)),
        ((0, 1, 2, 3, 4), ("target.json", "ladder.json")),
        ((0, 1, 2, 4), ()),
    ]


def test_every_point_ends_as_what_it_was(tmp_path: Path) -> None:
    """Done, pruned, refused and failed points are told apart, with the reason; figures that were known stay known."""
    builder = Formulas()
    found = {_x(trial): trial for trial in _search(tmp_path, builder) if trial.same_as is None}
    assert {x: trial.status for x, trial in found.items()} == {
        **dict.fromkeys((1, 2, 4), "done"),
        **dict.fromkeys((3, 5, 6), "pruned"),
        0: "failed",
        7: "refused",
    }
    assert found[5].reason == "resources.dsp is 5, not <= 4"
    assert found[3].metrics == {"resources.dsp": 3.0, "accuracy.drop": 1.0}
    assert set(builder.pruned) == {found[x].number for x in (3, 5, 6, 7)}


def test_the_best_are_done_and_unbeaten(tmp_path: Path) -> None:
    """Only points that are done and hold every limit can be best; here more of one goal is less of the other, so all of them are."""
    trials = _search(tmp_path, Formulas())
    assert sorted(_x(trial) for trial in hunt.best(GOALS, trials)) == [1, 2, 4]


def test_nothing_is_left_to_ask_at_the_end(tmp_path: Path) -> None:
    """A finished search, started again, builds nothing."""
    _search(tmp_path, Formulas())
    again = Formulas()
    _search(tmp_path, again)
    assert again.built == []


def test_the_sampler_hears_how_far_beyond(tmp_path: Path) -> None:
    """A pruned point's excess is a share of the bound, and a refused point is infeasible too."""
    heard: dict[int, Outcome] = {}
    plan = Plan(GOALS, LIMITS, (("target.json",),), 8, 8)
    with opened(tmp_path, Identity(SPACE, GOALS, (), Method("random", 0, 2))) as memory:
        assert isinstance(memory, Memory)
        hunt.search(plan, memory, Formulas(), lambda batch, outcomes: heard.update({_x(trial): outcomes[trial.number] for trial in batch}))
    assert heard[6].excess == {"resources.dsp <= 4": 0.5}
    assert heard[7].excess == {"the experiment": 1.0}
    assert heard[4].excess == {"resources.dsp <= 4": 0.0, "accuracy.drop < 0.5": 0.0}
    assert heard[0].excess == {}

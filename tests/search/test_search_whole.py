"""Searches as users run them: real stages, real processes, real kills."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from search_project import CLOCKS, GOALS, WIDTHS, Project

SMALL = ("search.trials=8", "search.batch=4", "search.startup=4")
pytestmark = pytest.mark.timeout(600)


def value(trial: dict[str, Any], key: str) -> float:
    """Return the number that a point has for *key*."""
    return next(float(word.partition("=")[2]) for word in trial["overrides"] if word.startswith(f"{key}="))


def table(project: Project) -> list[dict[str, str]]:
    """Return the rows of the sweep's table."""
    text = (project.folder / "sweeps/s/table.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def shown(project: Project) -> dict[str, str]:
    """Return label -> status of the points in the sweep's comparison."""
    found = json.loads((project.folder / "sweeps/s/points.json").read_text())
    return {point["label"]: point["status"] for point in found["points"]}


def test_a_search_ends_in_its_best_points(project: Project) -> None:
    """The best points are those of the trials that no other beats; they stand at the terminal, in search.json and in the sweep's table."""
    done = project.run(WIDTHS, CLOCKS, GOALS, *SMALL)
    assert done.returncode == 0, done.stdout + done.stderr
    found = project.told()
    trials = {trial["number"]: trial for trial in project.points()}
    names = ("accuracy.int8.dice", "fps", "resources.dsp")
    costs = {
        number: (-trial["metrics"][names[0]], -trial["metrics"][names[1]], trial["metrics"][names[2]]) for number, trial in trials.items()
    }
    beaten = {
        a for a, one in costs.items() for other in costs.values() if other != one and all(x <= y for x, y in zip(other, one, strict=True))
    }
    assert found["best"] == sorted(costs.keys() - beaten)
    assert len(trials) == 8
    assert {"optuna", "net2bit", "python"} == found["versions"].keys()
    assert (found["sampler"], found["seed"]) == ("tpe", 0)
    for number in found["best"]:
        assert trials[number]["overrides"][-1] in done.stdout
    assert len(table(project)) == 8


def test_pruned_points_cost_nothing_downstream(project: Project) -> None:
    """A point beyond a limit runs only what told so, the cheapest limit first; what the others share runs once."""
    limits = 'search.limits=["accuracy.int8.dice >= 0.8","resources.dsp <= 250"]'
    done = project.run(WIDTHS, CLOCKS, GOALS, *SMALL, limits)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = project.points()
    clocks = {value(trial, "dpu.clock_mhz") for trial in trials}
    big = [trial for trial in trials if value(trial, "dpu.clock_mhz") == 300]
    fitted = [trial for trial in trials if trial not in big]
    poor = [trial for trial in fitted if trial["metrics"]["accuracy.int8.dice"] < 0.8]
    assert big
    assert poor
    assert {trial["status"] for trial in big + poor} == {"pruned"}
    assert all("accuracy.int8.dice" not in trial["metrics"] for trial in big)
    assert all("fps" not in trial["metrics"] for trial in poor)
    good = len(fitted) - len(poor)
    widths = len({value(trial, "model.width") for trial in fitted})
    assert project.runs == {"describe": len(clocks), "fit": widths, "measure": widths, "latency": good, "judge": good}
    assert "resources.dsp is 300, not <= 250" in done.stdout


def test_refused_points_cost_nothing(project: Project) -> None:
    """A DPU that does not fit the board is refused when the point is composed; the search goes on with the others."""
    done = project.run("dpu=b512,b4096", "board=zuboard_1cg", WIDTHS, GOALS, *SMALL)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = project.points()
    fits = [trial for trial in trials if "dpu=b512" in trial["overrides"]]
    assert {trial["status"] for trial in fits} == {"done"}
    assert {trial["status"] for trial in trials if trial not in fits} == {"refused"}
    assert project.runs["fit"] == len({value(trial, "model.width") for trial in fits})


def test_a_point_that_fails_does_not_end_the_search(project: Project) -> None:
    """A stage that fails costs its own point; the sampler hears that it failed, and the others are done."""
    done = project.run("model.width=interval(3,4)", GOALS, *SMALL)
    trials = project.points()
    wide = [value(trial, "model.width") > 3.5 for trial in trials]
    assert any(wide)
    assert not all(wide)
    assert [trial["status"] for trial in trials] == ["failed" if bad else "done" for bad in wide]
    assert "the loss is not a number" in done.stdout


@pytest.mark.slow
def test_a_search_that_was_killed_goes_on_where_it_stood(tmp_path: Path) -> None:
    """Killed in the middle of a batch, a search ends in the trials of one that was not; no stage that had finished runs again."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, killed = Project(tmp_path / "a"), Project(tmp_path / "b")
    words = (WIDTHS, CLOCKS, GOALS, *SMALL, "-n", "1")
    whole.run(*words)
    trials = whole.points()
    second = max(value(trial, "model.width") for trial in trials[4:])
    first = max(value(trial, "model.width") for trial in trials[:4])
    killed.killed(min(first, second) - 1e-6, *words)
    before = killed.runs
    assert sum(before.values()) < sum(whole.runs.values())
    done = killed.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert killed.told() == whole.told()
    again = killed.runs
    assert sum(again.values()) <= sum(whole.runs.values()) + 1  # the stage that was killed
    assert killed.run(*words).returncode == 0
    assert killed.runs == again


@pytest.mark.slow
def test_more_trials_go_on_from_those_there_are(project: Project) -> None:
    """A finished search with more trials runs only the new ones, and its table has all."""
    project.run(WIDTHS, CLOCKS, GOALS, "search.trials=3", "search.batch=3", "search.startup=4")
    fits = project.runs["fit"]
    done = project.run(WIDTHS, CLOCKS, GOALS, "search.trials=6", "search.batch=3", "search.startup=4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.runs["fit"] == len({value(trial, "model.width") for trial in project.points()}) >= fits
    assert len(project.points()) == 6
    assert len(table(project)) == 6


@pytest.mark.slow
def test_a_launcher_that_knows_no_graph_finds_the_same(tmp_path: Path) -> None:
    """With joblib every point is built in a process of its own: the trials are those of the merged launcher, and pruning saves as much."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    merged, joblib = Project(tmp_path / "a"), Project(tmp_path / "b")
    words = (WIDTHS, CLOCKS, GOALS, "search.trials=4", "search.batch=2", 'search.limits=["resources.dsp <= 250"]')
    assert merged.run(*words).returncode == 0
    done = joblib.run(*words, "launcher=joblib", "hydra.launcher.n_jobs=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert joblib.told() == merged.told()
    assert joblib.runs == merged.runs
    assert shown(joblib) == shown(merged)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((WIDTHS, "search.goals=[accuracy.int8.dic]"), "did you mean: accuracy.int8.dice"),
        ((WIDTHS, "search.goals=[simulation.different]"), "does not make what tells simulation.different"),
        ((WIDTHS, "search.goals=[accuracy.int8.dice]", "flow=small"), "flow=formulas makes it"),
        ((WIDTHS, "search.goals=[fit.los:min]"), "it does not tell fit.los"),
        ((WIDTHS, "search.trials=0"), "search.trials"),
        ((WIDTHS, "search.sampler=tpr"), "search.sampler=tpe"),
        (("dpu=b512,b880",), "dpu=b800"),
        (("model.with=interval(1,2)",), "model.width"),
        (("model.width=interval(2,1)",), "is empty"),
        (("model.width=1",), "nothing to search"),
        ((WIDTHS, "search.limits=[fps]"), "is no limit"),
    ],
)
def test_mistakes_are_told_without_a_traceback(project: Project, words: tuple[str, ...], says: str) -> None:
    """What the user got wrong is said in a sentence, with the near miss or the remedy."""
    done = project.run(*words)
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
def test_another_search_of_the_same_name_is_refused(project: Project) -> None:
    """Trials of another space are not mixed in: the folder is another search's."""
    project.run(WIDTHS, "search.trials=1")
    done = project.run("model.width=interval(1,2)", "search.trials=1")
    assert done.returncode != 0
    assert "another search: axes was" in done.stdout + done.stderr


def test_an_interval_needs_a_search(project: Project) -> None:
    """Without the search sweeper, an interval has no values to list; the error names the sweeper that takes it."""
    command = [word for word in project.command(WIDTHS) if word != "hydra/sweeper=search"]
    done = project.python(*command)
    assert done.returncode != 0
    assert "sweeper=search" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr

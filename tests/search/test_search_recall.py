"""What a search still believes when it is started again: what it knows holds only while it would come out the same."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from search_project import CLOCKS, GOALS, WIDTHS, Project

FOUR = ("search.trials=4", "search.batch=4", "search.startup=4", "search.seed=2")
AGAIN = "remembered points are looked at again"
RULE = "def slower(fps: float) -> float:\n    return fps\n"
pytestmark = pytest.mark.timeout(600)


def search(project: Project, *words: str) -> str:
    """Search; return what was said."""
    done = project.run(GOALS, *FOUR, *words)
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


def edit(project: Project, path: str, old: str, new: str) -> None:
    """Replace the only *old* in a file of the project."""
    text = (project.folder / path).read_text(encoding="utf-8")
    assert text.count(old) == 1
    project.write(path, text.replace(old, new))


def frames(project: Project) -> list[float]:
    """Return the frames per second of all points, in their order."""
    return [trial["metrics"]["fps"] for trial in project.points()]


def reading_rules(project: Project) -> None:
    """Let the stage that predicts use a module that only its run can find."""
    project.write("rules/__init__.py", "")
    project.write("rules/slower.py", RULE)
    found = '__import__("importlib").import_module(".".join(("rules", "slower"))).slower(fps)'
    edit(project, "formulas.py", "    figures =", f"    fps = {found}\n    figures =")


@pytest.mark.slow
def test_code_that_only_a_run_finds_counts(project: Project) -> None:
    """An edit of a module that a stage imports by a computed name brings all points back, once: only what it reaches runs again."""
    reading_rules(project)
    search(project, WIDTHS, CLOCKS)
    before, runs = frames(project), project.runs
    edit(project, "rules/slower.py", "return fps", "return fps / 2")
    assert f"search: 4 of 4 {AGAIN}: 4 since what they are made from has changed" in search(project, WIDTHS, CLOCKS)
    assert frames(project) == [pytest.approx(fps / 2, rel=1e-5) for fps in before]
    assert project.runs - runs == Counter(latency=4, judge=4)
    runs = project.runs
    assert AGAIN not in search(project, WIDTHS, CLOCKS)
    assert project.runs == runs


@pytest.mark.slow
def test_an_edit_is_seen_where_nothing_is_left(project: Project) -> None:
    """Without any product and record, points whose code is the same count and are not built; an edit brings all of them back."""
    search(project, WIDTHS, CLOCKS)
    before, runs = project.told(), project.runs
    for path in ("build", ".net2bit"):
        (project.folder / path).rename(project.folder / f"{path}-gone")
    edit(project, "formulas.py", '"""Frames a second', '"""A word more. Frames a second')
    assert AGAIN not in search(project, WIDTHS, CLOCKS)
    assert (project.told(), project.runs) == (before, runs)
    edit(project, "formulas.py", "0.1 + width**2", "0.2 + width**2")
    assert f"4 of 4 {AGAIN}: 4 since" in search(project, WIDTHS, CLOCKS)
    assert all(now < then for now, then in zip(frames(project), (trial["metrics"]["fps"] for trial in before["trials"]), strict=True))


@pytest.mark.slow
def test_only_what_tells_of_a_point_counts(project: Project) -> None:
    """Where the configuration of a late stage changes, points that an early one has pruned still count."""
    words = (WIDTHS, CLOCKS, 'search.limits=["resources.dsp <= 250"]')
    search(project, *words)
    status = Counter(trial["status"] for trial in project.points())
    assert set(status) == {"done", "pruned"}
    runs = project.runs
    edit(project, "experiments/verify/default.yaml", "max_drop: 0.01", "max_drop: 0.02")
    assert f"search: {status['done']} of 4 {AGAIN}: {status['done']} since what" in search(project, *words)
    widths = len({word for trial in project.points() if trial["status"] == "done" for word in trial["overrides"] if "width" in word})
    assert project.runs - runs == Counter(measure=widths)


@pytest.mark.slow
def test_an_edit_taken_back_costs_nothing(project: Project) -> None:
    """A search that was killed after an edit, and whose edit is taken back, ends as if nothing had been."""
    search(project, WIDTHS, CLOCKS)
    before, runs = project.told(), project.runs
    edit(project, "formulas.py", "4 - width", "5 - width")
    project.killed(0, GOALS, *FOUR, WIDTHS, CLOCKS, "-n", "1")
    edit(project, "formulas.py", "5 - width", "4 - width")
    assert AGAIN not in search(project, WIDTHS, CLOCKS)  # the points are open since the kill
    assert project.told() == before
    assert set(project.runs - runs) <= {"fit", "describe"}  # what was killed, and what had ended before


def failing(project: Project) -> None:
    """Let a stage fail as long as there is a file `full`."""
    fault = 'if Path(__file__).with_name("full").exists():\n        raise StageError("no space left")\n'
    edit(project, "formulas.py", '    _ran("latency")\n', f'    _ran("latency")\n    {fault}')


@pytest.mark.slow
def test_a_point_that_failed_gets_another_try(tmp_path: Path) -> None:
    """With the next start points that failed are built, from where they stopped; the search ends as one that never failed."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, broken = Project(tmp_path / "a"), Project(tmp_path / "b")
    for project in (whole, broken):
        failing(project)
    search(whole, WIDTHS, CLOCKS)
    broken.write("full", "")
    search(broken, WIDTHS, CLOCKS)
    assert {trial["status"] for trial in broken.points()} == {"failed"}
    assert f"search: 4 of 4 {AGAIN}: 4 since they failed" in search(broken, WIDTHS, CLOCKS)
    assert {trial["status"] for trial in broken.points()} == {"failed"}
    (broken.folder / "full").unlink()
    search(broken, WIDTHS, CLOCKS)
    assert broken.told() == whole.told()
    assert broken.runs["fit"] == whole.runs["fit"]
    assert AGAIN not in search(broken, WIDTHS, CLOCKS)


def test_refused_points_are_not_tried_again(project: Project) -> None:
    """A point that is no experiment stays out until its configuration is mended; then it is built."""
    words = ("dpu=b512,b4096", "board=zuboard_1cg", "search.trials=2", "search.batch=2", "search.goals=[resources.dsp]", "flow=small")
    search(project, *words)
    assert sorted(trial["status"] for trial in project.points()) == ["done", "refused"]
    assert AGAIN not in search(project, *words)
    board = project.folder / "experiments/board/zuboard_1cg.yaml"
    board.write_text((project.folder / "experiments/board/zcu104.yaml").read_text(encoding="utf-8").replace("zcu104", "zuboard_1cg"))
    assert f"search: 2 of 2 {AGAIN}: 2 since what" in search(project, *words)
    assert {trial["status"] for trial in project.points()} == {"done"}


@pytest.mark.slow
def test_a_file_that_is_missing_refutes_nothing(project: Project) -> None:
    """While a file of the user's is away nothing can be compared, and results count; where it comes back changed they do not."""
    edit(project, "tasks/toolchains/formulas.py", 'reads=("verify.max_drop",)', 'reads=("verify.max_drop",), files=("model.init",)')
    project.write("start.npz", "one")
    words = (WIDTHS, CLOCKS, "model.init=start.npz")
    search(project, *words)
    runs = project.runs
    (project.folder / "start.npz").unlink()
    assert AGAIN not in search(project, *words)
    project.write("start.npz", "another")
    assert f"4 of 4 {AGAIN}" in search(project, *words)
    assert set(project.runs - runs) == {"measure"}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [(), ("launcher=joblib", "hydra.launcher.n_jobs=2")])
def test_the_comparison_has_what_is_remembered(project: Project, launcher: tuple[str, ...]) -> None:
    """When a search goes on, its comparison has the points of before with their figures and files, whoever builds the new ones."""
    search(project, WIDTHS, CLOCKS, *launcher)
    search(project, WIDTHS, CLOCKS, "search.trials=6", *launcher)
    rows = json.loads((project.folder / "sweeps/s/points.json").read_text())["points"]
    assert len(rows) == 6
    assert all({"latency.json", "target.json"} <= {file["kind"] for file in row["files"]} for row in rows)
    with (project.folder / "sweeps/s/table.csv").open(encoding="utf-8") as file:
        assert all(row["fps"] for row in csv.DictReader(file))

"""What the sweep tells about its points: choices, goals, pictures."""

import json
from pathlib import Path

import pytest

from net2bit.errors import ConfigError
from net2bit.graph.store import Store
from net2bit.report.comparison_points import FORM as READ
from net2bit.sweep import account, compare
from net2bit.sweep.points import Point
from net2bit.sweep.results import FAILED, REFUSED, PointResult

FIGURES = {"accuracy.int8.dice", "accuracy.float.dice", "fps", "dpu.peak", "resources.dsp", "latency"}


@pytest.mark.parametrize(
    ("word", "key", "text"),
    [("dpu=b512", "dpu", "b512"), ("+a.b=1=2", "a.b", "1=2"), ("++a=", "a", ""), ("~a=1", "a", "deleted"), ("a=[1, 2]", "a", "[1, 2]")],
)
def test_choices_are_overrides(word: str, key: str, text: str) -> None:
    """An override is shown as its key and the value as written, whatever form it has."""
    assert account.choice(word) == (key, text)


def pairs(goals: dict[str, str], figures: set[str]) -> list[tuple[str, str, str]]:
    """Return which figures are drawn: vertical, horizontal, size."""
    return [(one["y"], one["x"], one["size"]) for one in account.pictures(goals, figures)]


def test_pictures_of_a_search_are_those_of_its_goals() -> None:
    """Each two of the goals are drawn, the third as size in the first picture; of one goal, with what it costs; of unknown ones nothing."""
    two = {"latency": "min", "accuracy.int8.dice": "max"}
    assert pairs(two, FIGURES) == [("latency", "accuracy.int8.dice", "resources.dsp")]
    assert len(pairs(two | {"fps": "max"}, FIGURES)) == 3
    assert pairs({"latency": "min"}, FIGURES) == [("latency", "resources.dsp", "")]
    assert pairs({"none": "min"}, FIGURES) == []


def refused(number: int) -> PointResult:
    """Return a point that was refused."""
    error = ConfigError("it does not fit", remedy="take a smaller one")
    return PointResult(Point(number, (f"dpu=b{number}",), f"b{number}", None, error), None, REFUSED, error=str(error))


def told(folder: Path) -> dict[str, object]:
    """Return what points.json says."""
    found: dict[str, object] = json.loads((folder / compare.FILE).read_text())
    return found


def test_points_without_plan_or_figures(tmp_path: Path) -> None:
    """A sweep in which nothing could be planned has its page; a figure that is no number is left out."""
    folder = tmp_path / "sweeps" / "x"
    failed = PointResult(Point(1, ("dpu=b1",), "b1"), None, FAILED, error="no", metrics={"fps": float("nan"), "latency": 2.0})
    with Store(tmp_path) as store:
        compare.write(folder, "x", [refused(0), failed], store, {})
    found = told(folder)
    assert found["format"] == account.FORM == READ
    assert [point["status"] for point in found["points"]] == [REFUSED, FAILED]  # type: ignore[attr-defined]
    assert [metric["name"] for metric in found["metrics"]] == ["latency"]  # type: ignore[attr-defined]
    assert "take a smaller one" in (folder / compare.PAGE).read_text()


def test_nothing_new_nothing_written(tmp_path: Path) -> None:
    """The same results again write nothing; another result, another goal, or a page that is gone writes all of it."""
    folder = tmp_path / "sweeps" / "x"
    with Store(tmp_path) as store:
        compare.write(folder, "x", [refused(0)], store, {})
        (folder / compare.FILE).write_text("kept")
        compare.write(folder, "x", [refused(0)], store, {})
        assert (folder / compare.FILE).read_text() == "kept"
        for results, settings in (([refused(0), refused(1)], {}), ([refused(0)], {"goals": {"fps": "max"}})):
            compare.write(folder, "x", results, store, settings)
            assert told(folder)["format"] == account.FORM
            (folder / compare.FILE).write_text("old")
        (folder / compare.PAGE).unlink()
        compare.write(folder, "x", [refused(0)], store, {"goals": {"fps": "max"}})
        assert told(folder)["format"] == account.FORM


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the comparison cannot be written, one line says so, and the sweep goes on."""
    (tmp_path / "sweeps").write_text("in the way")
    with Store(tmp_path) as store:
        compare.write(tmp_path / "sweeps" / "x", "x", [refused(0)], store, {})
    assert "was not written" in capsys.readouterr().err

"""The comparison that a real sweep leaves behind."""

import csv
from pathlib import Path

import pytest
from compare_project import Compared
from page_reader import Page

WORDS = ("dataset.synth.seed=7,8", "verify.max_drop=0.25,0.5", "sweep.name=small", "sweep.keep_going=true")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Return a project with a sweep of four points, two of which fail."""
    folder = tmp_path_factory.mktemp("swept") / "project"
    folder.mkdir()
    project = Compared(folder)
    done = project.sweep(*WORDS)
    assert done.returncode == 1, done.stderr
    assert (folder / "sweeps/small/index.html").exists(), done.stderr
    return project


def test_failed_points_are_in_the_table(swept: Compared) -> None:
    """A sweep that failed in part has its comparison: done and failed points, reasons, figures."""
    with (swept.folder / "sweeps/small/table.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["status"] for line in lines] == ["done", "failed", "done", "failed"]
    assert "the drop is too large" in lines[1]["error"]
    assert [line["first.seed"] for line in lines][::2] == ["1", "0"]
    page = Page((swept.folder / "sweeps/small/index.html").read_text())
    assert not page.unbalanced
    assert "calibrate with more images" in page.text


def test_links_lead_to_files(swept: Compared) -> None:
    """Every link of the page leads to a file that is there, as seen from the page's own folder."""
    folder = swept.folder / "sweeps/small"
    page = Page((folder / "index.html").read_text())
    links = [link for link in page.links if not link.startswith("#")]
    assert any("build/third.txt/" in link for link in links)
    assert [link for link in links if not (folder / link).exists()] == []


def test_shared_work_is_counted(swept: Compared) -> None:
    """The points' stages are counted, wanted and different; what they took is told apart."""
    work = swept.points("small")["work"]
    assert (work["wanted"], work["distinct"]) == (12, 8)
    assert {one["op"]: (one["wanted"], one["distinct"]) for one in work["ops"]} == {"first": (4, 2), "second": (4, 2), "third": (4, 4)}
    times = swept.points("small")["times"]
    assert {one["op"] for one in times["stages"]} == {"first", "second", "third"}
    assert times["apart"] > times["spent"]


def test_points_can_be_compared(swept: Compared) -> None:
    """Points are named by label or number, as the shell's completion writes them too; configuration and figures come from the sweep."""
    first, second, third = (point["label"] for point in swept.points("small")["points"][:3])
    for a, b in ((f"small/{first}", f"small/{third}"), ("small/0", "small/2"), (f"sweeps/small/points/{first}/", "./small/2")):
        found = swept.data(a, b)
        assert found["config"] == [{"key": "dataset.synth.seed", "a": 7, "b": 8}]
        assert {one["name"] for one in found["metrics"]} >= {"first.seed"}
    failed = swept.compare(f"small/{second}", "small/0")
    assert failed.returncode == 3
    assert "it failed: " in failed.stderr


def test_an_unknown_point_is_a_message(swept: Compared) -> None:
    """A point's near miss is suggested and the points there are are listed."""
    label = swept.points("small")["points"][0]["label"]
    done = swept.compare(f"small/{label}x", "small/0")
    assert done.returncode == 3
    assert f"did you mean: small/{label}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"points": [{}]}', '{"points": [{"label": "x", "number": 0, "status": "done"}]}'])
def test_a_damaged_sweep_is_a_message(swept: Compared, text: str) -> None:
    """A points.json that no sweep has written is named, with what to do; other names are looked up all the same."""
    folder = swept.folder / "sweeps" / "damaged"
    folder.mkdir(exist_ok=True)
    (folder / "points.json").write_text(text)
    done = swept.compare("damaged/0", "small/0")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "remedy" in done.stderr
    assert "did you mean" in swept.compare("smal/0", "small/0").stderr


def test_a_sweep_with_nothing_to_do_leaves_the_files(swept: Compared) -> None:
    """The same sweep again writes no file of the comparison."""
    words = [word.replace("0.25,0.5", "0.25") for word in WORDS[:2]] + ["sweep.name=again"]
    folder = swept.folder / "sweeps/again"
    assert swept.sweep(*words).returncode == 0
    before = stats(folder)
    assert swept.sweep(*words).returncode == 0
    assert stats(folder) == before


def stats(folder: Path) -> dict[str, int]:
    """Return when each file of a comparison was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}

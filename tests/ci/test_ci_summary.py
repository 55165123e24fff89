"""The page that a run shows: what ran, what differs from the base branch, and that no text in it is markup."""

from pathlib import Path

import pytest

from net2bit.ci import figures
from net2bit.ci.__main__ import write_summary
from net2bit.ci.figures import Figures, changes
from net2bit.ci.markdown import code, plain, within
from net2bit.ci.run import Run, StageRun
from net2bit.ci.summary import LIMIT, About, summary

STAGES = (
    StageRun("weights.h5", "Train", "restored", 0.5, 120.0),
    StageRun("unet.xmodel", "Compile", "ran", 3.0),
    StageRun("images", "Draw", "kept", 0.0, 10.0),
)


def test_says_what_ran_and_what_was_saved() -> None:
    """The headline counts stages by how they ended and says the time that the caches saved."""
    page = summary(Run("mine", STAGES), About(["dpu=b512"], against="main"))
    assert page.splitlines()[0] == "## mine: 1 ran, 1 from cache, 1 up to date, 2 min 10 s saved"
    assert "| weights.h5 | from cache | 0.5 s | 2 min 00 s |" in page
    assert "No figures of main to compare with yet." in page


def test_differences_are_judged_by_direction() -> None:
    """More frames a second are better, more DSP slices worse; a figure that nobody judges is only told, an equal one folded away."""
    before = {"fps": 100.0, "resources.dsp": 100.0, "train.val_dice": 0.5, "latency": 5.0, "gops": 1.0}
    after = {"fps": 110.0, "resources.dsp": 110.0, "train.val_dice": 0.6, "latency": 5.0, "dpu.peak": 7.0}
    found = {one.metric.name: one.verdict for one in changes(before, after)}
    assert found == {
        "fps": "better",
        "resources.dsp": "worse",
        "train.val_dice": "other",
        "latency": "same",
        "gops": "other",
        "dpu.peak": "other",
    }
    page = summary(Run("mine", STAGES, after), About([], against="main", base=Figures(before, "0123456789abcdef")))
    assert "### Against main (012345678)" in page
    assert "| 🟢 | frames per second, all cores (predicted) | 100 FPS | 110 FPS | +10.0% |".replace("(", r"\(") in page.replace(
        " (", r" \("
    )
    assert "| gone |" in page
    assert "| new |" in page
    assert "<summary>1 more figure differs</summary>" in page
    assert "1 figure is the same" in page


def test_small_and_strange_figures_are_shown() -> None:
    """A difference that no percentage shows is named, and a figure that is no number does no harm."""
    before, after = {"fps": 100.0, "latency": 1.0}, {"fps": 100.01, "latency": float("nan")}
    page = summary(Run("mine", (), after), About([], against="main", base=Figures(before)))
    assert "| under 0.1% |" in page
    assert "nan ms" in page


def test_shares_differ_by_points() -> None:
    """A share is shown in percent, and differs by percentage points; from nothing no percentage is made up."""
    page = summary(
        Run("mine", STAGES, {"utilisation": 0.25, "accuracy.drop": 0.01}),
        About([], against="main", base=Figures({"utilisation": 0.2, "accuracy.drop": 0.0})),
    )
    assert "20.00% | 25.00% | +5.00 points" in page
    assert "from 0" in page


def test_failure_shows_the_end_of_the_log() -> None:
    """A build that failed shows its last lines as they are; a fence in them does not end the block."""
    log = "\n".join([f"line {number}" for number in range(100)] + ["```", "ERROR: <b>no</b>"])
    page = summary(None, About([], status=1, log=log))
    assert page.startswith("## net2bit: failed before anything was built")
    assert "line 10\n" not in page
    assert "````text\n" in page
    assert "ERROR: <b>no</b>\n````" in page


@pytest.mark.parametrize("text", ["a|b", "<script>", "[x](http://a)", "`x`", "*b*", "@team", "#1", "a\nb", "~~x~~", "http://a.example"])
def test_texts_are_no_markup(text: str) -> None:
    """Names of branches, experiments and stages are shown as they stand: no cell, tag, link or mention comes of them."""
    shown = plain(text)
    assert "\n" not in shown
    assert shown.replace("\\", "") == text.replace("\n", " ")
    assert not any(sign in shown.replace(f"\\{sign}", "") for sign in "|<>[]`*@#~:")
    page = summary(Run(text, (StageRun(text, "", "ran"),)), About([], against=text))
    (row,) = [line for line in page.splitlines() if line.endswith("| ran |  |  |")]
    assert row.replace(r"\|", "").count("|") == 5


def test_page_stays_below_the_limit_of_github() -> None:
    """A page that would be too long is shortened at a part's end, and says so."""
    assert within([["a" * 100], ["b" * 100], ["c"]], 220).endswith("*(shortened: GitHub shows no more)*\n")
    huge = Run("mine", tuple(StageRun(f"stage {number}", "", "ran") for number in range(60_000)))
    page = summary(huge, About([]))
    assert len(page.encode()) <= LIMIT
    assert "shortened" in page
    assert code("a\n````\nb")[0] == "`````text"


def test_base_that_is_damaged_is_no_base(tmp_path: Path) -> None:
    """Figures are read back as written; a file that is none of ours stands for no figures."""
    path = tmp_path / "deep" / "figures.json"
    figures.write(path, Figures({"fps": 1.5}, "abc"))
    assert figures.read(path) == Figures({"fps": 1.5}, "abc")
    for text in ("", "[]", "{}", '{"format": "net2bit.figures/1", "commit": "a", "metrics": {"fps": "fast"}}'):
        path.write_text(text, encoding="utf-8")
        assert figures.read(path) == Figures({})


def test_nothing_is_written_outside_of_github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without GITHUB_STEP_SUMMARY, and without a plan, the step says what is wrong and leaves no page behind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/config.yaml").write_text("name: {", encoding="utf-8")
    write_summary({})
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "config.yaml"]


def test_no_password_is_shown() -> None:
    """An address with a password in it, in a word or in the log, is shown without."""
    page = summary(None, About(["cache.remote.url='https://me:secret@host/path'"], status=1, log="refused: https://me:secret@host/path"))
    assert "secret" not in page
    assert page.count("https://***@host/path") == 2

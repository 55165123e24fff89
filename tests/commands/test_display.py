"""The display: plain lines for logs, a board for terminals, and predictions that say what they rest on."""

import io
from pathlib import Path

import pytest

from net2bit.graph import display
from net2bit.graph.display import Board, Plain, Running, span


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (9.9, "9.9 s"), (9.96, "10 s"), (75, "1 min 15 s"), (3599.6, "1 h 00 min"), (7800, "2 h 10 min")]
)
def test_span(seconds: float, said: str) -> None:
    """Durations read as people say them, without "60 s" or "60 min"."""
    assert span(seconds) == said


def test_plain_lines() -> None:
    """A log shows why a stage runs, waits and ends, one line each, and no control character."""
    out = io.StringIO()
    plain = Plain(out)
    plain.open(2)
    plain.fresh("images")
    plain.start("weights.h5", "train.epochs: 8 -> 10", 75.0)
    plain.hear("weights.h5", {"event": "progress", "done": 1, "total": 2, "text": "epoch 1"})
    plain.hear("weights.h5", {"event": "waiting", "pid": 7, "host": "lab", "stage": "weights.h5", "since": 0})
    plain.done("weights.h5", "ran", 12.0)
    plain.failed("frozen.pb", "no such layer\n  where: conv2d_3")
    plain.close()
    assert out.getvalue().splitlines() == [
        "-- images",
        ".  weights.h5: train.epochs: 8 -> 10 (about 1 min 15 s)",
        "   weights.h5: waiting for process 7 on lab, which builds weights.h5",
        "   weights.h5: done, 12 s",
        "!! frozen.pb: failed: no such layer",
    ]


ALONE = {"event": "alone", "what": "2.1 GB of memory (measured)", "limit": "2 GB of memory"}
ALONE_SAID = "needs 2.1 GB of memory (measured), and there is 2 GB: it runs alone"


def test_a_stage_that_runs_alone_says_why() -> None:
    """Whoever wonders why nothing else runs finds the line, in a log and above the board."""
    out = io.StringIO()
    Plain(out).hear("weights.h5", ALONE)
    assert out.getvalue() == f"   weights.h5: {ALONE_SAID}\n"
    drawn = io.StringIO()
    board = Board(drawn)
    board.open(1)
    board.start("weights.h5", "never built", None)
    board.hear("weights.h5", ALONE)
    board.close()
    assert ALONE_SAID in " ".join(drawn.getvalue().split())


def test_board_shows_bar_and_tail(tmp_path: Path) -> None:
    """The board shows what a running stage says of itself and the end of its log, and clears itself away."""
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(9)), encoding="utf-8")
    board = Board(io.StringIO())
    board.open(1)
    board.start("weights.h5", "never built", None)
    board.hear("weights.h5", {"event": "start", "log": str(log)})
    board.hear("weights.h5", {"event": "progress", "done": 1, "total": 4, "text": "epoch 1/4"})
    with board._console.capture() as captured:
        board._console.print(board._draw())
    drawn = captured.get()
    assert "epoch 1/4" in drawn
    assert [line.strip() for line in drawn.splitlines() if "line" in line] == [f"line {number}" for number in range(5, 9)]
    board.done("weights.h5", "ran", 3.0)
    board.close()
    assert board._live is None


def test_time_left_is_from_history_or_share() -> None:
    """With a history the time left is what earlier runs took; without, what the share done implies; else nothing is said."""
    stage = Running("weights.h5", 100.0)
    assert stage.left() == pytest.approx(100.0, abs=1.0)
    stage = Running("weights.h5", None)
    assert stage.left() is None
    stage.began -= 10.0
    stage.hear({"event": "progress", "done": 1, "total": 4})
    assert stage.left() == pytest.approx(30.0, abs=1.0)


@pytest.mark.parametrize("name", ["NO_COLOR", "CI"])
def test_plain_where_asked(name: str) -> None:
    """NO_COLOR and CI turn the board off even on a terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert display.live(Terminal(), {"TERM": "xterm"})
    assert not display.live(Terminal(), {name: "1", "TERM": "xterm"})
    assert not display.live(Terminal(), {"TERM": "dumb"})
    assert not display.live(io.StringIO(), {"TERM": "xterm"})

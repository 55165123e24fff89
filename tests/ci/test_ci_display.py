"""What a build prints in GitHub Actions: logs folded away, failures as annotations, and no command but its own."""

import io
import re
from pathlib import Path

import pytest

from net2bit.graph.display import Board, Plain, display
from net2bit.graph.github import Folding, annotation, folded


def built(log: str, tmp_path: Path) -> list[str]:
    """Return the lines of a build of one stage that printed *log*."""
    path = tmp_path / "log"
    path.write_text(log, encoding="utf-8")
    out = io.StringIO()
    shown = Folding(out)
    shown.open(1)
    shown.start("unet.xmodel", "never built", None)
    shown.hear("unet.xmodel", {"event": "start", "log": str(path)})
    shown.done("unet.xmodel", "ran", 3.0)
    shown.close()
    return out.getvalue().splitlines()


def test_log_is_folded_behind_its_stage(tmp_path: Path) -> None:
    """The log of a stage opens from the line that says how it ended."""
    lines = built("placing\nrouting\n", tmp_path)
    assert lines[0] == ".  unet.xmodel: never built"
    assert lines[1] == "::group::   unet.xmodel: done, 3.0 s"
    assert lines[3:5] == ["placing", "routing"]
    assert lines[-1] == "::endgroup::"


def test_log_gives_no_commands(tmp_path: Path) -> None:
    """While a log is shown commands are off, by a word that it cannot know."""
    lines = built("::add-path::/tmp\n::endgroup::\n", tmp_path)
    found = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[2])
    assert found
    assert lines[-2] == f"::{found[1]}::"
    assert folded("a", "b")[1] != folded("a", "b")[1]


def test_stage_without_a_log_is_one_line() -> None:
    """What came from the cache has no log, and no fold."""
    out = io.StringIO()
    shown = Folding(out)
    shown.done("images", "restored", 0.1)
    assert out.getvalue() == "   images: from cache, 0.1 s\n"


def test_failure_is_an_annotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed stage marks the run, at the file of the project that its message names; a log or a layer is no such file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").touch()
    out = io.StringIO()
    Folding(out).failed("a,b: c", "100% bad\n  where: net.yaml\n  remedy: none")
    line = out.getvalue().splitlines()[-1]
    assert line == "::error title=a%2Cb%3A c failed,file=net.yaml::100%25 bad%0A  where: net.yaml%0A  remedy: none"
    for place in ("layer conv2d_3", "/etc/hostname", "../net.yaml", ".net2bit/logs/a.log"):
        assert "file=" not in annotation("a", f"bad\n  where: {place}")


def test_display_fits_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folding lines in GitHub Actions, plain ones elsewhere."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert isinstance(display(io.StringIO()), Folding)
    monkeypatch.delenv("GITHUB_ACTIONS")
    found = display(io.StringIO())
    assert isinstance(found, Plain)
    assert not isinstance(found, Folding | Board)

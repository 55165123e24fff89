"""Versions of tools: found, remembered, missing."""

import os
import sys
from importlib import metadata
from pathlib import Path

import pytest
from store_project import Project, first

from net2bit.errors import ToolError
from net2bit.graph import probe as probing
from net2bit.graph.kind import Tool
from net2bit.graph.probe import MISSING, Probe
from net2bit.graph.records import Records


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    """A probe without memory."""
    return Probe(Records(tmp_path / "store.db"))


def _program(folder: Path, text: str, name: str = "tool") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def bin_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_installed_package(probe: Probe) -> None:
    """The version of an installed distribution is what its metadata say; the first one installed counts."""
    assert probe.version(Tool("numpy", dists=("not-there", "numpy"))) == f"numpy {metadata.version('numpy')}"


def test_python_counts_always(probe: Probe) -> None:
    """Python's version is in every key, also without any tool."""
    assert probe.versions(()) == {"python": f"cpython {sys.version.split()[0]}"}


def test_missing_package_and_program(probe: Probe) -> None:
    """What is not installed is missing: an error with a remedy only when somebody needs it."""
    package, program = Tool("x", dists=("not-there",), remedy="pip install x"), Tool("y", command=("not-there", "-V"), remedy="buy it")
    assert probe.versions((package, program)) == {"python": probing.PYTHON, "x": MISSING, "y": MISSING}
    for tool in (package, program):
        with pytest.raises(ToolError, match=f"{tool.name} is not installed") as caught:
            probe.require((tool,))
        assert caught.value.remedy == tool.remedy


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("echo tool v3.14 beta", "3.14"),
        ("echo 'Vivado v2020.1 (64-bit)' >&2", "2020.1"),
        ("echo no number; exit 1", MISSING),
        ("exit 1", MISSING),
    ],
)
def test_program_says_its_version(probe: Probe, bin_: Path, text: str, version: str) -> None:
    """The version is taken out of what the program prints, on either stream; a program that does not say it counts as missing."""
    _program(bin_, text)
    assert probe.version(Tool("tool", command=("tool", "--version"))) == version


def test_program_is_asked_once(tmp_path: Path, bin_: Path) -> None:
    """A program that stands as it stood is not started again, also by later processes; one that was replaced is."""
    tool = Tool("tool", command=("tool",))
    _program(bin_, f"echo >> {tmp_path / 'asked'}; echo 1.0")
    for _ in range(3):
        records = Records(tmp_path / "store.db")
        assert Probe(records).version(tool) == "1.0"
        records.close()
    assert (tmp_path / "asked").read_text() == "\n"
    _program(bin_, f"echo >> {tmp_path / 'asked'}; echo 1.1")
    assert Probe(Records(tmp_path / "store.db")).version(tool) == "1.1"


def test_program_earlier_on_path_wins(tmp_path: Path, bin_: Path, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program of the same name that comes first on PATH is found, and both places are said to have been looked at."""
    tool = Tool("tool", command=("tool",))
    _program(bin_, "echo 1.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'early'}:{os.environ['PATH']}")
    assert probe.version(tool) == "1.0"
    assert probe.looked()[str(tmp_path / "early/tool")] is None
    _program(tmp_path / "early", "echo 2.0")
    probe.renew()
    assert probe.version(tool) == "2.0"


def test_folder_and_plain_file_are_no_programs(bin_: Path, probe: Probe) -> None:
    """A folder or a file without execute bit does not count as the program."""
    (bin_ / "tool").mkdir()
    assert probe.version(Tool("tool", command=("tool",))) == MISSING


def test_missing_tool_matters_only_when_the_stage_runs(project: Project) -> None:
    """A stage that is stale and whose tool is missing fails with the tool's remedy, before anything is touched."""
    tool = Tool("synth", command=("not-there",), remedy="install synth 2020.1")
    with pytest.raises(ToolError, match="synth is not installed") as caught:
        project.build(first(tools=(tool,)))
    assert caught.value.remedy == "install synth 2020.1"
    assert project.leftovers() == []


def test_what_a_tool_made_outlives_it(project: Project, bin_: Path) -> None:
    """When a tool is gone, what it made here earlier is still up to date; what changed needs it again."""
    tool = Tool("synth", command=("synth",))
    _program(bin_, "echo 1.0", "synth")
    project.build(first(tools=(tool,)))
    (bin_ / "synth").unlink()
    assert project.how(first(tools=(tool,))) == ["fresh"]
    project.path("src.txt").write_text("new")
    with pytest.raises(ToolError):
        project.build(first(tools=(tool,)))

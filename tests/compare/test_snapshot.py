"""What is remembered of finished builds."""

import json
from pathlib import Path

import pytest
from compare_project import Compared

from net2bit.graph import snapshot

FIRST, SECOND = "dataset.synth.seed=7", "dataset.synth.seed=8"


@pytest.fixture
def fresh(tmp_path: Path) -> Compared:
    """Return a project in which nothing is built."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Compared(folder)


def words(project: Compared) -> list[tuple[str, ...]]:
    """Return the overrides of the builds that are remembered, the newest first."""
    return [one.words for one in snapshot.recall(project.folder, "default")]


def test_only_whole_builds_are_remembered(fresh: Compared) -> None:
    """A build that fails, and one of a single target, is no experiment to compare with; the names list what is."""
    assert fresh.run("verify.max_drop=0.5").returncode == 1
    assert fresh.run("first.txt", FIRST).returncode == 0
    assert snapshot.names(fresh.folder) == []
    assert fresh.run(FIRST).returncode == 0
    assert snapshot.names(fresh.folder) == ["default"]


def test_there_and_back_again(fresh: Compared) -> None:
    """Each change of what is built is remembered, one that goes back too, and a build that changes nothing is not."""
    for word in (FIRST, SECOND, SECOND, FIRST, FIRST):
        assert fresh.run(word).returncode == 0
    assert words(fresh) == [(FIRST,), (SECOND,), (FIRST,)]


def test_the_last_ten_are_kept(tmp_path: Path) -> None:
    """The file does not grow without end."""
    builds = [snapshot.Snapshot(str(number), (), {}, {"a": "k"}) for number in range(30)]
    snapshot._write(tmp_path / ".net2bit/experiments/x.json", "x", builds[: snapshot.KEEP])
    assert [one.of for one in snapshot.recall(tmp_path, "x")] == [str(number) for number in range(10)]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "net2bit.experiment/2", "builds": []}', '{"format": "net2bit.experiment/1"}'])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    """A file that is damaged, or of another version, remembers nothing."""
    path = tmp_path / ".net2bit/experiments/x.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert snapshot.recall(tmp_path, "x") == []


def test_a_tree_that_cannot_be_written(fresh: Compared) -> None:
    """Where nothing can be remembered, the build is as good without it."""
    assert fresh.run(FIRST).returncode == 0
    folder = fresh.folder / ".net2bit" / "experiments"
    content = json.loads((folder / "default.json").read_text())
    (folder / "default.json").unlink()
    folder.rmdir()
    folder.write_text("in the way")
    assert fresh.run(SECOND).returncode == 0
    assert len(content["builds"]) == 1

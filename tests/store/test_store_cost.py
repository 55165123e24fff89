"""What a check costs: one stat per file, nothing read, nothing heavy imported."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import ROOT
from store_project import Project, first, second

from net2bit.graph import fingerprint

FRAMEWORKS = {"numpy", "torch", "tensorflow", "keras", "hydra", "omegaconf", "pydantic", "jinja2", "rich"}
MACHINERY = {"importlib.metadata", "subprocess", "ctypes"}


def test_fresh_check_looks_once_and_reads_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking a fresh chain stats each artifact once, however many stages share it, and opens none."""
    project.build(first(), second())
    time.sleep(0.05)
    project.build(first(), second())
    asked: list[str] = []
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **how: asked.append(str(path)) or real(path, **how))
    monkeypatch.setattr(fingerprint, "sha256", lambda _path: pytest.fail("a file was read"))
    with project.store() as store:
        assert store.check(first()).fresh
        assert store.check(second()).fresh
        assert store.check(second()).fresh
    artifacts = [path for path in asked if path.startswith(("build", "src")) and "/all" not in path]
    assert sorted(artifacts) == ["build/final.txt/final.txt", "build/mid.txt/mid.txt", "build/pages/pages", "src.txt"]
    assert len([path for path in asked if path.endswith("stagelib/first.py")]) == 1


def test_check_imports_nothing_heavy(project: Project) -> None:
    """Opening the store and checking a fresh stage imports no framework, no process machinery, no package metadata."""
    project.build(first())
    script = (
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[2])\nfrom net2bit.graph.store import Store\n"
        "from net2bit.graph.kind import Op\nfrom net2bit.graph.stage import Artifact, Stage\n"
        "op = Op(name='first', title='first', run='stagelib.first:run', makes=('mid.txt',), needs=('src.txt',))\n"
        "source, product = Artifact('src.txt', 'src.txt'), Artifact('mid.txt', 'build/mid.txt/mid.txt', 'mid.txt')\n"
        "stage = Stage('mid.txt', op, {}, (source,), (product,), '0' * 64)\n"
        "store = Store(Path(sys.argv[1]))\nassert store.check(stage).fresh\nstore.close()\nprint(' '.join(sys.modules))\n"
    )
    command = [sys.executable, "-S", "-c", script, str(project.root), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not (FRAMEWORKS | MACHINERY) & set(done.stdout.split())


def test_a_thousand_fresh_stages_need_few_queries(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records are read when the store opens; checking fresh stages asks SQLite nothing."""
    project.build(first(), second())
    with project.store() as store:
        monkeypatch.setattr(store.records, "ask", lambda *_: pytest.fail("a query"))
        for _ in range(1000):
            assert store.check(first()).fresh
            assert store.check(second()).fresh


def test_memo_of_files_does_not_grow_for_ever(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests of files that are gone are forgotten once there are many."""
    project.build(first(), second())
    monkeypatch.setattr("net2bit.graph.records._MANY", 1)
    project.path("final.txt").unlink()
    (project.root / "stagelib/second.py").unlink()
    project.path("src.txt").write_text("new")
    project.build(first())
    with project.store() as store:
        assert set(store.records.snapshot.files) == {"src.txt", "build/mid.txt/mid.txt"}
        assert not any(Path(path).name == "second.py" for path in store.records.snapshot.code)


def test_old_leftovers_are_swept(project: Project) -> None:
    """Work folders of the dead, abandoned checkpoints and the oldest logs go; those in use stay."""
    work, scratch, logs = (project.root / name for name in ("build/.work", ".net2bit/scratch", ".net2bit/logs"))
    for folder in (work / "dead", work / "unborn", work / "fresh", scratch / "old", scratch / "new", logs):
        folder.mkdir(parents=True)
    (work / "dead/lock").touch()
    for path in (work / "unborn", scratch / "old"):
        os.utime(path, (1, 1))
    for number in range(510):
        (logs / f"{number}.log").touch()
        os.utime(logs / f"{number}.log", (number + 1, number + 1))
    project.build(first())
    assert [path.name for path in work.iterdir()] == ["fresh"]
    assert [path.name for path in scratch.iterdir()] == ["new"]
    assert len(list(logs.iterdir())) == 501
    assert not (logs / "0.log").exists()

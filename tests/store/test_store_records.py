"""The records: durable, shared, repaired when damaged, never a traceback."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from store_project import Project, first, second

from net2bit.errors import StoreError
from net2bit.graph.records import Records
from net2bit.graph.store import Store
from net2bit.graph.tables import VERSION


def _database(project: Project) -> Path:
    return project.root / ".net2bit/store.db"


@pytest.mark.parametrize("damage", ["text", "head", "middle", "foreign"])
def test_damaged_records_are_moved_aside(project: Project, damage: str) -> None:
    """Records that SQLite cannot read are kept under another name and said so; the stages are built again."""
    project.build(first(), second())
    path = _database(project)
    data = path.read_bytes()
    if damage == "foreign":
        path.unlink()
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE t(x)")
        db.execute(f"PRAGMA user_version={VERSION}")
        db.close()
    else:
        path.write_bytes(
            {"text": b"no database" * 500, "head": b"X" * 100 + data[100:], "middle": data[:4096] + b"\xff" * (len(data) - 4096)}[damage]
        )
    assert project.how(first(), second()) == ["ran", "ran"]
    assert ["damaged" in notice for notice in project.notices] == [True]
    assert len(list(path.parent.glob("store.db.damaged-*"))) == 1
    assert project.how(first(), second()) == ["fresh", "fresh"]


def test_empty_and_missing_records_cost_a_rebuild(project: Project) -> None:
    """An empty file is a new database."""
    project.build(first())
    _database(project).write_bytes(b"")
    assert project.how(first()) == ["ran"]
    assert project.notices == []


def test_records_of_a_newer_version_are_left_alone(project: Project) -> None:
    """Records of a newer net2bit are an error with two ways out, and stay as they are."""
    project.build(first())
    db = sqlite3.connect(_database(project))
    db.execute(f"PRAGMA user_version={VERSION + 1}")
    db.close()
    with pytest.raises(StoreError, match="newer net2bit") as caught:
        project.store()
    assert "remove the file" in caught.value.remedy


def test_records_that_are_a_folder(tmp_path: Path) -> None:
    """A folder in the place of the records is a clear error."""
    (tmp_path / ".net2bit/store.db").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path)


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """Rows are kept together or not at all."""
    records = Records(tmp_path / "store.db")
    with pytest.raises(StoreError):
        records.write([("placed", ("a", "b", 1.0)), ("placed", ("too", "few"))])
    assert records.ask("SELECT * FROM placed") == []
    records.write([("placed", ("a", "b", 1.0))])
    assert records.ask("SELECT * FROM placed") == [("a", "b", 1.0)]
    records.close()


def test_threads_share_a_connection(tmp_path: Path) -> None:
    """Many threads write at once and nothing is lost."""
    records = Records(tmp_path / "store.db")

    def write(number: int) -> None:
        for step in range(20):
            records.later("probes", (f"{number}.{step}", "", ""))
            records.write([("placed", (f"{number}.{step}", "k", 0.0))])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert records.ask("SELECT COUNT(*) FROM placed UNION ALL SELECT COUNT(*) FROM probes") == [(160,), (160,)]
    records.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_process_opens_its_own(tmp_path: Path) -> None:
    """A process forked from one with open records (doit -n 2) writes through a connection of its own."""
    records = Records(tmp_path / "store.db")
    records.later("probes", ("parent", "", ""))
    pid = os.fork()
    if pid == 0:
        records.write([("placed", ("child", "k", 0.0))])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    records.write([("placed", ("parent", "k", 0.0))])
    assert records.ask("SELECT target FROM placed ORDER BY target") == [("child",), ("parent",)]
    assert records.ask("SELECT name FROM probes") == [("parent",)]
    records.close()


def test_store_that_nobody_closes_keeps_its_memo(project: Project) -> None:
    """What a session learned is written when it ends, also when nobody calls `close` (bare doit does not)."""
    project.build(first())
    os.utime(project.path("src.txt"), (9, 9))
    time.sleep(0.05)
    script = (
        "import sys\nfrom pathlib import Path\nimport store_project\nproject = store_project.Project(Path(sys.argv[1]))\n"
        "store = project.store()\nassert store.check(store_project.first()).fresh\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(project.root)], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, check=True
    )
    with project.store() as store:
        assert store.records.snapshot.files["src.txt"][1] == 9_000_000_000


def test_targets_of_an_unfinished_build_are_read_in_full(project: Project) -> None:
    """A start marker takes away the trust in remembered stats: a target that only looks as it did is found out."""
    project.build(first())
    with project.store() as store:
        project.path("mid.txt").chmod(0o644)
        project.path("mid.txt").write_text("evil")
        found = project.path("mid.txt").stat()
        path = "build/mid.txt/mid.txt"
        row = (path, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, store.records.snapshot.files[path][5])
        store.records.write([("files", row)])
    assert project.reasons(first()) == []
    with project.store() as store:
        store.records.write([("markers", (path, "another key", "mid.txt", 1, "here", 0.0))])
    assert project.reasons(first()) == ["build/mid.txt/mid.txt is not what was built (damaged, edited, or of another build)"]
    assert project.how(first()) == ["ran"]
    with project.store() as store:
        assert store.records.snapshot.markers == {}


def test_records_are_kept_per_key(project: Project) -> None:
    """The store remembers every key it built, not only the last one; the manifest is that of what lies in place."""
    project.build(first(), second("A"))
    project.build(second("B"))
    project.build(second("C"))
    with project.store() as store:
        assert store.records.ask("SELECT COUNT(*) FROM records WHERE op='second'") == [(3,)]
        manifest = store.manifest(second("A"))
    assert manifest
    assert manifest["config"] == {"second": {"word": "C"}}


def test_manifest_tells_what_the_product_is_made_of(project: Project) -> None:
    """A manifest names inputs, slice, tools, code, platform, outputs with digests and sizes, time, memory and metrics."""
    project.build(first())
    with project.store() as store:
        manifest = store.manifest(first())
        assert store.manifest(second()) is None
    assert manifest
    assert manifest["inputs"]["src.txt"]["path"] == "src.txt"
    assert manifest["outputs"]["mid.txt"]["size"] == 8
    assert set(manifest["code"]) == {"stagelib/__init__.py", "stagelib/first.py", "stagelib/words.py"}
    assert "python" in manifest["tools"]
    took = manifest["took"]
    assert took["metrics"] == {"letters": 8.0}
    assert took["seconds"] > took["started"] > 0
    assert took["peak"] > 1e6
    assert took["cpu"] > 0

"""The memo of "nothing to do": it answers only when nothing moved at all."""

import os
import subprocess
import sys
import time
from pathlib import Path

from small_project import Project

from net2bit.graph import null

IMPORTED = "import sys; sys.argv = ['front']; from net2bit.graph import front; front.main(); print(*sorted(sys.modules))"


def test_memo_spares_doit(built: Project) -> None:
    """With nothing moved the front door answers without importing doit, sqlite or hydra."""
    done = subprocess.run([sys.executable, "-c", IMPORTED], cwd=built.folder, env=built.environ, capture_output=True, text=True, check=True)
    modules = set(done.stdout.splitlines()[-1].split())
    assert "net2bit.graph.null" in modules
    assert not modules & {"doit", "sqlite3", "hydra", "pydantic", "net2bit.graph.app"}


def test_every_kind_of_move_is_seen(built: Project) -> None:
    """A touched target, an edited declaration, a changed variable and a removed link each lead back to the store."""
    words: list[str] = []
    root = built.folder
    (memo,) = (root / ".net2bit/null").glob("*.json")
    text = memo.read_bytes()
    environ = built.environ
    assert null.recall(root, words, environ) == ["first.txt", "second.txt", "third.txt"]
    assert null.recall(root, words, {**environ, "NET2BIT_TASKS": "elsewhere"}) is None
    assert null.recall(root, ["second.txt"], environ) is None
    for path in (built.file("second.txt"), root / "tasks/toolchains/chain.py", root / "chain.py", root / "experiments/config.yaml"):
        found = path.stat()
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
        assert null.recall(root, words, environ) is None, path
        assert built.run().returncode == 0
        time.sleep(0.1)
        built.run()
        assert null.recall(root, words, environ) is not None, path
    assert memo.read_bytes() != text


def test_new_declaration_is_seen(built: Project) -> None:
    """A file added to the experiment tree ends the memo: it may hide another."""
    assert null.recall(built.folder, [], built.environ) is not None
    (built.folder / "experiments/model/other.yaml").write_text("name: other\n", encoding="utf-8")
    assert null.recall(built.folder, [], built.environ) is None


def test_edit_during_a_build_is_not_remembered(tmp_path: Path) -> None:
    """What changed within a tick of the check is not trusted: it could change again without a trace."""
    path = tmp_path / "input"
    path.write_text("1", encoding="utf-8")
    seen = [(str(path), null.stat_of(str(path)))]
    null.remember(tmp_path, [], {}, stages=["a"], seen=seen, began=path.stat().st_ctime_ns)
    assert null.recall(tmp_path, [], {}) is None
    null.remember(tmp_path, [], {}, stages=["a"], seen=seen, began=time.time_ns() + null.SETTLED_NS)
    assert null.recall(tmp_path, [], {}) == ["a"]


def test_damaged_memo_is_no_answer(tmp_path: Path) -> None:
    """A memo cut short by a full disk leads to the store, not to an error."""
    null.remember(tmp_path, [], {}, stages=["a"], seen=[], began=time.time_ns())
    (memo,) = (tmp_path / ".net2bit/null").glob("*.json")
    memo.write_bytes(memo.read_bytes()[:-5])
    assert null.recall(tmp_path, [], {}) is None
    null.forget(tmp_path)
    assert not memo.exists()


def test_absent_file_is_remembered_as_absent(tmp_path: Path) -> None:
    """A path that was looked for and not found ends the memo when it appears."""
    path = tmp_path / "later"
    null.remember(tmp_path, [], {}, stages=["a"], seen=[(str(path), None)], began=time.time_ns())
    assert null.recall(tmp_path, [], {}) == ["a"]
    path.write_text("", encoding="utf-8")
    assert null.recall(tmp_path, [], {}) is None


def test_bytecode_is_no_move() -> None:
    """A folder in which only bytecode was added stands as it did; a file that was edited or added meanwhile keeps the first look."""
    first, later = (1, 1, 4096, 1), (2, 2, 4096, 1)
    before = {"tasks": first, "tasks/a.py": first}
    assert null.unmoved(before, {"tasks": later, "tasks/a.py": first}) == {"tasks": later, "tasks/a.py": first}
    assert null.unmoved(before, {"tasks": later, "tasks/a.py": later}) == before
    assert null.unmoved(before, {"tasks": later, "tasks/a.py": first, "tasks/b.py": later}) == before
    assert null.unmoved(before, {"tasks": later}) == before

"""Digests of files and trees: what they depend on, what they do not, and when they are trusted."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from net2bit.errors import StoreError
from net2bit.graph import fingerprint
from net2bit.graph.fingerprint import TICK, WRONG, Fingerprints, recent, tree_digest
from net2bit.graph.place import Made
from net2bit.graph.records import Records
from net2bit.graph.stage import Artifact

NAMES = st.text(alphabet="ab.é -", min_size=1, max_size=6).filter(lambda name: name.strip(".") != "")
TREES = st.dictionaries(NAMES, st.tuples(st.binary(max_size=20), st.booleans()), max_size=5)


@pytest.fixture
def prints(tmp_path: Path) -> Iterator[Fingerprints]:
    """Fingerprints of an empty project."""
    records = Records(tmp_path / ".net2bit/store.db")
    made = Fingerprints(tmp_path, records)
    yield made
    records.close()
    made.close()


def _again(prints: Fingerprints, path: str, *, tree: bool = False) -> str | None:
    prints.renew()
    return prints.digest(path, tree=tree)


def _settled() -> None:
    time.sleep(2 * TICK / 1e9)


def test_absent_and_wrong(prints: Fingerprints) -> None:
    """Nothing has no digest; a folder is no file and a file no folder."""
    (prints.root / "folder").mkdir()
    (prints.root / "file").touch()
    assert prints.digest("nothing") is None
    assert prints.digest("file/below") is None
    assert prints.digest("folder") == WRONG
    assert prints.digest("file", tree=True) == WRONG


def test_remembered_digest_is_not_computed_again(prints: Fingerprints, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file and a tree that nobody touched are hashed once."""
    (prints.root / "file").write_text("x")
    (prints.root / "tree").mkdir()
    (prints.root / "tree/a").write_text("a")
    _settled()
    before = prints.digest("file"), prints.digest("tree", tree=True)
    monkeypatch.setattr(fingerprint, "sha256", lambda _path: pytest.fail("a file was read"))
    assert (_again(prints, "file"), _again(prints, "tree", tree=True)) == before


def test_file_changed_within_a_tick_is_not_remembered(prints: Fingerprints, monkeypatch: pytest.MonkeyPatch) -> None:
    """A digest taken right after a write is not trusted later: the same stamp could hide another write."""
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    (prints.root / "file").write_text("x")
    prints.digest("file")
    assert "file" not in prints._records.snapshot.files


def test_changed_member_costs_one_hash(prints: Fingerprints, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one file of a tree changes, only that file is read again."""
    for name in "abc":
        (prints.root / "tree").mkdir(exist_ok=True)
        (prints.root / "tree" / name).write_text(name)
    _settled()
    prints.digest("tree", tree=True)
    prints._records.write(())
    (prints.root / "tree/b").write_text("other")
    _settled()
    read: list[str] = []
    real = fingerprint.sha256
    monkeypatch.setattr(fingerprint, "sha256", lambda path: read.append(Path(path).name) or real(path))
    _again(prints, "tree", tree=True)
    assert read == ["b"]


def test_coarse_clock() -> None:
    """On a file system with whole seconds a file is trusted only after two of them."""
    assert recent((5_000_000_000, 0, 1, 1), 6_900_000_000)
    assert not recent((5_000_000_000, 0, 1, 1), 7_100_000_000)
    assert not recent((5_000_000_001, 0, 1, 1), 5_100_000_000)


def test_links_of_the_user_are_followed(prints: Fingerprints) -> None:
    """A data set may be a link, or consist of links: the content counts, wherever it lies."""
    (prints.root / "real").mkdir()
    (prints.root / "real/a").write_text("a")
    (prints.root / "link").symlink_to("real")
    (prints.root / "mixed").mkdir()
    (prints.root / "mixed/a").symlink_to("../real/a")
    digests = {prints.digest(name, tree=True) for name in ("real", "link", "mixed")}
    assert len(digests) == 1


def test_bad_links_are_named(prints: Fingerprints) -> None:
    """A broken link and a link that leads back into its folder are errors that name it, not a crash or an endless walk."""
    for name, target in (("broken", "nowhere"), ("loop", "..")):
        (prints.root / name).mkdir()
        (prints.root / name / "link").symlink_to(target if name == "broken" else ".")
        with pytest.raises(StoreError) as caught:
            prints.digest(name, tree=True)
        assert name in caught.value.where


def test_unusual_members_are_named(prints: Fingerprints) -> None:
    """A pipe in a data set is refused by name; hashing it would hang."""
    (prints.root / "tree").mkdir()
    os.mkfifo(prints.root / "tree/pipe")
    with pytest.raises(StoreError, match="neither a file nor a folder"):
        prints.digest("tree", tree=True)


def test_adopted_digest_is_trusted(prints: Fingerprints, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store itself has put into place is not read again; a later change of it is seen."""
    (prints.root / "file").write_text("x")
    made = _made(prints, "file")
    prints.adopt(made)
    digest = made.digest
    with monkeypatch.context() as patch:
        patch.setattr(fingerprint, "sha256", lambda _path: pytest.fail("a file was read"))
        assert prints.digest("file") == digest
    (prints.root / "file").write_text("y")
    assert _again(prints, "file") != digest


def test_adopted_file_that_was_touched_is_read(prints: Fingerprints) -> None:
    """A product that somebody changed between its hashing and its memo is not remembered under the old digest."""
    (prints.root / "file").write_text("x")
    made = _made(prints, "file")
    (prints.root / "file").write_text("changed")
    prints.adopt(made)
    assert prints.digest("file") == fingerprint.sha256(prints.root / "file") != made.digest


def test_what_was_written_before_is_not_waited_for(prints: Fingerprints, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that comes out of a cache is remembered at once, though it was moved just now; a later change of it is seen."""
    path, old = prints.root / "file", time.time() - 10.5
    path.write_text("x")
    os.utime(path, (old, old))
    path.chmod(0o644)
    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", lambda _seconds: pytest.fail("it was waited for"))
        prints.adopt(_made(prints, "file"))
    assert "file" in prints._records.snapshot.files
    path.write_text("y")
    assert _again(prints, "file") == fingerprint.sha256(path)


def test_server_with_a_clock_of_its_own(prints: Fingerprints) -> None:
    """A file server whose clock is an hour ahead costs a second look at the file, not an hour."""
    path = prints.root / "file"
    path.write_text("x")
    ahead = time.time() + 3600.5
    os.utime(path, (ahead, ahead))
    prints.adopt(_made(prints, "file"))
    assert prints.digest("file") == fingerprint.sha256(path)
    assert "file" not in prints._records.snapshot.files


def _made(prints: Fingerprints, name: str) -> Made:
    path = prints.root / name
    found = path.stat()
    return Made(Artifact(name, name), path, fingerprint.sha256(path), found.st_size, fingerprint.sealed("", found))


def _write(top: Path, tree: dict[str, tuple[bytes, bool]]) -> None:
    top.mkdir()
    for name, (content, executable) in tree.items():
        (top / name).write_bytes(content)
        (top / name).chmod(0o755 if executable else 0o644)


@settings(max_examples=25, deadline=None)
@given(one=TREES, other=TREES)
def test_tree_digest_tells_trees_apart(tmp_path_factory: pytest.TempPathFactory, one: dict, other: dict) -> None:  # type: ignore[type-arg]
    """Law: two trees have the same digest exactly when their paths, contents and execute bits are the same."""
    root = tmp_path_factory.mktemp("trees")
    _write(root / "one", one)
    _write(root / "other", other)
    records = Records(root / ".net2bit/store.db")
    prints = Fingerprints(root, records)
    assert (prints.digest("one", tree=True) == prints.digest("other", tree=True)) == (one == other)
    records.close()
    prints.close()


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5), st.booleans()), max_size=6), st.randoms())
def test_tree_digest_has_no_order(entries: list[tuple[str, str, bool]], random) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    """Law: the digest of a tree does not depend on the order in which the file system lists it."""
    shuffled = list(entries)
    random.shuffle(shuffled)
    assert tree_digest(shuffled) == tree_digest(entries)


def test_looked_names_everything_that_decided(prints: Fingerprints) -> None:
    """Whoever wants to know whether a verdict still holds gets every path that was looked at, absent ones and folders included."""
    (prints.root / "tree/inner").mkdir(parents=True)
    (prints.root / "tree/inner/a").touch()
    prints.digest("tree", tree=True)
    prints.digest("nothing")
    looked = {Path(path).relative_to(prints.root).as_posix(): found for path, found in prints.looked().items()}
    assert set(looked) == {"tree", "tree/inner", "tree/inner/a", "nothing"}
    assert looked["nothing"] is None

"""The local cache: shared, limited, verified, never in the way."""

import errno
import json
import os
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_project import Project, first, second

from net2bit.errors import ConfigError
from net2bit.graph.cache import CacheSettings, default_folder, parse_size


def _blobs(project: Project) -> list[Path]:
    assert project.cache.dir
    return sorted(project.cache.dir.glob("cas/*/*"))


def _clean(project: Project) -> None:
    shutil.rmtree(project.root / "build")
    shutil.rmtree(project.root / ".net2bit")


def test_restored_after_clean(cached: Project) -> None:
    """A tree whose build and records were removed gets everything back from the cache, as read-only hard links."""
    cached.build(first(), second())
    _clean(cached)
    assert cached.how(first(), second()) == ["restored", "restored"]
    assert cached.path("final.txt").read_text() == "one\ntwo\nA\n"
    assert (cached.path("pages") / "all" / "2.txt").read_text() == "A"
    assert cached.path("final.txt").stat().st_nlink > 1
    assert cached.path("final.txt").stat().st_mode & 0o222 == 0


def test_two_trees_share(cached: Project, tmp_path: Path) -> None:
    """A second checkout with the same content takes the first one's results."""
    other = Project(tmp_path / "elsewhere", cached.cache)
    other.root.mkdir()
    other.make()
    cached.build(first(), second())
    assert other.how(first(), second()) == ["restored", "restored"]


def test_manifest_of_a_restored_result(cached: Project) -> None:
    """A restored product's manifest says so, and what its run took and reported."""
    cached.build(first())
    _clean(cached)
    cached.build(first())
    with cached.store() as store:
        manifest = store.manifest(first())
    assert manifest
    assert manifest["how"] == "restored"
    assert manifest["took"]["metrics"] == {"letters": 8.0}
    assert manifest["took"]["own"] > 0
    beside = json.loads((cached.path("mid.txt").parent / ".mid.txt.manifest.json").read_text())
    assert beside == manifest


@pytest.mark.parametrize("damage", ["content", "gone", "listing"])
def test_damaged_blob_is_dropped_and_made_again(cached: Project, damage: str) -> None:
    """A blob that is not what its name says is never put into place: noticed, dropped, built again, cached again."""
    cached.build(first(), second())
    _clean(cached)
    for blob in _blobs(cached):
        if damage == "gone":
            blob.unlink()
        elif (b"net2bit.tree" in blob.read_bytes()) == (damage == "listing"):
            blob.chmod(0o644)
            blob.write_bytes(b"{}" if damage == "listing" else b"evil")
    how = cached.how(first(), second())
    assert how == (["restored", "ran"] if damage == "listing" else ["ran", "ran"])
    assert cached.notices
    assert cached.path("final.txt").read_text() == "one\ntwo\nA\n"
    _clean(cached)
    assert cached.how(first(), second()) == ["restored", "restored"]


def test_damage_costs_only_what_is_damaged(cached: Project) -> None:
    """Dropping a damaged result leaves the good files that it shares with other results in the cache."""
    cached.build(first(), second("A"))
    cached.build(second("B"))
    _clean(cached)
    (bad,) = [blob for blob in _blobs(cached) if blob.read_bytes() == b"one\ntwo\nA\n"]
    bad.chmod(0o644)
    bad.write_text("evil")
    assert cached.how(first(), second("A")) == ["restored", "ran"]
    assert cached.how(second("B")) == ["restored"]


def test_no_room_to_restore_loses_nothing(cached: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that cannot be copied out of the cache for another reason than damage stays in it."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    cached.build(first())
    _clean(cached)
    with monkeypatch.context() as patch:
        patch.setattr("net2bit.graph.cache.link", refuse)
        assert cached.how(first()) == ["ran"]
    _clean(cached)
    assert cached.how(first()) == ["restored"]


def test_damaged_entry_is_dropped(cached: Project) -> None:
    """An entry that cannot be read counts as absent."""
    cached.build(first())
    _clean(cached)
    assert cached.cache.dir
    for entry in cached.cache.dir.glob("ac/*/*/*.json"):
        entry.write_text('{"format": 1, "key":')
    assert cached.how(first()) == ["ran"]
    _clean(cached)
    assert cached.how(first()) == ["restored"]


def test_entry_that_leads_out_of_its_tree_is_refused(cached: Project) -> None:
    """A listing with `..` in a path writes nothing outside the work folder."""
    cached.build(first(), second())
    _clean(cached)
    for blob in _blobs(cached):
        if b"net2bit.tree" in blob.read_bytes():
            text = blob.read_text().replace("all/0.txt", "../../../../evil.txt")
            blob.unlink()
            blob.write_text(text)
    assert cached.how(first(), second()) == ["restored", "ran"]
    assert not list(cached.root.parent.rglob("evil.txt"))


def test_limit_evicts_what_was_not_used_longest(cached: Project) -> None:
    """Above its limit the cache drops the least recently used results, and keeps those that were restored since."""
    for word in ("A", "B", "C"):
        cached.build(first(), second(word * 20_000))
    entries = {path: path.stat().st_mtime for path in cached.cache.dir.glob("ac/*/*/*.json")} if cached.cache.dir else {}
    assert len(entries) == 4
    for age, path in enumerate(sorted(entries, key=lambda path: -entries[path])):
        os.utime(path, (1e9 - age, 1e9 - age))
    assert cached.how(second("A" * 20_000)) == ["restored"]
    tight = Project(cached.root, CacheSettings(cached.cache.dir, size=150_000), cached.notices)
    tight.build(second("D" * 20_000))
    size = sum(blob.stat().st_size for blob in _blobs(cached))
    assert size <= 150_000
    shutil.rmtree(cached.root / "build/final.txt")
    with cached.store() as store:
        kept = [word for word in "ABCD" if store.restorable(second(word * 20_000), store.check(second(word * 20_000)).key or "")]
    assert kept == ["A", "D"]


def test_eviction_leaves_no_blob_without_entry(cached: Project) -> None:
    """After an eviction every blob belongs to an entry, and every entry has all its blobs."""
    cached.build(first(), *(second(word * 500) for word in "ABC"))
    tight = Project(cached.root, CacheSettings(cached.cache.dir, size=4000))
    tight.build(second("E" * 500))
    assert cached.cache.dir
    named = {name for entry in cached.cache.dir.glob("ac/*/*/*.json") for name in json.loads(entry.read_text())["blobs"]}
    assert {blob.name for blob in _blobs(cached)} == named


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"blobs": {"x": "large"}}'])
def test_damaged_entry_is_no_obstacle_to_eviction(cached: Project, text: str) -> None:
    """An entry that cannot be read goes with the next eviction, which keeps what is whole."""
    cached.build(first())
    assert cached.cache.dir
    bad = cached.cache.dir / "ac/ff" / ("f" * 64) / "key.json"
    bad.parent.mkdir(parents=True)
    bad.write_text(text)
    cached.build(second())
    assert not bad.exists()
    assert not cached.notices
    _clean(cached)
    assert cached.how(first(), second()) == ["restored", "restored"]


def test_cache_that_cannot_be_used_is_told_once(project: Project, tmp_path: Path) -> None:
    """A file in the place of the cache costs one notice, not one for each stage."""
    (tmp_path / "file").touch()
    broken = Project(project.root, CacheSettings(tmp_path / "file"), project.notices)
    with broken.store() as store:
        for base in "abc":
            store.cache.offer(base, "key", "", [], {})
    assert len(project.notices) == 1


def test_result_larger_than_the_cache_is_left_out(project: Project, tmp_path: Path) -> None:
    """A product that alone exceeds the limit does not push everything else out."""
    tiny = Project(project.root, CacheSettings(tmp_path / "cache", size=4))
    assert tiny.how(first()) == ["ran"]
    assert not list((tmp_path / "cache").glob("cas/*/*"))


def test_eviction_beside_builds(cached: Project) -> None:
    """Evicting while other threads build and restore damages no result."""
    stop = threading.Event()
    tight = CacheSettings(cached.cache.dir, size=3000)

    def evict() -> None:
        while not stop.is_set():
            with Project(cached.root, tight).store() as store:
                store.cache.evict()

    thread = threading.Thread(target=evict)
    thread.start()
    try:
        for word in "ABABAB":
            cached.build(first(), second(word * 300))
            assert cached.path("final.txt").read_text().endswith(word * 300 + "\n")
    finally:
        stop.set()
        thread.join()


def test_disabled_cache_writes_nothing(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`cache.enabled=false` leaves the cache's folder alone."""
    monkeypatch.setenv("NET2BIT_CACHE_DIR", str(tmp_path / "cache"))
    project.build(first())
    assert not (tmp_path / "cache").exists()


def test_executable_files_keep_their_bit(cached: Project) -> None:
    """A program made by a stage is executable after it was restored, also beside a plain file with the same content."""
    cached.module(
        "second",
        "def run(job):\n    job.outputs['final.txt'].write_text('same')\n    job.outputs['final.txt'].chmod(0o755)\n"
        "    job.outputs['pages'].mkdir()\n    for name in ('a', 'b'):\n        (job.outputs['pages'] / name).write_text('same')\n"
        "    (job.outputs['pages'] / 'a').chmod(0o755)\n    (job.outputs['pages'] / 'empty').mkdir()\n",
    )
    cached.build(first(), second())
    _clean(cached)
    assert cached.how(first(), second()) == ["restored", "restored"]
    modes = {
        path.name: path.stat().st_mode & 0o777
        for path in (cached.path("pages") / "a", cached.path("pages") / "b", cached.path("final.txt"))
    }
    assert modes == {"a": 0o555, "b": 0o444, "final.txt": 0o555}
    assert (cached.path("pages") / "empty").is_dir()


def test_place_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NET2BIT_CACHE_DIR wins over XDG_CACHE_HOME, and that over ~/.cache."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("NET2BIT_CACHE_DIR", raising=False)
    assert default_folder() == tmp_path / ".cache/net2bit"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg/net2bit"
    monkeypatch.setenv("NET2BIT_CACHE_DIR", str(tmp_path / "own"))
    assert default_folder() == tmp_path / "own"


@pytest.mark.parametrize(("text", "size"), [("10GB", 10**10), ("1.5 MB", 1_500_000), ("7", 7), (7, 7), ("2k", 2000), ("3TiB", 3 * 10**12)])
def test_sizes(text: str | int, size: int) -> None:
    """A size is a number with an optional unit."""
    assert parse_size(text) == size


@given(st.text(alphabet="abcxyz- ", min_size=1))
def test_no_size_is_a_config_error(text: str) -> None:
    """Law: what has no digit is no size, and says where to look."""
    with pytest.raises(ConfigError, match="not a size"):
        parse_size(text)


def test_settings_of_the_experiment() -> None:
    """The experiment's cache group is taken as it is written."""
    assert CacheSettings.of({"dir": "/x", "size": "1GB", "enabled": False}) == CacheSettings(Path("/x"), 10**9, enabled=False)
    assert CacheSettings.of({"dir": None}) == CacheSettings()

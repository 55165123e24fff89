"""A local cache into which somebody else could write: it costs a rebuild, and touches nothing outside itself."""

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cache_project import Tree, open_settings

Poison = Callable[[Path, Path, dict[str, Any]], None]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree whose result lies in its local cache, and in no other place."""
    tree = Tree(tmp_path / "tree", local=tmp_path / "cache")
    assert tree.build().how == "ran"
    tree.forget()
    return tree


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A file of the user's that nobody else may read."""
    path = tmp_path / "private"
    path.write_text("a secret")
    path.chmod(0o600)
    return path


def _way(cache: Path, private: Path) -> str:
    """Return a name of a blob that leads to the private file: its first two letters are the name of a folder, too."""
    return os.path.relpath(private, cache)


def product(cache: Path, private: Path, entry: dict[str, Any]) -> None:
    """The entry names the private file as the first product."""
    entry["outputs"][0][0] = _way(cache, private)


def member(cache: Path, private: Path, entry: dict[str, Any]) -> None:
    """The listing of the folder names the private file as one of its files."""
    digest = entry["outputs"][1][0]
    (listing,) = cache.glob(f"cas/*/{digest}")
    found = json.loads(listing.read_text())
    found["entries"] = [[path, _way(cache, private) if sha else "", False] for path, sha, _ in found["entries"]]
    listing.chmod(0o644)
    listing.write_text(json.dumps(found))


def folder(cache: Path, private: Path, entry: dict[str, Any]) -> None:
    """The entry names the listing of the folder by a way to the private file."""
    entry["outputs"][1][0] = _way(cache, private)


def mended(cache: Path, private: Path, entry: dict[str, Any]) -> None:
    """A content is damaged, and the entry names the private file among those to look at."""
    (blob,) = cache.glob(f"cas/*/{entry['outputs'][0][0]}")
    blob.chmod(0o644)
    blob.write_bytes(b"damaged")
    entry["blobs"] = {_way(cache, private): 1, **entry["blobs"]}


def linked(cache: Path, private: Path, entry: dict[str, Any]) -> None:
    """A content is a link to the private file."""
    (blob,) = cache.glob(f"cas/*/{entry['outputs'][0][0]}")
    blob.unlink()
    blob.symlink_to(private)


@pytest.mark.parametrize("poison", [product, member, folder, mended, linked], ids=lambda one: one.__name__)
def test_nothing_outside_is_touched(poison: Poison, tree: Tree, private: Path, tmp_path: Path) -> None:
    """Whatever a cache names, no file outside it is opened to others, linked, changed or removed; the next result heals the cache."""
    assert tree.local
    (path,) = tree.local.glob("ac/*/*/*.json")
    entry = json.loads(path.read_text())
    poison(tree.local, private, entry)
    path.write_text(json.dumps(entry))
    assert tree.build().how == "ran"
    found = private.stat()
    assert (private.read_text(), found.st_mode & 0o777, found.st_nlink) == ("a secret", 0o600, 1)
    assert tree.leftovers() == []
    tree.forget()
    tree.notices.clear()
    assert tree.build().how == "restored", tree.notices
    assert sorted(tmp_path.glob("*")) == [tmp_path / "cache", tmp_path / "private", tmp_path / "tree"]


DAMAGED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "took nothing": lambda entry: entry.update(took={}),
    "took a text": lambda entry: entry.update(took="long"),
    "metrics of texts": lambda entry: entry["took"].update(metrics={"score": "high"}),
    "metrics of half a letter": lambda entry: entry["took"].update(metrics={"\ud800": 1.0}),
    "a key that is a list": lambda entry: entry.update(key=[]),
    "a key of another entry": lambda entry: entry.update(key="0" * 64),
    "code that is no list": lambda entry: entry.update(extra="{"),
    "code that is a number": lambda entry: entry.update(extra=5),
    "outputs of one letter": lambda entry: entry.update(outputs="x"),
    "fewer outputs": lambda entry: entry["outputs"].pop(),
    "blobs of texts": lambda entry: entry.update(blobs={"a": "b"}),
    "a statement that is a number": lambda entry: entry.update(statement=7),
    "a statement that leads elsewhere": lambda entry: entry.update(statement="../../../etc/passwd"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_entry_ends_no_build(name: str, tree: Tree) -> None:
    """An entry of which anything is not what it should be is a miss, or does no harm; and the cache is whole afterwards."""
    assert tree.local
    (path,) = tree.local.glob("ac/*/*/*.json")
    entry = json.loads(path.read_text())
    DAMAGED[name](entry)
    path.write_text(json.dumps(entry))
    assert tree.build().metrics == {"score": 0.5}
    tree.forget()
    tree.notices.clear()
    assert tree.build().how == "restored", tree.notices


def test_tidying_stays_within_the_folder(tree: Tree, private: Path, tmp_path: Path) -> None:
    """What lies in the place of the folder for arrivals loses nothing that never arrived."""
    tree.remote = open_settings(f"file://{tmp_path}/remote")
    assert tree.local
    assert tree.build().how == "restored"
    tree.forget()
    os.utime(private, (1, 1))
    for path in tree.local.rglob("*.json"):
        path.unlink()
    (tree.local / "arrivals").symlink_to(tmp_path)
    assert tree.build().how == "restored"
    assert private.exists()


def _piece(tree: Tree, name: str) -> Path:
    """Return a place in the folder for arrivals of what the shared cache is about to send: as if it had come already."""
    assert tree.local
    digest = sha256((tree.root / "build/net.bin").read_bytes()).hexdigest()
    (tree.local / "arrivals").mkdir(exist_ok=True)
    return tree.local / "arrivals" / f"{digest}{name}"


def _copied(path: Path, content: bytes) -> None:
    (path.parent.parent.parent / "elsewhere").write_bytes(content)
    path.symlink_to(path.parent.parent.parent / "elsewhere")


OBSTACLES: dict[str, Callable[[Path, bytes], None]] = {
    "a link to the right content": _copied,
    "a link to nowhere": lambda path, _: path.symlink_to("nowhere"),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a file that nobody may read": lambda path, _: path.touch(0o000),
}


@pytest.mark.parametrize("name", ["", ".part"])
@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_what_lies_among_the_arrivals(obstacle: str, name: str, tree: Tree, tmp_path: Path) -> None:
    """Whatever lies in the place of what is to come: the result is whole files, here and the next time, and nobody waits."""
    tree.remote = open_settings(f"file://{tmp_path}/remote", timeout=5.0)
    assert tree.build().how == "restored"
    content = tree.content()
    place = _piece(tree, name)
    tree.forget()
    assert tree.local
    for path in (*tree.local.glob("ac/*/*/*.json"), *tree.local.glob(f"cas/*/{place.name[:64]}")):
        path.unlink()
    OBSTACLES[obstacle](place, content["build/net.bin"][0])
    assert tree.build().how == "restored", tree.notices
    tree.forget()
    tree.remote = {}
    assert tree.build().how == "restored", tree.notices
    assert tree.content() == content
    assert not [path for path in (tree.root / "build").rglob("*") if path.is_symlink()]


def test_a_link_in_the_cache_is_replaced(tree: Tree, tmp_path: Path) -> None:
    """A content that somebody has made a link, though to the same bytes, is none: it is made again, and then a file."""
    assert tree.local
    tree.build()
    content = tree.content()["build/net.bin"][0]
    (tmp_path / "elsewhere").write_bytes(content)
    tree.forget()
    (blob,) = tree.local.glob(f"cas/*/{sha256(content).hexdigest()}")
    blob.unlink()
    blob.symlink_to(tmp_path / "elsewhere")
    assert tree.build().how == "ran"
    tree.forget()
    assert tree.build().how == "restored", tree.notices
    assert not blob.is_symlink()

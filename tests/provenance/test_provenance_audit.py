"""Following artifacts back to their sources: folders, files of the user's, links, and what cannot be told."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cache_project import Tree, stage

from net2bit.errors import StoreError
from net2bit.graph.audit import Audit
from net2bit.graph.stage import Artifact, Stage
from net2bit.provenance.verify import Account


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a built project whose stage makes a file and a folder from a file of the user's."""
    made = Tree(tmp_path / "tree")
    made.build()
    return made


def _look(tree: Tree, path: str, built: Stage | None = None) -> Account:
    """Return what is found out about the artifact at *path*."""
    with tree.store() as store:
        audit = Audit(store, [], (built or stage()).op.tools, signed=False)
        audit.look(tree.root / path)
        return audit.accounts[0]


def _states(account: Account) -> dict[str, tuple[str, str]]:
    return {one.what: (str(one.state), one.detail) for one in account.checks}


def test_folder_holds(tree: Tree) -> None:
    """A folder with sub-folders, an empty one, an empty file and a program is what its statement says; so is the file beside it."""
    for path in ("build/pages", "build/net.bin"):
        found = _look(tree, path)
        assert found.holds
        assert {state for state, _ in _states(found).values()} == {"ok"}


def _write(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"evil")


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda top: _write(top / "deep/0001.bin"), "changed: deep/0001.bin"),
        (lambda top: (top / "tool").unlink(), "gone: tool"),
        (lambda top: (top / "deep/extra.bin").touch(), "new: deep/extra.bin"),
        (lambda top: (top / "tool").chmod(0o644), "changed: tool"),
        (lambda top: (top / "deep/empty").rmdir(), "gone: deep/empty/"),
    ],
)
def test_changed_folder_names_its_files(tree: Tree, change: Callable[[Path], object], detail: str) -> None:
    """What is another, gone or new in a folder is named, execute bits and empty folders too."""
    change(tree.root / "build/pages")
    found = _look(tree, "build/pages")
    assert not found.holds
    assert _states(found)["content"] == ("changed", detail)


def test_many_changes_are_counted(tree: Tree) -> None:
    """The first names are shown, and how many more there are."""
    for number in range(5):
        _write(tree.root / f"build/pages/deep/000{number}.bin")
    assert _states(_look(tree, "build/pages"))["content"][1].endswith("and 2 more")


def test_product_in_the_place_of_another_is_changed(tree: Tree) -> None:
    """In its place a product must be itself, not just any that the statement names."""
    (tree.root / "build/net.bin").unlink()
    (tree.root / "build/net.bin").write_bytes((tree.root / "build/pages/tool").read_bytes())
    assert _states(_look(tree, "build/net.bin"))["content"][0] == "changed"


@pytest.mark.parametrize(("change", "state"), [("edit", "changed"), ("remove", "unknown")])
def test_file_of_the_users(tree: Tree, change: str, state: str) -> None:
    """A source that was edited since is changed; one that is gone is unknown."""
    if change == "edit":
        (tree.root / "seed.txt").write_text("other")
    else:
        (tree.root / "seed.txt").unlink()
    assert _states(_look(tree, "build/net.bin"))["input"][0] == state


def test_file_outside_the_project_is_unknown(tmp_path: Path) -> None:
    """A file of the user's that lies elsewhere is named by its kind alone, and the key still follows from what is told."""
    made = Tree(tmp_path / "tree")
    (tmp_path / "elsewhere.txt").write_text("far")
    far = replace(stage(), inputs=(Artifact("seed.txt", str(tmp_path / "elsewhere.txt")),))
    made.build(far)
    found = _states(_look(made, "build/net.bin", far))
    assert found["input"] == ("unknown", "seed.txt lay outside the project")
    assert found["key"][0] == "ok"


def test_path_in_the_configuration_is_not_told(tmp_path: Path) -> None:
    """Where a path of the machine decided the key, it is left out, and the key cannot be computed again: unknown, not wrong."""
    made = Tree(tmp_path / "tree")
    made.build(stage(word="/home/somebody/words"))
    found = _look(made, "build/net.bin", stage(word="/home/somebody/words"))
    assert found.holds
    assert _states(found)["key"][0] == "unknown"
    assert b"somebody" not in (made.root / "build/.net.bin.intoto.json").read_bytes()


def test_statement_that_is_no_file_is_a_message(tree: Tree) -> None:
    """A folder in a statement's place is a fault that says where."""
    path = tree.root / "build/.net.bin.intoto.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="cannot read the statement"):
        _look(tree, "build/net.bin")


def test_missing_artifact_is_a_message(tree: Tree) -> None:
    """A product that is gone, its statement left behind, is a fault that says where."""
    (tree.root / "build/net.bin").unlink()
    with pytest.raises(StoreError, match="there is no such file"):
        _look(tree, "build/net.bin")

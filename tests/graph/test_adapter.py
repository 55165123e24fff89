"""The plan as doit tasks, run by the real doit on a store that only pretends to build."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from declared import config, op, registry
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain
from doit.exceptions import InvalidDodoFile

from net2bit.errors import ConfigError, Net2bitError, StageError, StoreError
from net2bit.graph import adapter
from net2bit.graph.plan import Plan, plan
from net2bit.graph.pools import Turn
from net2bit.graph.reporter import Reporter
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store, Verdict


@dataclass
class Built:
    """What came of building a stage."""

    how: str = "ran"
    seconds: float = 0.1


@dataclass
class FakeStore:
    """A store that writes empty files, and remembers what it was asked.

    Attributes:
        finished: Names of the stages that are up to date.
        built: Names of the stages that were built, in order.
        broken: Stage name -> the error that building it raises.
        unclear: Names of the stages whose state cannot be found out.
        meet: Where given, stages wait there for each other before they end.
    """

    finished: set[str] = field(default_factory=set)
    built: list[str] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)
    meet: threading.Barrier | None = None

    @property
    def history(self) -> "FakeStore":
        """Return the history, which is empty."""
        return self

    def estimate(self, stage: Stage) -> None:
        """Know no duration."""

    def check(self, stage: Stage) -> Verdict:
        """Return whether *stage* is finished."""
        if stage.name in self.unclear:
            raise StoreError("the disk is gone")
        return Verdict(fresh=stage.name in self.finished, key="0" * 64)

    def build(self, stage: Stage, watch: object, *, force: bool, turn: Turn) -> Built:
        """Write the products of *stage*."""
        assert callable(watch)
        assert turn.pools == {}
        assert not force
        if stage.name in self.broken:
            raise self.broken[stage.name]
        if self.meet is not None:
            self.meet.wait(timeout=120)
        self.built.append(stage.name)
        self.finished.add(stage.name)
        for output in stage.outputs:
            Path(output.path).parent.mkdir(parents=True, exist_ok=True)
            Path(output.path).touch()
        return Built()


class Tree:
    """A project of four ops in an empty folder: a -> b (with b.log), a -> c, and d from both."""

    def __init__(self, folder: Path) -> None:
        """Plan it, with nothing built."""
        ops = (op("one", "a"), op("two", "b b.log", "a"), op("three", "c", "a", reads=("k",)), op("four", "d", "b c"))
        self.folder, self.known, self.store = folder, registry(*ops), FakeStore()

    def plan(self, value: int = 1) -> Plan:
        """Return the plan with the key that op three reads at *value*."""
        return plan(config(["d"], k=value), self.known, root=self.folder)

    def doit(self, *arguments: str, value: int = 1) -> int:
        """Run doit, and return its exit status."""
        made, reporter, store = self.plan(value), Reporter(), cast("Store", self.store)

        def task_stages() -> Iterator[adapter.Task]:
            yield from adapter.tasks(made, store, self.folder, reporter, {})

        module: dict[str, Any] = {"DOIT_CONFIG": adapter.settings(made, self.folder, reporter), "task_stages": task_stages}
        return int(DoitMain(ModuleTaskLoader(module), config_filenames=()).run(list(arguments)) or 0)

    def shown(self) -> dict[str, str]:
        """Return name -> goal of the links in dist/."""
        return {link.name: str(link.readlink()) for link in sorted((self.folder / "dist" / "test").glob("*")) if link.is_symlink()}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Return a fresh tree, which is the current folder."""
    monkeypatch.chdir(tmp_path)
    return Tree(tmp_path)


def test_stages_run_after_what_they_need(tree: Tree) -> None:
    """The default goals are built, inputs first."""
    assert tree.doit() == 0
    assert sorted(tree.store.built) == ["a", "b", "c", "d"]
    assert tree.store.built[0] == "a"
    assert tree.store.built[-1] == "d"


def test_what_is_fresh_does_not_run(tree: Tree) -> None:
    """The store's word alone decides: a second build builds nothing, and a stage it calls stale is built again."""
    tree.doit()
    tree.store.finished.discard("c")
    tree.store.built.clear()
    assert tree.doit() == 0
    assert tree.store.built == ["c"]


def test_a_target_is_built_with_what_it_needs(tree: Tree) -> None:
    """`doit b` builds b and what it needs, nothing else."""
    assert tree.doit("b") == 0
    assert tree.store.built == ["a", "b"]


@pytest.mark.parametrize("word", ["b.log", "path"])
def test_a_further_product_can_be_asked_for(tree: Tree, word: str) -> None:
    """A product that names no task is built by its name, or by its path."""
    made = tree.plan().by_name["b"].outputs[1]
    assert tree.doit(made.path if word == "path" else word) == 0
    assert tree.store.built == ["a", "b"]


def test_an_unfinished_product_has_no_task(tree: Tree) -> None:
    """A further product that another op would refine, but not in this plan, cannot be asked for by its plain name."""
    tree.known = registry(op("one", "d log"), op("refine", "log", "log"))
    made, store = tree.plan(), cast("Store", tree.store)
    assert [task["basename"] for task in adapter.tasks(made, store, tree.folder, Reporter(), {})] == ["d"]


def test_stages_run_side_by_side(tree: Tree) -> None:
    """`-n 2` runs b and c at the same time, in threads."""
    tree.doit("a")
    tree.store.meet = threading.Barrier(2)
    assert tree.doit("-n2", "b", "c") == 0
    assert sorted(tree.store.built) == ["a", "b", "c"]


def test_a_failure_has_no_traceback(tree: Tree, capfd: pytest.CaptureFixture[str]) -> None:
    """A stage that fails shows its message with the remedy, and nothing of Python's; what needs it does not run."""
    tree.store.broken["b"] = StageError("the network forgot", where="block 3", remedy="train longer")
    assert tree.doit() == 1
    said = "".join(capfd.readouterr())
    assert "the network forgot\n  where: block 3\n  remedy: train longer" in said
    assert "Traceback" not in said
    assert "d" not in tree.store.built


def test_what_cannot_be_checked_is_built(tree: Tree, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the store cannot tell, the build says why, without a traceback."""
    tree.store.unclear.add("a")
    tree.store.broken["a"] = StoreError("the disk is gone")
    assert tree.doit() == 1
    said = "".join(capfd.readouterr())
    assert "the disk is gone" in said
    assert "Traceback" not in said


def test_a_fault_of_ours_keeps_its_traceback(tree: Tree, capfd: pytest.CaptureFixture[str]) -> None:
    """An error that is no user's mistake is not dressed up as one."""
    tree.store.broken["a"] = KeyError("a bug")
    assert tree.doit() == 2
    assert "Traceback" in "".join(capfd.readouterr())


def test_list_shows_titles(tree: Tree, capfd: pytest.CaptureFixture[str]) -> None:
    """`doit list` names every file and what its op does."""
    assert tree.doit("list") == 0
    rows = dict(line.split(None, 1) for line in capfd.readouterr().out.splitlines())
    assert {name: text.strip() for name, text in rows.items()} == {
        "a": "Do one",
        "b": "Do two",
        "b.log": "Made with b",
        "c": "Do three",
        "d": "Do four",
    }


def test_info_shows_op_and_config(tree: Tree, capfd: pytest.CaptureFixture[str]) -> None:
    """`doit info` shows the function that runs and its slice of the config."""
    tree.doit("info", "c")
    said = capfd.readouterr().out
    assert "mod:three" in said
    assert "'config': {'k': 1}" in said


def test_dist_shows_what_is_finished(tree: Tree) -> None:
    """After a build dist/<experiment> has a relative link for each product, under its plain name."""
    tree.doit()
    made = tree.plan().chosen
    assert tree.shown() == {kind: f"../../{made[kind].path}" for kind in ("a", "b", "b.log", "c", "d")}
    assert all((tree.folder / "dist" / "test" / name).exists() for name in tree.shown())


def test_dist_hides_what_is_not_finished(tree: Tree) -> None:
    """When a build fails, dist shows no product of the failed stage or of those behind it: neither new nor old."""
    tree.doit()
    tree.store.finished -= {"c", "d"}
    tree.store.broken["c"] = StageError("no")
    assert tree.doit(value=2) == 1
    assert set(tree.shown()) == {"a", "b", "b.log"}


def test_dist_follows_the_config(tree: Tree) -> None:
    """Another value shows another artifact, and going back shows the first again."""
    tree.doit()
    first = tree.shown()
    tree.store.finished -= {"c", "d"}
    tree.doit(value=2)
    second = tree.shown()
    assert {name for name in first if first[name] != second[name]} == {"c", "d"}
    tree.doit()
    assert tree.shown() == first


def test_dist_drops_links_of_other_plans_and_keeps_files(tree: Tree) -> None:
    """A link that no stage of the plan owns is removed when something is built; a file of the user's stays."""
    folder = tree.folder / "dist" / "test"
    folder.mkdir(parents=True)
    (folder / "old.txt").symlink_to("../../build/old.txt/x/old.txt")
    (folder / "notes.txt").write_text("mine")
    tree.doit()
    assert "old.txt" not in tree.shown()
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_dist_that_cannot_be_written_stops_nothing(tree: Tree) -> None:
    """The folder is a view: the build succeeds without it."""
    (tree.folder / "dist").write_text("a file in the way")
    assert tree.doit() == 0
    assert tree.store.built[-1] == "d"


def test_records_of_doit_lie_in_the_state_folder(tree: Tree) -> None:
    """No file of doit's lies about; where the state folder cannot be made, doit remembers in memory."""
    tree.doit("list")
    assert sorted(path.name for path in tree.folder.iterdir()) == [".net2bit"]
    assert adapter.settings(tree.plan(), tree.folder / "nowhere", Reporter())["dep_file"] == ":memory:"


def test_records_that_cannot_be_written_are_done_without(tree: Tree) -> None:
    """In a tree that only reads, what builds nothing works as ever."""
    (tree.folder / ".net2bit/doit.sqlite").mkdir(parents=True)
    assert adapter.settings(tree.plan(), tree.folder, Reporter())["dep_file"] == ":memory:"


def test_mistakes_become_messages_of_doits() -> None:
    """An error while dodo.py loads reaches doit as one that it prints without a traceback."""
    with pytest.raises(InvalidDodoFile, match="no such key\n  did you mean: size"), adapter.plainly():
        raise ConfigError("no such key", suggestion="size")
    assert not issubclass(InvalidDodoFile, Net2bitError)

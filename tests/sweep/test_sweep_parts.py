"""The small parts of a sweep: words, names, labels, plain data."""

import os
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from sweep_trees import TREE

from net2bit.errors import ConfigError
from net2bit.graph.place import write_whole
from net2bit.sweep import arguments, grid, labels, names
from net2bit.sweep.batches import Batches
from net2bit.sweep.current import Sweep
from net2bit.sweep.gather import notes, written
from net2bit.sweep.plain import Absent, Tree, Unusual
from net2bit.sweep.points import Point
from net2bit.sweep.results import telling
from net2bit.sweep.session import Session
from net2bit.sweep.view import View


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        (["-m", "dpu=b512,b800"], ("dpu=b512,b800",)),
        (["--multirun", "launcher=joblib"], ("hydra/launcher=joblib",)),
        (["-n", "4"], ("sweep.workers=4",)),
        (["-n4"], ("sweep.workers=4",)),
        (["--workers=4", ""], ("sweep.workers=4",)),
        (["sweeper=search"], ("hydra/sweeper=search",)),
        (["--config-dir", "mine"], ("hydra.searchpath=mine",)),
    ],
)
def test_options_become_words(given_: list[str], words: tuple[str, ...]) -> None:
    """Every option but hydra's own is an override in short."""
    assert arguments.read(given_).words == words


def test_hydra_answers_its_own_options() -> None:
    """--cfg and its like go to hydra as they are."""
    assert arguments.read(["--cfg", "job", "launcher=basic"]).hydra == ("--cfg", "job", "hydra/launcher=basic")
    mixed = ["-n", "2", "dpu=b512", "--cfg", "job", "flow=hardware"]
    assert arguments.read(mixed).hydra == ("--cfg", "job", "sweep.workers=2", "dpu=b512", "flow=hardware")


def test_words_are_told_apart() -> None:
    """What speaks of the sweep or of hydra never reaches an experiment."""
    words = ["dpu=b512", "+sweep.name=x", "executor=slurm", "hydra/launcher=basic", "~search.limits", "sweeping=1", "~train.seed"]
    assert arguments.experiments(words) == ("dpu=b512", "sweeping=1", "~train.seed")


@given(st.lists(st.text("ab/. =,[]'\"é-", max_size=30), min_size=1, max_size=20))
def test_labels_are_unique_names_of_files(values: list[str]) -> None:
    """Whatever the values, labels can be folders and no two are alike."""
    taken: set[str] = set()
    for number, value in enumerate(values):
        found = labels.label([f"train.seed={value}", f"number={number}"], {"train.seed"}, taken, "x")
        assert found not in taken
        assert found == Path(found).name
        assert not found.startswith(".")
        assert len(found) <= 48
        taken.add(found)


def test_labels_say_what_differs() -> None:
    """A choice is told by its value, a value with the last part of its key, what all points share not at all."""
    jobs = [["flow=hardware", "dpu=b512", "model.width=0.5", "model.input_size=[64,128]"]]
    keys = labels.swept(jobs, {"flow"})
    assert labels.label(jobs[0], keys, set(), "x") == "b512-width0.5-input_size64x128"


def test_a_sweep_finds_its_folder_again(tmp_path: Path) -> None:
    """The same words have the same name, others the next one; a name that is given is taken."""
    assert names.claim(tmp_path, None, "dpu", ["dpu=a,b"]) == "dpu"
    assert names.claim(tmp_path, None, "dpu", ["dpu=a,c"]) == "dpu-2"
    assert names.claim(tmp_path, None, "dpu", ["dpu=a,b", "sweep.workers=3"]) == "dpu"
    assert names.claim(tmp_path, "dpu", "dpu", ["dpu=x"]) == "dpu"
    assert names.claim(tmp_path, None, "dpu", ["dpu=a,b"]) == "dpu-3"


def test_a_folder_without_results_goes(tmp_path: Path) -> None:
    """A sweep that came to nothing leaves no folder; one with results stays."""
    for name in ("empty", "full"):
        names.claim(tmp_path, name, "x", [])
    (tmp_path / "sweeps/full/table.csv").touch()
    for name in ("empty", "full", "absent"):
        names.release(tmp_path, name)
    assert sorted(path.name for path in (tmp_path / "sweeps").glob("[a-z]*")) == ["full"]


def test_folders_of_points_that_are_gone_go(tmp_path: Path) -> None:
    """What a user put into one such folder stays, and keeps none of the others."""
    points = tmp_path / "sweeps/dpu/points"
    for label in ("a", "b", "c", "kept"):
        (points / label).mkdir(parents=True)
        (points / label / "last.txt").symlink_to("nowhere")
        (points / label / "overrides.txt").touch()
    (points / "b/notes.txt").touch()
    (points / "mine").touch()
    View(tmp_path, "dpu").keep([Point(0, (), "kept")])
    assert sorted(str(path.relative_to(points)) for path in points.rglob("*") if path.is_file() or path.is_symlink()) == [
        "b/notes.txt",
        "kept/last.txt",
        "kept/overrides.txt",
        "mine",
    ]
    assert not (points / "a").exists()
    assert not (points / "c").exists()


def test_notes_of_points_are_known_by_their_files(tmp_path: Path) -> None:
    """A note is new where its file is another one than before: whatever time a node or a file server writes on it."""
    sweep = Sweep(Session(tmp_path, "s", {}), Batches(TREE, (), ()))
    folder = sweep.session.view.folder / ".jobs"
    folder.mkdir(parents=True)
    for name in ("0.json", "1.json", "x.json"):
        (folder / name).write_text('{"how": {}, "error": "old"}')
    before = notes(sweep)
    for name in ("1.json", "2.json"):
        write_whole(folder / name, '{"how": {}, "error": "new"}')
        os.utime(folder / name, (0, 0))
    os.utime(folder / "x.json", (2**32, 2**32))
    assert {number: note["error"] for number, note in written(sweep, before)} == {1: "new", 2: "new"}


def test_what_a_stage_came_to_for_several_processes() -> None:
    """One that ran it tells more than one that found it up to date, and that more than one that never came so far."""
    assert telling(["fresh", "ran", "skipped"]) == "ran"
    assert telling(["skipped", "fresh"]) == "fresh"
    assert telling(["fresh", "failed"]) == "failed"
    assert telling([]) == "skipped"


def test_many_points_are_counted_before_they_are_made() -> None:
    """A sweep of a billion points is refused at once."""
    with pytest.raises(ConfigError, match="1,000,000,000 points"):
        grid.points([f"{key}=range(1000)" for key in "abc"], None, 10_000)  # type: ignore[arg-type]


def test_batches_are_of_one_size() -> None:
    """The last batch may be smaller; without a size there is one."""
    points = [["a=1"], ["a=2"], ["a=3"]]
    assert [len(batch) for batch in grid.batches(points, 2)] == [2, 1]
    assert [len(batch) for batch in grid.batches(points, None)] == [3]


@pytest.mark.parametrize("word", ["a.c=1", "b.x=1", "a.b.c=1"])
def test_an_unknown_key_is_absent(word: str) -> None:
    """Overriding what is not there is told apart from what only hydra can judge."""
    (override,) = OverridesParser.create().parse_overrides([word])
    with pytest.raises(Absent if word != "a.b.c=1" else Unusual):
        Tree({"a": {"b": 1}}).apply(override)


def test_merging_keeps_its_operands() -> None:
    """A merged tree shares no mapping with what it was made of."""
    first, more = {"a": {"b": 1}}, {"a": {"c": [1]}}
    tree = Tree()
    tree.merge(first)
    tree.merge(more)
    copy = tree.copy()
    (override,) = OverridesParser.create().parse_overrides(["a.b=2"])
    copy.apply(override)
    assert (first, more, tree.data, copy.data) == (
        {"a": {"b": 1}},
        {"a": {"c": [1]}},
        {"a": {"b": 1, "c": [1]}},
        {"a": {"b": 2, "c": [1]}},
    )

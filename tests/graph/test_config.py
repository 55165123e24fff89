"""The composed experiment: values, the user's own folders, and the cache in front of hydra."""

import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from declared import PROJECT, composed
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from net2bit.errors import ConfigError
from net2bit.graph import compose, config, words

SETTLED = 0.06
"""Seconds after which the cache trusts the stat of a file."""


class Watched:
    """A copy of the project's YAML tree, loaded through a cache of its own; counts how often hydra composes."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Copy the tree and wrap the composing function."""
        self.tree = folder / "experiments"
        shutil.copytree(PROJECT / "experiments", self.tree)
        self.cache = folder / "state" / "config"
        self.count = 0
        original = compose.compose

        def counted(tree: Path, search: Sequence[Path], overrides: Sequence[str]) -> dict[str, Any]:
            self.count += 1
            return original(tree, search, overrides)

        monkeypatch.setattr(compose, "compose", counted)

    def load(self, *given: str) -> dict[str, Any]:
        """Return the experiment."""
        return config.load(config.origin(self.tree.parent, given), self.cache)

    def composes(self, *given: str) -> int:
        """Load once, and return how often that composed."""
        before = self.count
        self.load(*given)
        return self.count - before


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Return a tree that was loaded once, all of its files settled."""
    made = Watched(tmp_path, monkeypatch)
    time.sleep(SETTLED)
    made.load()
    return made


def test_the_cache_answers_what_was_composed(watched: Watched) -> None:
    """A second load gives the very same data and composes nothing."""
    first = watched.load("train.epochs=3")
    assert watched.count == 2
    assert watched.load("train.epochs=3") == first
    assert watched.count == 2
    assert first["train"]["epochs"] == 3


def test_going_back_composes_nothing(watched: Watched) -> None:
    """Other words compose once; A, B, A finds A again."""
    assert [watched.composes("dpu=b512"), watched.composes(), watched.composes("dpu=b512")] == [1, 0, 0]


def test_a_touched_file_composes_nothing(watched: Watched) -> None:
    """A file with a new time and the same content is read, not composed."""
    os.utime(watched.tree / "config.yaml")
    assert watched.composes() == 0


def test_an_edited_file_is_composed_again(watched: Watched) -> None:
    """A changed value is seen at once."""
    file = watched.tree / "verify" / "default.yaml"
    file.write_text(file.read_text().replace("batch: 8", "batch: 9"))
    assert watched.load()["verify"]["batch"] == 9


def test_an_edit_that_keeps_the_time_is_seen(watched: Watched) -> None:
    """Another content of the same size and modification time is seen too: rsync and tar keep times."""
    file = watched.tree / "verify" / "default.yaml"
    times = file.stat()
    file.write_text(file.read_text().replace("batch: 8", "batch: 9"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert watched.load()["verify"]["batch"] == 9


def test_a_young_file_is_read_rather_than_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stat of a file that has just been written is not remembered, since it may change again within the same clock tick."""
    made = Watched(tmp_path, monkeypatch)
    monkeypatch.setattr(config, "_SETTLED_NS", 10**15)
    made.load()
    assert not list(made.cache.glob("*.stat"))
    monkeypatch.setattr(config, "_SETTLED_NS", 0)
    made.load()
    assert (len(list(made.cache.glob("*.stat"))), made.count) == (1, 1)


def test_a_new_option_is_found(watched: Watched) -> None:
    """A file added to a group can be chosen although the group was composed before."""
    (watched.tree / "model" / "mine.yaml").write_text("defaults: [unet, _self_]\nname: mine\n")
    assert watched.load("model=mine")["model"] == {**composed()["model"], "name": "mine"}


def test_changed_schemas_compose_again(watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models decide the result, so a change of their source leaves no old composition standing."""
    copy = shutil.copytree(PROJECT / "schemas", tmp_path / "schemas")
    (copy / "base.py").write_text((copy / "base.py").read_text() + "# another line\n")
    monkeypatch.setattr(schemas, "__path__", [str(copy)])
    assert watched.composes() == 1


def test_a_mentioned_variable_is_part_of_the_key(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable that a word mentions counts, and no other does."""
    word = "name=${oc.env:RUN_NAME}"
    for name in ("one", "two", "one"):
        monkeypatch.setenv("RUN_NAME", name)
        monkeypatch.setenv("UNRELATED", f"{name}-{watched.count}")
        assert watched.load(word)["name"] == name
    assert watched.count == 3


def test_a_variable_in_a_file_is_part_of_the_key(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds for a variable that a YAML file mentions."""
    file = watched.tree / "config.yaml"
    file.write_text(file.read_text().replace("name: default", "name: ${oc.env:RUN_NAME,nobody}"))
    assert watched.load()["name"] == "nobody"
    monkeypatch.setenv("RUN_NAME", "somebody")
    assert watched.load()["name"] == "somebody"


def test_mentioned_variables_are_named(watched: Watched) -> None:
    """Who keeps memos of its own can ask which variables words and files mention."""
    assert config.mentioned(config.origin(watched.tree.parent, ["name=${oc.env:RUN_NAME,nobody}"])) == ("RUN_NAME",)
    assert config.mentioned(config.origin(watched.tree.parent, ["name=x"])) == ()


@pytest.mark.parametrize("content", [b"", b"{", b"0\n{}", b"\xff"])
def test_a_damaged_cache_is_composed_again(watched: Watched, content: bytes) -> None:
    """Whatever lies in the cache's files, the experiment is right."""
    for file in watched.cache.iterdir():
        file.write_bytes(content)
    assert watched.load() == composed()


def test_a_cache_that_cannot_be_written_is_done_without(watched: Watched) -> None:
    """In a read-only tree the experiment is composed every time."""
    shutil.rmtree(watched.cache)
    watched.cache.write_text("a file where the folder should be")
    assert [watched.composes(), watched.composes()] == [1, 1]


def test_the_cache_does_not_grow_for_ever(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest compositions go when there are too many."""
    monkeypatch.setattr(config, "KEEP", 4)
    for epochs in range(1, 6):
        watched.load(f"train.epochs={epochs}")
    assert len(list(watched.cache.iterdir())) == 4


def test_an_error_is_not_kept(watched: Watched) -> None:
    """A wrong word is an error each time, and right as soon as the tree has what it names."""
    for _ in range(2):
        with pytest.raises(ConfigError):
            watched.load("model=mine")
    shutil.copy(watched.tree / "model" / "unet.yaml", watched.tree / "model" / "mine.yaml")
    assert watched.load("model=mine")["model"]["name"] == "unet"


def test_values_have_the_type_of_their_key() -> None:
    """Words that mean the same compose the same: 1 and 1.0 for a number, 10GB and 10000000000 for a size."""
    assert json.dumps(composed("model.width=1")["model"]) == json.dumps(composed("model.width=1.0")["model"])
    assert composed("cache.size=5GB")["cache"]["size"] == 5 * 10**9
    assert composed("cache.size=1.5k")["cache"]["size"] == 1500


@pytest.mark.parametrize("way", ["word", "file", "variable"])
def test_options_may_lie_outside_the_project(watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """A folder on the search path adds options to the groups, and an edit there is seen."""
    own = tmp_path / "own"
    (own / "board").mkdir(parents=True)
    board = own / "board" / "mine.yaml"
    board.write_text("defaults: [ultra96v2, _self_]\nname: mine\ntitle: My board\n")
    words = {"word": [f"hydra.searchpath=[{own}]"], "file": [f"hydra.searchpath=[file://{own}]"], "variable": []}[way]
    if way == "variable":
        monkeypatch.setenv("NET2BIT_EXPERIMENTS", str(own))
    assert watched.load("board=mine", *words)["board"]["title"] == "My board"
    board.write_text(board.read_text().replace("My", "Your"))
    assert watched.load("board=mine", *words)["board"]["title"] == "Your board"


def test_a_search_path_that_is_no_folder_is_refused(watched: Watched) -> None:
    """A misspelt folder is an error, where hydra only warns."""
    with pytest.raises(ConfigError, match="/nowhere is not a folder"):
        watched.load("hydra.searchpath=[/nowhere]")


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """`~/` behind an `=` means the home folder: shells expand it in assignments only, and a dotted key is none."""
    monkeypatch.setenv("HOME", "/home/somebody")
    assert words.search(["dataset.root=~/data", "name=a~b"], PROJECT)[0] == ("dataset.root=/home/somebody/data", "name=a~b")


@settings(max_examples=20)
@given(
    st.fixed_dictionaries(
        {
            "train.epochs": st.integers(1, 10**6),
            "train.learning_rate": st.floats(1e-9, 1.0),
            "train.augment": st.booleans(),
            "model.input_size": st.tuples(st.integers(1, 512), st.integers(1, 512)).map(lambda sides: [16 * side for side in sides]),
            "verify.images": st.none() | st.integers(1, 1000),
            "quant.limits.shift_write": st.tuples(st.integers(-15, 0), st.integers(0, 15)).map(list),
            "quant.method": st.sampled_from(["min_diffs", "non_overflow"]),
        }
    )
)
def test_a_stage_sees_what_a_word_says(values: dict[str, Any]) -> None:
    """Law: every valid value, written as a word in JSON, is that very value in the experiment."""
    experiment = compose.compose(PROJECT / "experiments", (), [f"{key}={json.dumps(value)}" for key, value in values.items()])
    for key, value in values.items():
        found: Any = experiment
        for part in key.split("."):
            found = found[part]
        assert found == value
        assert type(found) is type(value)

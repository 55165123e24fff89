"""The words of the command line, as doit takes them apart and as we put them together again."""

from pathlib import Path

import pytest
from doit import doit_cmd
from hypothesis import given
from hypothesis import strategies as st

from net2bit.errors import ConfigError
from net2bit.graph import config, words

TREE = Path(__file__).resolve().parents[2] / "experiments"
ARGUMENTS = st.lists(st.from_regex(r"[-+~a-z.]{1,4}(=[a-z=,\[\]]{0,4})?", fullmatch=True), max_size=6)


@given(ARGUMENTS.filter(lambda arguments: not any(item.startswith("~") and "=" not in item for item in arguments)))
def test_words_are_found_as_doit_finds_them(arguments: list[str]) -> None:
    """Law: for any command line, `split` gives the words and the rest that doit itself would see, in its order."""
    before = doit_cmd._CMDLINE_VARS
    try:
        rest = doit_cmd.DoitMain().process_args(arguments)
        assert words.split(arguments) == (words.from_doit(), tuple(rest))
    finally:
        doit_cmd._CMDLINE_VARS = before


def test_prefixes_of_overrides_survive_doit() -> None:
    """`+key`, `++key` and `~key` reach hydra with their prefix, and a value may hold `=`."""
    given_words = ["+a.b=1", "++c=2", "~d=3", "e=f=g"]
    assert words.split(["list", *given_words, "-n2"]) == (tuple(given_words), ("list", "-n2"))


def test_a_deletion_without_value_is_explained() -> None:
    """A `~key` is a task for doit, so the error says how to write it."""
    with pytest.raises(ConfigError) as caught:
        words.split(["~train"])
    assert caught.value.remedy == "name the value to delete as well: ~train=<value>"


def test_outside_of_doit_there_are_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that imports dodo.py gets the default experiment."""
    monkeypatch.setattr(doit_cmd, "_CMDLINE_VARS", None)
    assert words.from_doit() == ()


def test_the_search_path_is_taken_out_of_the_words(tmp_path: Path) -> None:
    """Folders of the search path are resolved against the project and no longer among the overrides."""
    (tmp_path / "own").mkdir()
    rest, folders = words.search(["a=1", "hydra.searchpath=[own, 'own']"], tmp_path)
    assert (rest, folders) == (("a=1",), (tmp_path / "own",) * 2)


def test_stocks_need_no_sign(tmp_path: Path) -> None:
    """Licences and what operations take have names that only the user knows: words add to them, and the last one counts."""
    said = ("resources.pools.vivado=1", "resources.pools={vcs: 2}", "resources.pools.vivado=3", "resources.stages.train.memory=8GB")
    found = config.load(config.Origin(TREE, (), said), tmp_path)["resources"]
    assert found["pools"] == {"vivado": 3, "vcs": 2}
    assert found["stages"] == {"train": {"memory": 8 * 10**9}}
    plus = config.load(config.Origin(TREE, (), ("+resources.pools.vivado=1",)), tmp_path)["resources"]
    assert plus["pools"] == {"vivado": 1}

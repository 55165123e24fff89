"""Experiments composed together are those that single builds compose."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sweep_trees import TREE, single, users

from net2bit.errors import ConfigError
from net2bit.sweep.batch import Composer

CHOICES = [
    *(f"dpu={name}" for name in ("b512", "b800", "b1152", "b2304", "b4096", "mine", "bogus")),
    *(f"model={name}" for name in ("unet", "separable_unet", "tied")),
    *(f"experiment={name}" for name in ("quick", "chosen", "bound", "swept", "null")),
    *("board=kv260", "quant=refined", "flow=hardware", "cache=none", "train=asked", "dpu.options=full", "dpu/options=full"),
    *("+quant/limits=dpuczdx8g", "~experiment", "~cache=local", "~cache=none", "++dpu=b512"),
]
VALUES = [
    *("train.epochs=1", "train.epochs=x", "train.epochs=null", "train.epoch=1", "model.width=0.5", "model.width=-1", "name=other"),
    *("model.input_size=[64,64]", "model.input_size=${dataset.synth.size}", "model.name=${dpu.name}", "name='${nothing.there}'"),
    *("+model.init=x", "+train.more=1", "++train.epochs=2", "++dataset.labels.bus=[28]", "+dataset.labels.bus=[28]", "~dataset.labels.car"),
    *(
        "~train.seed",
        "~train.seed=0",
        "~train.seed=1",
        "~train.nothing",
        "dataset.synth=null",
        "dataset.synth={train: 4}",
        "dataset.root=/d",
    ),
    *(
        "resources.pools={vivado: 1}",
        "+resources.pools.vivado=1",
        "resources.pools.vivado=2",
        "resources.pools.vivado=x",
        "resources.pools=3",
        "resources.pools={vivado: 3, 'a b': 1, 4: 5}",
        "resources.stages.train.cores=2",
        "resources.stages={train: {memory: 8GB, cores: 4}, compile: {}}",
        "resources.stages.train={cores: 1}",
        "++resources.stages.train.memory=8GB",
        "+train.deep.er=1",
        "train=3",
        "model.width=0.1,0.2",
        "=3",
        "nothing.at.all=1",
        "dpu.options=plain",
    ),
    *("verify.batch='4'", "verify.batch=4.0", "dataset.classes=[a,b]", "dataset.classes=a", "model={}", "quant.calibration.images=3"),
]


@pytest.fixture(scope="module")
def composers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Composer, tuple[Path, ...], Path]:
    """A composer that lives through all examples, as it lives through a sweep."""
    folder = tmp_path_factory.mktemp("sweep")
    search = (users(folder / "mine"),)
    return Composer(TREE, search), search, folder / "cache"


TELLING = [
    ("dpu=mine", "train.epochs=1"),
    ("dpu=b800", "model=tied", "dataset.synth.size=[64,64]"),
    ("experiment=chosen", "dpu=b512", "~train.seed"),
    ("experiment=bound", "dpu=b1152", "+resources.pools.vivado=1"),
    ("experiment=swept", "train.seed=1"),
    ("dpu=bogus", "model.width=0.5"),
    ("train.epoch=1", "dpu=b512"),
    ("dpu=b4096", "flow=hardware"),
    ("dpu=b512", "train.epochs=x", "model.width=-1"),
    ("resources=own", "resources.stages.train.memory=2GB", "train.epoch=1"),
    ("resources.stages.train.memory=2GB", "resources=own", "train.epoch=1"),
]


@pytest.mark.parametrize("words", TELLING, ids=" ".join)
def test_a_telling_case_is_as_alone(composers: tuple[Composer, tuple[Path, ...], Path], words: tuple[str, ...]) -> None:
    """A choice that builds on another, references, experiments that choose, deletions, additions, mistakes: as composed alone."""
    composer, search, cache = composers
    assert _answer(lambda: composer.compose(words)) == _answer(lambda: single(words, search, cache))


def test_a_choice_decides_which_keys_there_are(composers: tuple[Composer, tuple[Path, ...], Path]) -> None:
    """The misspelt key is blamed, not one that only a chosen file has, wherever among the words the choice stands."""
    for words in permutations(("resources=own", "resources.stages.train.memory=2GB", "train.epoch=1")):
        with pytest.raises(ConfigError, match=r"there is no key 'train\.epoch'"):
            composers[0].compose(words)


def test_a_sweep_asks_hydra_for_each_choice_once(tmp_path: Path) -> None:
    """Hundred points of a user's DPU and ours, of two models and values, are composed without hydra but for their choices."""
    composer = Composer(TREE, (users(tmp_path),))
    for dpu in ("mine", "b512", "b800", "b1152", "b1600"):
        for model in ("unet", "separable_unet"):
            for seed in range(10):
                found = composer.compose([f"dpu={dpu}", f"model={model}", f"train.seed={seed}"])
                assert (found["dpu"]["name"], found["model"]["name"], found["train"]["seed"]) == (dpu, model, seed)
    assert composer.slow == 0


def test_stocks_are_composed_without_hydra(tmp_path: Path) -> None:
    """Licences and what operations take, as entries or as mappings, cost a large sweep nothing."""
    composer = Composer(TREE)
    words = (
        "resources.pools.vivado=2",
        "resources.pools={vcs: 1}",
        "resources.stages.train.memory=8GB",
        "resources.stages={train: {cores: 4}}",
    )
    assert composer.compose(words) == single(words, (), tmp_path)
    assert composer.slow == 0


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices=st.lists(st.sampled_from(CHOICES), max_size=3), values=st.lists(st.sampled_from(VALUES), max_size=3))
def test_together_is_as_alone(composers: tuple[Composer, tuple[Path, ...], Path], choices: list[str], values: list[str]) -> None:
    """For any overrides, composing among others gives the experiment, or the error, that composing alone gives."""
    composer, search, cache = composers
    words = (*choices, *values)
    assert _answer(lambda: composer.compose(words)) == _answer(lambda: single(words, search, cache))


def _answer(compose: Callable[[], object]) -> object:
    try:
        return compose()
    except ConfigError as error:
        return str(error)

"""A user's mistakes in words and files: each is one clear error with the key, the near miss and the remedy."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from declared import PROJECT, composed

from net2bit.errors import ConfigError
from net2bit.graph.compose import compose

# words, what the error says, what it suggests
MISTAKES = [
    (["dpu.sise=b512"], "there is no key 'dpu.sise'", "dpu.size=b512"),
    (["resources.pool.vivado=1"], "there is no key 'resources.pool.vivado'", "resources.pools.vivado=1"),
    (["dataset.labels={bus: [28]}"], "'dataset.labels' has no such entries", ""),
    (["dpx.size=b512"], "there is no key 'dpx.size'", "dpu.size=b512"),
    (["dp=b512"], "there is no key 'dp'", "dpu=b512"),
    (["experimnt=quick"], "there is no key 'experimnt'", "experiment=quick"),
    (["dpu/option=full"], "there is no key 'dpu/option'", "dpu/options=full"),
    (["epochs=3"], "there is no key 'epochs'", "train.epochs=3"),
    (["seed=3"], "there is no key 'seed'", "dataset.synth.seed, train.seed, quant.calibration.seed"),
    (["+model.widht=3"], "model.widht: there is no such key", "model.width"),
    (["+model.width=3"], "'model.width' exists already", "model.width=3"),
    (["dataset.labels.dog=[3]"], "'dataset.labels' has no entry 'dataset.labels.dog'", ""),
    (["dpu=b51x"], "there is no dpu 'b51x'", "dpu=b512"),
    (["dpu/options=ful"], "there is no dpu/options 'ful'", "dpu/options=full"),
    (["model=5"], "'model' takes the name of a file in experiments/model", ""),
    (["+model=unet"], "model appears more than once", ""),
    (["=3"], "'=3' names no key", ""),
    (["model.width=[1"], "the value of 'model.width' cannot be read", ""),
    (['name="a b'], "the value of 'name' cannot be read", ""),
    (["dataset=cityscapes"], "dataset.root has no value", ""),
    (["~train.seed=1"], "Could not delete from config. The value of 'train.seed' is 0 and not 1", ""),
    (["~train.seed=0"], "train.seed: has no value", ""),
    (["model.width=${oc.env:NET2BIT_NO_SUCH}"], "Environment variable 'NET2BIT_NO_SUCH' not found", ""),
    (["model.width=${modl.width}"], "Interpolation key 'modl.width' not found", ""),
    (["hydra.foo=1"], "there is no key 'hydra.foo'", ""),
    (["train.epochs=0"], "train.epochs: input should be greater than or equal to 1 (got 0)", ""),
    (["train.seed=x"], "train.seed: input should be a valid integer (got 'x')", ""),
    (["train.epochs=true"], "train.epochs: input should be a valid integer (got True)", ""),
    (["model.width=nan"], "model.width: input should be a finite number (got nan)", ""),
    (["model.width="], "model.width: input should be a valid number (got '')", ""),
    (["quant.method=kl"], "quant.method: input should be 'min_error', 'min_diffs' or 'non_overflow' (got 'kl')", ""),
    (["model.input_size=[100,128]"], "model.input_size[0]: input should be a multiple of 16 (got 100)", ""),
    (["model.input_size=[128]"], "model.input_size[1]: has no value", ""),
    (["quant.limits.shift_cut=[3,1]"], "quant.limits.shift_cut: the least value comes first: [1, 3] (got [3, 1])", ""),
    (["cache.size=10XB"], "cache.size: a size is a number with a unit: 500MB, 10GB, 1TB (got '10XB')", ""),
    (["name=../x"], "name: string should match pattern", ""),
    (["dataset.root=/x"], "dataset: both generator and root are given", ""),
    (["dataset.generator=null"], "dataset: neither generator nor root is given", ""),
    (["dataset.synth=null"], "dataset: a generator needs synth", ""),
    (["+dataset.labels.dog=[3]"], "dataset: labels names the class 'dog', which is not among classes", ""),
    (["dataset.labels.car=[7]"], "dataset: label id 7 belongs to both 'car' and 'road'", ""),
    (["train.isa=AVX3"], "train.isa: input should be 'native'", "train.isa=AVX"),
]


@pytest.mark.parametrize(("words", "what", "suggestion"), MISTAKES, ids=[words[0] for words, *_ in MISTAKES])
def test_a_mistake_is_named(words: list[str], what: str, suggestion: str) -> None:
    """The error says what is wrong with which key, and suggests the near miss where there is one."""
    with pytest.raises(ConfigError) as caught:
        composed(*words)
    assert what in caught.value.what
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize("word", ["dpu=b512,b1152", "train.seed=range(1,4)", "name=choice(a,b)"])
def test_a_sweep_points_to_the_sweep_program(word: str) -> None:
    """Several values for one key are no build; the remedy is the command that sweeps."""
    with pytest.raises(ConfigError) as caught:
        composed("train.epochs=2", word)
    assert caught.value.remedy == f"for a sweep: python sweep.py -m train.epochs=2 {shlex.quote(word)}"


def test_the_first_wrong_word_is_blamed() -> None:
    """Among several words the one that hydra stumbles over is named."""
    with pytest.raises(ConfigError) as caught:
        composed("train.epochs=2", "dpu.sise=b512", "model.widht=1")
    assert caught.value.where == "dpu.sise=b512"


def test_all_wrong_values_are_listed() -> None:
    """Values that do not fit are all named at once, so that they can be mended at once."""
    with pytest.raises(ConfigError, match=r"train\.epochs: .*\n  train\.seed: .*\n  verify\.max_drop: "):
        composed("train.epochs=0", "train.seed=-1", "verify.max_drop=2")


def test_a_missing_value_is_explained() -> None:
    """The remedy for a value that must be given says which word gives it and what it means."""
    with pytest.raises(ConfigError) as caught:
        composed("dataset=cityscapes")
    assert caught.value.remedy == "give it one: dataset.root=<value>  (The folder of the user's own images; null draws them)"


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("model/unet.yaml", "name: [unet\nwidth: 1", "line 2: expected ',' or ']'"),
        ("config.yaml", "defaults:\n  - modle: unet\n", "there is no modle 'unet'"),
        ("config.yaml", "defaults: 5\n", "defaults must be a list"),
        ("verify/default.yaml", "5\n", "the file holds 5, not keys and values"),
    ],
)
def test_a_broken_file_is_an_error(tmp_path: Path, file: str, text: str, what: str) -> None:
    """A YAML file that hydra cannot take is an error of ours as well, not a traceback."""
    tree = shutil.copytree(PROJECT / "experiments", tmp_path / "experiments")
    (tree / file).write_text(text)
    with pytest.raises(ConfigError, match=re.escape(what)):
        compose(tree, (), ())

"""The models of the configuration: what is generated from them, and that all files of the tree fit them."""

from pathlib import Path
from typing import get_args

import pytest
from declared import PROJECT, composed

from net2bit.dpu.target.configuration import PARALLELISM
from schemas.dpu import Size
from schemas.experiment import Experiment
from schemas.reference import files

TREE = PROJECT / "experiments"
SWEEPS = {"executor", "hydra"}  # groups of experiments/sweep.yaml, which is no experiment
OPTIONS = sorted(
    str(file.relative_to(TREE).with_suffix(""))
    for file in TREE.rglob("*.yaml")
    if file.parent != TREE and file.relative_to(TREE).parts[0] not in SWEEPS
)

# What an option needs besides itself: images, a board that can hold the DPU, a DPU that the board can hold.
WITH = {
    "dataset/cityscapes": ("dataset.root=/data",),
    "board/pynq_z2": ("flow=hardware", "dpu=b512", "dpu.release=1.4.0"),
    "board/zuboard_1cg": ("dpu=b800",),
    "dpu/b3136": ("board=kv260",),
    "dpu/b4096": ("board=kv260",),
}


@pytest.mark.parametrize("path", list(files()), ids=str)
def test_generated_files_say_what_the_models_say(path: Path) -> None:
    """Schema and reference are those of the models; `python -m schemas` writes them anew."""
    assert (PROJECT / path).read_text("utf-8") == files()[path], "run: python -m schemas"


def test_the_reference_names_every_key() -> None:
    """Each key of the default experiment has its line in the reference, with a meaning."""
    text = (PROJECT / "docs/reference/config.md").read_text("utf-8")
    for key in _keys(composed()):
        assert f"| `{key}` |" in text
    assert "|  |" not in text


def _keys(value: dict[str, object], prefix: str = "") -> list[str]:
    nested = [
        _keys(item, f"{prefix}{name}.") if isinstance(item, dict) and name != "labels" else [prefix + name] for name, item in value.items()
    ]
    return [key for keys in nested for key in keys]


@pytest.mark.parametrize("option", OPTIONS)
def test_every_file_of_the_tree_composes(option: str) -> None:
    """Each option of each group gives a valid experiment, and is called by its file's name."""
    group, _, name = option.rpartition("/")
    experiment = composed(f"{group}={name}", *WITH.get(option, ()))
    assert experiment.get(group, {}).get("name", name) == name


def test_an_experiment_survives_a_round_trip() -> None:
    """Law: what was composed validates to itself, so that a stage's slice does not depend on who wrote it."""
    experiment = composed()
    assert Experiment.model_validate(experiment, strict=False).model_dump(mode="json") == experiment


def test_every_known_size_can_be_chosen() -> None:
    """The sizes of the configuration are the architectures of the product guide, each called after its peak operations per clock."""
    assert [size.upper() for size in get_args(Size)] == list(PARALLELISM)
    assert [f"B{2 * pixels * channels**2}" for pixels, channels in PARALLELISM.values()] == list(PARALLELISM)

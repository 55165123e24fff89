"""Trees of experiments for the tests of sweeps: the project's own, with folders of a user's beside it."""

from pathlib import Path

from processes import ROOT

from net2bit.graph import config

TREE = ROOT / "experiments"


def users(folder: Path) -> Path:
    """Write a user's folder: a DPU that builds on one of the project's, a model with references, an experiment that chooses."""
    files = {
        "dpu/mine.yaml": "defaults:\n  - b512\n  - override options: full\n  - _self_\nname: mine\nclock_mhz: 125\n",
        "model/tied.yaml": "defaults:\n  - unet\n  - _self_\nname: tied\ninput_size: ${dataset.synth.size}\n",
        "train/asked.yaml": "defaults:\n  - default\n  - _self_\nepochs: ???\n",
        "resources/own.yaml": "defaults:\n  - default\n  - _self_\nstages: {train: {memory: 1GB}}\n",
        "experiment/chosen.yaml": (
            "# @package _global_\ndefaults:\n  - override /dpu: b800\n  - override /model: separable_unet\nname: chosen\n"
        ),
        "experiment/swept.yaml": "# @package _global_\nname: swept\nhydra: {sweeper: {params: {dpu: 'b512,b800'}}}\n",
        "experiment/bound.yaml": "# @package _global_\nname: ${model.name}-${dpu.name}\ntrain: {epochs: 3}\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def single(words: tuple[str, ...], search: tuple[Path, ...], cache: Path) -> object:
    """Return what a single build composes of *words*: the experiment, or the error."""
    return config.load(config.Origin(TREE, search, words), cache)

"""From YAML trees and overrides to a checked experiment. Imports hydra and pydantic: only `config` imports this, when it must."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError
from yaml import YAMLError

from net2bit.errors import ConfigError
from net2bit.graph import complaints
from net2bit.graph.words import opened
from schemas.experiment import Experiment

VERSION_BASE = "1.3"
"""The hydra release whose defaults apply."""

OF_SWEEPS = frozenset({"executor", "hydra"})
"""Folders of the tree that speak of sweeps, not of an experiment."""

REFUSALS = (HydraException, OmegaConfBaseException, YAMLError, ValueError, OSError)
"""What hydra raises for a configuration that it cannot compose; some of it with Python's own errors."""


def compose(tree: Path, search: Sequence[Path], overrides: Sequence[str]) -> dict[str, Any]:
    """Return the experiment as plain data, with every value checked and of the type its schema gives.

    Args:
        tree: Folder of YAML files with `config.yaml`.
        search: More folders, for the options of its groups.
        overrides: Hydra overrides.

    Raises:
        ConfigError: An override, a file or a value does not hold.
    """
    known = described(tree)
    for override in overrides:
        _check(override, overrides)
    found = [f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in search)}]"] if search else []
    with initialize_config_dir(config_dir=str(tree.resolve()), version_base=VERSION_BASE):
        composed = _merge([tree, *search], found, overrides, known)
    try:
        plain = json.dumps(OmegaConf.to_container(composed, resolve=True, throw_on_missing=True))
        return Experiment.model_validate_json(plain).model_dump(mode="json")
    except OmegaConfBaseException as error:
        raise complaints.of_composition(error, known) from error
    except ValidationError as error:
        raise complaints.of_values(error, known) from error


def described(tree: Path) -> dict[str, str]:
    """Return all keys of an experiment, and the groups of *tree* that it has, each with its description."""
    folders = (path.relative_to(tree) for path in tree.rglob("*") if path.is_dir())
    groups = {str(path): "" for path in folders if path.parts[0] not in OF_SWEEPS}
    return groups | dict(complaints.keys_of(Experiment))


def _check(override: str, overrides: Sequence[str]) -> None:
    """Refuse what is no override, and a sweep: a build has one configuration."""
    if override.startswith("="):  # hydra takes it for a group without a name
        raise ConfigError(f"{override!r} names no key", where="the command line")
    try:
        (parsed,) = OverridesParser.create().parse_overrides([override])
    except HydraException as error:
        raise complaints.of_syntax(override, error) from error
    if parsed.is_sweep_override():
        sweep = f"python sweep.py -m {shlex.join(overrides)}"
        raise ConfigError(f"{override!r} gives more than one value", where="the command line", remedy=f"for a sweep: {sweep}")


def _merge(trees: Sequence[Path], found: Sequence[str], overrides: Sequence[str], described: dict[str, str]) -> DictConfig:
    try:
        return hydra_compose("config", overrides=[*found, *map(opened, overrides)])
    except REFUSALS as error:
        broken = complaints.of_files(trees)
        if broken:
            raise broken from error
        words = choices_first(overrides)
        taken = next((n for n in range(len(words)) if not _merges([*found, *map(opened, words[:n])])), len(words))
        if taken == 0:  # the files alone do not compose
            raise complaints.of_composition(error, described) from error
        raise complaints.of_override(words[taken - 1], error, described) from error


def choices_first(overrides: Sequence[str]) -> list[str]:
    """Return *overrides* in the order in which the first wrong one is looked for: choices of files decide which keys there are."""
    return sorted(overrides, key=lambda word: "." in word.partition("=")[0])


def _merges(overrides: Sequence[str]) -> bool:
    """Return whether hydra takes these overrides: to find the first that it does not."""
    try:
        hydra_compose("config", overrides=list(overrides))
    except REFUSALS:
        return False
    return True

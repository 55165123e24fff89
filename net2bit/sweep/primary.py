"""The primary configuration of a sweep (`experiments/sweep.yaml` and the words), and what is wrong with it. Imports hydra and pydantic."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from hydra.version import setbase
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from net2bit.errors import ConfigError
from net2bit.graph import complaints, compose
from net2bit.graph.words import opened
from net2bit.sweep.arguments import ALIASES, experiments, hydras, key_of, own
from net2bit.sweep.batch import alone
from net2bit.sweep.foreign import remedy
from schemas.sweep import Settings

PRIMARY = "sweep"


def several(words: Sequence[str]) -> Mapping[str, bool]:
    """Return word -> whether it has several values.

    Raises:
        ConfigError: A word is no override, or gives the sweep itself several values.
    """
    parser = OverridesParser.create()
    return {word: _several(word, parser) for word in words}


def _several(word: str, parser: OverridesParser) -> bool:
    if word.startswith("="):
        raise ConfigError(f"{word!r} names no key", where="the command line")
    try:
        (override,) = parser.parse_overrides([word])
    except HydraException as error:
        raise complaints.of_syntax(word, error) from error
    if override.is_sweep_override() and (own(word) or hydras(word)):
        raise ConfigError(f"{key_of(word)!r} belongs to the sweep as a whole: it has one value", where=word)
    return bool(override.is_sweep_override())


class Primary:
    """Composes the primary configuration with the words of one sweep."""

    def __init__(self, tree: Path, folders: Sequence[Path], words: Sequence[str]) -> None:
        """Start hydra on the folder *tree* and more *folders* like it."""
        self._tree, self._folders, self._words = tree, folders, tuple(words)
        self._found = [f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in folders)}]"] if folders else []
        setbase(compose.VERSION_BASE)
        GlobalHydra.instance().clear()
        self._hydra = Hydra.create_main_hydra2(PRIMARY, create_config_search_path(str(tree.resolve())))

    def compose(self) -> DictConfig:
        """Return it, hydra's own keys included.

        Raises:
            ConfigError: A word, or a file, does not fit.
        """
        try:
            return self._composed(self._words, logs=True)
        except compose.REFUSALS as error:
            raise self._complaint(error) from error

    def _composed(self, words: Sequence[str], *, logs: bool = False) -> DictConfig:
        return self._hydra.compose_config(
            PRIMARY, [*self._found, *map(opened, words)], run_mode=RunMode.MULTIRUN, with_log_configuration=logs
        )

    def _complaint(self, error: Exception) -> ConfigError:
        """Return the error for the first word that hydra does not take."""
        broken = complaints.of_files([self._tree, *self._folders])
        if broken:
            return broken
        words = compose.choices_first(self._words)
        for count, word in enumerate(words, 1):
            try:
                self._composed(words[:count])
            except compose.REFUSALS as fault:
                return self._of_word(word, words[:count], fault)
        return complaints.of_composition(error, {})

    def _of_word(self, word: str, so_far: Sequence[str], fault: Exception) -> ConfigError:
        """Return the error for *word*: in the words of a single build where it is the experiment's."""
        if own(word) or hydras(word):
            return self._of_own(word, so_far[:-1], fault)
        try:
            single = [one for one in experiments(so_far) if not several([one])[one]]
            with alone():
                compose.compose(self._tree, self._folders, single)
        except ConfigError as told:
            return told
        return complaints.of_override(word, fault, compose.described(self._tree))

    def _of_own(self, word: str, before: Sequence[str], fault: Exception) -> ConfigError:
        """Return the error for a word that speaks of the sweep itself, or of hydra."""
        key, keys = key_of(word), [key for key, _ in complaints.keys_of(Settings)]
        told = complaints.of_override(word, fault, [*keys, *ALIASES.values()])
        if "Could not override" not in str(fault):
            told.remedy = remedy(word) or told.remedy
            return told
        if key in keys and OmegaConf.select(self._composed(before), key) is None:
            return ConfigError(f"there is no key {key!r}", where=word, remedy=f"another choice of {key.partition('.')[0]} has it")
        if key not in keys:
            told.remedy = f"to add a key of hydra's: +{word}" if hydras(word) else "docs/how-to/sweeps.md lists the keys of a sweep"
        return told


def settings(composed: DictConfig) -> dict[str, Any]:
    """Return the sweep's own groups as plain data, checked.

    Raises:
        ConfigError: A value does not hold.
    """
    groups = [name for name in Settings.model_fields if name in composed]
    try:
        found = {name: OmegaConf.to_container(composed[name], resolve=True, throw_on_missing=True) for name in groups}
        return Settings.model_validate_json(json.dumps(found)).model_dump(mode="json")
    except OmegaConfBaseException as error:
        raise complaints.of_composition(error, {}) from error
    except ValidationError as error:
        told = complaints.of_values(error, [key for key, _ in complaints.keys_of(Settings)])
        told.remedy = "docs/how-to/sweeps.md lists the keys of a sweep"
        raise told from error

"""Composing many experiments of one tree: what hydra works out anew for each is worked out once here.

Hydra decides which files make an experiment (its defaults list) and reads them; here they are merged and overridden as plain data
(see `plain`). Whatever lies beyond those rules is composed by `net2bit.graph.compose`, so that results, and the texts of errors, are
those of a single build. Imports hydra and pydantic: only where something has to be composed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import OmegaConf
from pydantic import ValidationError

from net2bit.errors import ConfigError
from net2bit.graph import complaints, compose
from net2bit.graph.words import opened
from net2bit.job import canonical
from net2bit.sweep.choices import Choices
from net2bit.sweep.plain import Absent, Unusual
from schemas.experiment import Experiment


class Composer:
    """Composes the experiments of one tree. Files are read once: an edit in between is not seen.

    Attributes:
        slow: How many experiments were left to hydra.
    """

    def __init__(self, tree: Path, search: Sequence[Path] = ()) -> None:
        """Name the folder of YAML files, and more folders like it."""
        self._tree, self._search = tree, tuple(search)
        self._choices = Choices(tree, self._search)
        self._parser = OverridesParser.create()
        self._parsed: dict[str, Override] = {}
        self.slow = 0

    def compose(self, overrides: Sequence[str]) -> dict[str, Any]:
        """Return what `net2bit.graph.config.load` returns for *overrides*.

        Raises:
            ConfigError: An override, a file or a value does not hold.
        """
        try:
            composed = self._fast(overrides)
        except (Unusual, *compose.REFUSALS) as error:  # hydra knows, or has a complaint
            told = self._told(overrides, error)
            if told is not None:
                raise told from error
            self.slow += 1
            with alone():
                return _data(compose.compose(self._tree, self._search, overrides))
        return self._checked(composed)

    def _told(self, overrides: Sequence[str], error: Exception) -> ConfigError | None:
        """Return what hydra would object to, where that is plain: it takes a second to find out, and a sweep repeats its mistakes."""
        if isinstance(error, MissingConfigException):
            return self._broken or complaints.of_option(error)
        if not isinstance(error, Absent) or self._broken:
            return None
        parsed = [self._parse(override) for override in compose.choices_first(overrides)]
        tree = self._choices.merged([override for override in parsed if self._choices.chooses(override)]).copy()
        for override in parsed:
            try:
                if not self._choices.chooses(override):
                    tree.apply(override)
            except Absent:
                fault = ConfigCompositionException(f"Could not override '{override.key_or_group}'.")
                return complaints.of_override(str(override.input_line), fault, self._known)
            except Unusual:
                return None
        return None

    @cached_property
    def _broken(self) -> ConfigError | None:
        """What is wrong with the files themselves."""
        return complaints.of_files([self._tree, *self._search])

    @cached_property
    def _known(self) -> Mapping[str, str]:
        return compose.described(self._tree)

    def _fast(self, overrides: Sequence[str]) -> Any:
        """Return the experiment as plain data, not yet checked."""
        parsed = [self._parse(override) for override in overrides]
        chosen = [override for override in parsed if self._choices.chooses(override)]
        tree = self._choices.merged(chosen).copy()
        for override in parsed:
            if override not in chosen:
                tree.apply(override)
        tree.data.pop("hydra", None)  # what a file says to a sweep's hydra
        if not tree.special:
            return tree.data
        return OmegaConf.to_container(OmegaConf.create(tree.data), resolve=True, throw_on_missing=True)

    def _parse(self, word: str) -> Override:
        text = opened(word)
        if text not in self._parsed:
            (found,) = self._parser.parse_overrides([text])
            if text.startswith("=") or found.is_sweep_override() or found.is_hydra_override() or found.package is not None:
                raise Unusual(text)
            self._parsed[text] = found
        return self._parsed[text]

    def _checked(self, composed: Any) -> dict[str, Any]:
        try:
            return _data(Experiment.model_validate_json(json.dumps(composed)).model_dump(mode="json"))
        except ValidationError as error:
            raise complaints.of_values(error, self._known) from error


@contextmanager
def alone() -> Iterator[None]:
    """Hide the hydra that runs the sweep: there can be one only, and composing makes its own."""
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = running


def _data(value: object) -> dict[str, Any]:
    """Return plain JSON data, as it comes out of the cache of a single build."""
    found: dict[str, Any] = json.loads(canonical(value))
    return found

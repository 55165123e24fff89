"""Which files an experiment is made of, for many experiments of one tree.

Hydra's defaults list costs 10 ms. A choice (`dpu=b512`) usually replaces one stretch of the list and leaves the rest alone, whatever
else is chosen. So hydra is asked for each choice alone, and the stretches are put together; where a choice reaches further, or depends
on others, hydra is asked for the whole.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.defaults_list import create_defaults_list
from hydra._internal.utils import create_config_search_path
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.types import Override
from hydra.version import setbase
from omegaconf import OmegaConf

from net2bit.graph.compose import VERSION_BASE
from net2bit.sweep.plain import Tree, Unusual

PRIMARY = "config"


class File(NamedTuple):
    """A file of the tree, and the key under which its content stands (None: the file says, or its folder does)."""

    path: str
    package: str | None


class Change(NamedTuple):
    """What a choice does to the list of files: the files from *start* to *end* give way to *files*."""

    start: int
    end: int
    files: tuple[File, ...]


class Choices:
    """The files of one tree and their content, each read once."""

    def __init__(self, tree: Path, search: Sequence[Path]) -> None:
        """Name the folder of YAML files, and more folders like it."""
        found = [f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in search)}]"] if search else []
        setbase(VERSION_BASE)
        self._loader = ConfigLoaderImpl(create_config_search_path(str(tree.resolve())))
        _, self._repository = self._loader._parse_overrides_and_create_caching_repo(PRIMARY, found)  # noqa: SLF001 - hydra has no other door
        self._folders: dict[str, bool] = {}
        self._contents: dict[File, Any] = {}
        self._trees: dict[tuple[str, ...], Tree] = {}
        self._changes: dict[str, Change | None] = {}
        self._usual: tuple[File, ...] = ()

    def chooses(self, override: Override) -> bool:
        """Return whether *override* speaks of a folder of the tree, not of a value."""
        key = str(override.key_or_group)
        if key not in self._folders:
            self._folders[key] = bool(self._repository.group_exists(key))
        return self._folders[key] and not isinstance(override.value(), dict)

    def merged(self, chosen: Sequence[Override]) -> Tree:
        """Return the merged content of the files that *chosen* lead to.

        Raises:
            Unusual: A file is more than plain data.
            HydraException: There is no such file, or the lists of files do not hold.
        """
        key = tuple(str(override.input_line) for override in chosen)
        if key not in self._trees:
            tree = Tree()
            for file in self._files(chosen):
                tree.merge(self._content(file))
            self._trees[key] = tree
        return self._trees[key]

    def _files(self, chosen: Sequence[Override]) -> Sequence[File]:
        self._usual = self._usual or self._ask(())
        if len({override.key_or_group for override in chosen}) < len(chosen):
            return self._ask(chosen)  # the last word counts, and what the first says need not exist
        changes = [self._change(override) for override in chosen]
        apart = _apart([change for change in changes if change is not None])
        if apart is None or None in changes or self._refers():
            return self._ask(chosen)
        files = list(self._usual)
        for change in apart:
            files[change.start : change.end] = change.files
        return files

    def _change(self, override: Override) -> Change | None:
        """Return what *override* alone does; None where that is more than one stretch of its own files."""
        key = str(override.input_line)
        if key not in self._changes:
            plain = not (override.is_add() or override.is_delete() or override.is_force_add())
            self._changes[key] = _difference(self._usual, self._ask([override]), f"{override.key_or_group}/") if plain else None
        return self._changes[key]

    def _ask(self, chosen: Sequence[Override]) -> tuple[File, ...]:
        found = create_defaults_list(self._repository, PRIMARY, list(chosen), prepend_hydra=False, skip_missing=False)
        return tuple(self._read(default) for default in found.defaults)

    def _read(self, default: ResultDefault) -> File:
        file = File(str(default.config_path), default.package)
        if file not in self._contents:
            loaded = self._loader._load_single_config(default, self._repository)  # noqa: SLF001 - as above
            if loaded.is_schema_source or not OmegaConf.is_dict(loaded.config):
                raise Unusual(file.path)
            self._contents[file] = OmegaConf.to_container(loaded.config, resolve=False)
        return file

    def _content(self, file: File) -> Any:
        return self._contents[file]

    def _refers(self) -> bool:
        """Return whether a list of files names another choice (`${dpu}`): then no choice stands alone."""
        loaded = (self._repository.load_config(file.path) for file in self._contents)
        return any("${" in str(default) for one in loaded if one for default in one.defaults_list or ())


def _difference(usual: Sequence[File], found: Sequence[File], folder: str) -> Change | None:
    """Return the one stretch in which *found* differs from *usual*; None where files outside of *folder* do."""
    start = 0
    while start < min(len(usual), len(found)) and usual[start] == found[start]:
        start += 1
    left = 0
    while left < min(len(usual), len(found)) - start and usual[-1 - left] == found[-1 - left]:
        left += 1
    change = Change(start, len(usual) - left, tuple(found[start : len(found) - left]))
    moved = (*usual[change.start : change.end], *change.files)
    return change if all(file.path.startswith(folder) for file in moved) else None


def _apart(changes: Iterable[Change]) -> list[Change] | None:
    """Return *changes* from the end of the list to its beginning; None where two of them touch."""
    ordered = sorted((change for change in changes if change.start != change.end or change.files), reverse=True)
    for later, earlier in pairwise(ordered):
        if earlier.end > later.start or earlier.start == later.start:
            return None
    return ordered

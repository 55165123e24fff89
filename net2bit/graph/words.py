"""The `key=value` words of the command line: all of them are hydra overrides.

doit takes every argument that holds `=` and does not begin with `-` for a variable of its own, before it loads dodo.py.
Here they become overrides again. `~key` without a value holds no `=`, so doit takes it for a task; write `~key=value`.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from net2bit.errors import ConfigError

ENV = "NET2BIT_EXPERIMENTS"
"""Environment variable: more folders like `experiments/`, separated as in PATH, for models, boards and data sets kept elsewhere."""

OPEN = ("resources.pools", "resources.stages")
"""Mappings whose keys nobody but the user knows: a word adds to them without a sign."""

_SEARCH = "hydra.searchpath"


def from_doit() -> tuple[str, ...]:
    """Return the words that the running doit was given; none outside of doit."""
    from doit import doit_cmd  # noqa: PLC0415 - the fast path plans without doit

    return tuple(f"{name}={value}" for name, value in (doit_cmd._CMDLINE_VARS or {}).items())  # noqa: SLF001 - doit has no reader for all


def split(arguments: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words among *arguments*, as doit would find them, and the other arguments.

    Of words with the same name the last counts and the place of the first, as in doit.

    Raises:
        ConfigError: A deletion has no value: doit would look for a task of that name.
    """
    words: dict[str, str] = {}
    rest = []
    for argument in arguments:
        if argument.startswith("~") and "=" not in argument:
            raise ConfigError(f"{argument!r} is taken for a task", remedy=f"name the value to delete as well: {argument}=<value>")
        if "=" in argument and not argument.startswith("-"):
            name, value = argument.split("=", 1)
            words[name] = value
        else:
            rest.append(argument)
    return tuple(f"{name}={value}" for name, value in words.items()), tuple(rest)


def opened(word: str) -> str:
    """Return *word* as hydra takes it: with `++` where it speaks of a mapping that is `OPEN`."""
    key = word.split("=", 1)[0]
    return f"++{word}" if key in OPEN or key.startswith(tuple(f"{mapping}." for mapping in OPEN)) else word


def search(words: Sequence[str], root: Path) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Take the search path out of *words*.

    Args:
        words: Overrides.
        root: What a relative folder is relative to.

    Returns:
        The other words, and the folders of `hydra.searchpath=[...]` and of NET2BIT_EXPERIMENTS.

    Raises:
        ConfigError: A folder does not exist, an entry is no folder, or a word is no text.
    """
    for word in words:
        if any("\ud800" <= letter <= "\udfff" for letter in word):  # bytes that are no UTF-8
            raise ConfigError(f"{word!r} is no UTF-8 text", where="the command line", remedy="write it in a terminal that uses UTF-8")
    words = [re.sub(r"=~(?=/|$)", lambda _: f"={Path.home()}", word, count=1) for word in words]  # no shell does it behind a dot
    rest = tuple(word for word in words if word.split("=", 1)[0].lstrip("+") != _SEARCH)
    listed = [word.split("=", 1)[1].strip("[] ") for word in words if word not in rest]
    entries = [entry.strip(" '\"") for text in listed for entry in text.split(",") if entry.strip()]
    entries += [entry for entry in os.environ.get(ENV, "").split(os.pathsep) if entry]
    return rest, tuple(_folder(entry, root) for entry in entries)


def _folder(entry: str, root: Path) -> Path:
    path = (root / entry.removeprefix("file://")).expanduser()
    if not path.is_dir():
        raise ConfigError(
            f"{entry} is not a folder",
            where=f"{_SEARCH} or {ENV}",
            remedy="name a folder that holds model/, board/ or dataset/ folders of YAML files",
        )
    return path.resolve()

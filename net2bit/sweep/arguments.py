"""The words of `python sweep.py …`: overrides of the experiment, of the sweep itself, and of hydra. Standard library only."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from net2bit.errors import ConfigError, near

OWN: Final = ("executor", "search", "sweep")
"""First keys of the words that speak of the sweep: they never reach an experiment."""

ALIASES: Final = {"launcher": "hydra/launcher", "sweeper": "hydra/sweeper"}
HYDRAS: Final = ("--cfg", "-c", "--package", "-p", "--resolve", "--info", "-i", "--shell-completion", "-sc", "--hydra-help")
"""Options that hydra answers by itself."""

_MODES: Final = frozenset({"-m", "--multirun", "-r", "--run"})
_VALUED: Final = {"-n": "sweep.workers", "--workers": "sweep.workers", "-cd": "hydra.searchpath", "--config-dir": "hydra.searchpath"}
_FOLDERS: Final = ("hydra.run", "hydra.sweep")
_ELSEWHERE: Final = frozenset({"-cn", "--config-name", "-cp", "--config-path"})

HELP: Final = """usage: python sweep.py [-m] [-n WORKERS] [key=value,value ...]

Builds every combination of the values: each stage that several of them share once, the others side by side.

  python sweep.py -m dpu=b512,b1152 model=unet,separable_unet
  python sweep.py -m 'model.width=0.125,0.25' experiment=quick -n 4
  python sweep.py -m launcher=joblib dpu=b512,b800          every point in a process of its own
  python sweep.py -m executor=slurm dpu=b512,b800           every stage as a job of the cluster

Words of the sweep: sweep.name=NAME, sweep.keep_going=false, sweep.workers=N, executor=..., launcher=..., sweeper=...
All others are overrides of the experiment, as ./doitw takes them (docs/reference/config.md); results are in sweeps/<name>/.
--cfg, --info, --hydra-help and --shell-completion are hydra's own. docs/how-to/sweeps.md tells more.
"""


@dataclass(frozen=True)
class Asked:
    """What a command line asks for.

    Attributes:
        words: Overrides in hydra's grammar, aliases written out.
        help: Whether only the help is wanted.
        version: Whether only the version is wanted.
        hydra: The arguments as they stand where hydra is to answer them by itself; empty otherwise.
    """

    words: tuple[str, ...] = ()
    help: bool = False
    version: bool = False
    hydra: tuple[str, ...] = ()


def read(arguments: Sequence[str]) -> Asked:
    """Return what *arguments* ask for.

    Raises:
        ConfigError: There is no such option, or a word would have no effect.
    """
    if any(argument in {"-h", "--help"} for argument in arguments):
        return Asked(help=True)
    if "--version" in arguments:
        return Asked(version=True)
    if any(argument.split("=", 1)[0] in HYDRAS for argument in arguments):
        given = [alias(argument) for argument in _translated(arguments) if argument not in _MODES]  # hydra takes one of them alone
        return Asked(hydra=tuple(sorted(given, key=_override)))  # hydra takes no override between two options
    return Asked(words=tuple(alias(word) for word in _words(arguments) if word))


def _override(argument: str) -> bool:
    return "=" in argument and not argument.startswith("-")


def _words(arguments: Sequence[str]) -> Iterator[str]:
    for argument in _translated(arguments):
        if not argument.startswith("-"):
            _heed(argument)
            yield argument
        elif argument not in _MODES:
            raise _unknown(argument.partition("=")[0])


def _translated(arguments: Sequence[str]) -> Iterator[str]:
    """Yield *arguments*, those options as overrides that are short for one."""
    left = iter(arguments)
    for argument in left:
        option, glued, value = argument.partition("=")
        if option in _VALUED and argument.startswith("-"):
            yield f"{_VALUED[option]}={value if glued else next(left, '')}"
        elif found := re.fullmatch(r"-n(\d+)", argument):
            yield f"sweep.workers={found[1]}"
        else:
            yield argument


def _heed(word: str) -> None:
    """Refuse what hydra would heed and a sweep does not: its folders, and not to be a sweep.

    Raises:
        ConfigError: It is such a word.
    """
    key, value = key_of(word), word.partition("=")[2]
    if key in _FOLDERS or key.startswith(tuple(f"{folder}." for folder in _FOLDERS)):
        name = value.rstrip("/").rpartition("/")[2]
        meant = f"sweep.name={name}" if re.fullmatch(r"[\w-]+", name) and key.endswith(".dir") else ""
        remedy = "sweep.name=NAME names the folder"
        raise ConfigError(f"{key!r} has no effect: a sweep's results are in sweeps/<name>", where=word, suggestion=meant, remedy=remedy)
    if key == "hydra.mode" and value != "MULTIRUN":
        raise ConfigError("sweep.py always makes a sweep", where=word, remedy="for one experiment: ./doitw key=value")


def _unknown(option: str) -> ConfigError:
    if option in _ELSEWHERE:
        remedy = "a file of choices belongs into experiments/experiment/: experiment=<file>; more folders: hydra.searchpath=[folder]"
        return ConfigError(f"a sweep is made of experiments/sweep.yaml: there is no {option}", where="the command line", remedy=remedy)
    known = (*_MODES, *_VALUED, *HYDRAS, "--help", "--version")
    meant = near(option, [one for one in known if one.startswith("--")])
    remedy = "python sweep.py --help shows all"
    return ConfigError(f"there is no option {option}", where="the command line", suggestion=meant, remedy=remedy)


def alias(word: str) -> str:
    """Return *word* with a short name of hydra's groups written out."""
    key, equals, value = word.partition("=")
    return f"{ALIASES[key]}={value}" if equals and key in ALIASES else word


def key_of(word: str) -> str:
    """Return the key of an override: without its sign, its package and its value."""
    return word.lstrip("~+").split("=", 1)[0].split("@", 1)[0]


def own(word: str) -> bool:
    """Return whether *word* speaks of the sweep."""
    return re.split(r"[./]", key_of(word), maxsplit=1)[0] in OWN


def hydras(word: str) -> bool:
    """Return whether *word* speaks of hydra itself."""
    return key_of(word).startswith(("hydra.", "hydra/"))


def experiments(words: Sequence[str]) -> tuple[str, ...]:
    """Return those of *words* that speak of the experiment."""
    return tuple(word for word in words if not own(word) and not hydras(word))

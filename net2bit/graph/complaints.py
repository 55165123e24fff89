"""What hydra, OmegaConf and pydantic object to, said in the words of the user's command line."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import BaseModel, ValidationError

from net2bit.errors import ConfigError, near
from net2bit.graph.words import OPEN

_REFERENCE = "docs/reference/config.md lists all keys"


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted keys of *model*, groups included, each with its description."""
    for name, field in model.model_fields.items():
        yield prefix + name, field.description or ""
        for inner in _models(field.annotation):
            yield from keys_of(inner, f"{prefix}{name}.")


def closest(key: str, known: Iterable[str]) -> str:
    """Return the known key that *key* was meant to be: the nearest, or those of that name in other groups."""
    others = [other for other in known if not key.startswith(f"{other}.")]
    same = [other for other in others if other.rsplit(".", 1)[-1] == key]
    return ", ".join(same) or near(key, others)


def of_syntax(override: str, error: HydraException) -> ConfigError:
    """Return the error for a word that is no override."""
    key = _key(override)
    remedy = "write key=value, and several values of a key with commas and without spaces: key=a,b"
    if "=" not in override:
        return ConfigError(f"{override!r} gives no value", where=override, remedy=remedy)
    if override.endswith(","):
        return ConfigError(f"the values of {key!r} end with a comma", where=override, remedy=remedy)
    text = next((line for line in str(error).splitlines() if not line.startswith("Error parsing override")), "")
    quoted = f"{key}='\"...\"'"
    return ConfigError(
        f"the value of {key!r} cannot be read: {text}", where=override, remedy=f"quote a value with special characters: {quoted}"
    )


def of_override(override: str, error: Exception, known: Iterable[str]) -> ConfigError:
    """Return the error for an override that does not fit the configuration."""
    key, text = _key(override), str(error).split("\n", 1)[0].rstrip(".")
    if isinstance(error, MissingConfigException):
        return of_option(error)
    if "Could not override" in text:
        return _unknown(override, key, list(known))
    if "Could not append" in text:
        return ConfigError(f"{key!r} exists already", where=override, suggestion=override.lstrip("+"), remedy="leave out the +")
    if "appears more than once" in text and "=[" in override:  # the files of a group, put together
        several = override.replace("[", "").replace("]", "")
        return ConfigError(
            f"{key!r} takes one file of experiments/{key}", where=override, remedy=f"for a sweep: python sweep.py -m {several}"
        )
    if "Config group override must be" in text:
        return ConfigError(f"{key!r} takes the name of a file in experiments/{key}", where=override)
    return ConfigError(text, where=override)


def _unknown(override: str, key: str, known: list[str]) -> ConfigError:
    parent = key.rpartition(".")[0]
    if parent in known and not any(other.startswith(f"{parent}.") for other in known):  # a mapping, whose keys are free
        return ConfigError(f"{parent!r} has no entry {key!r}", where=override, remedy=f"to add the entry: +{override}")
    if key in known:  # a mapping, which was given entries that it does not have
        return ConfigError(f"{key!r} has no such entries", where=override, remedy=f"to add one: +{key}.<name>=<value>")
    entry = key.split(".", 2)[2:]
    close = closest(key, [*known, *(f"{mapping}.{entry[0]}" for mapping in OPEN if entry)])
    return ConfigError(
        f"there is no key {key!r}",
        where=override,
        suggestion=override.replace(key, close, 1) if close and "," not in close else close,
        remedy=_REFERENCE,
    )


def of_option(error: MissingConfigException) -> ConfigError:
    """Return the error for a file that is in none of the YAML trees."""
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    options = list(error.options or ())
    remedy = f"choose one of: {', '.join(options)}" if options else "add the file, or its folder to hydra.searchpath=[folder]"
    close = near(option, options)
    return ConfigError(
        f"there is no {group or 'file'} {option!r}",
        where=f"experiments/{group}",
        suggestion=f"{group}={close}" if close else "",
        remedy=remedy,
    )


def of_files(trees: Iterable[Path]) -> ConfigError | None:
    """Return the error for the first file of *trees* that is no YAML mapping; None where all are."""
    for file in (file for tree in trees for file in sorted(tree.rglob("*.yaml"))):
        try:
            found = yaml.safe_load(file.read_bytes())
        except yaml.MarkedYAMLError as error:
            line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
            return ConfigError(f"{line}{error.problem}", where=str(file), remedy="correct the file")
        except yaml.YAMLError as error:
            return ConfigError(str(error), where=str(file), remedy="correct the file")
        if not isinstance(found, dict | None):
            return ConfigError(f"the file holds {found!r}, not keys and values", where=str(file), remedy="correct the file")
    return None


def of_composition(error: Exception, described: dict[str, str]) -> ConfigError:
    """Return the error for a configuration that does not resolve."""
    if isinstance(error, MissingConfigException):
        return of_option(error)
    if isinstance(error, MissingMandatoryValue):
        key = str(error.full_key)
        meaning = described.get(key, "").rstrip(".")
        return ConfigError(f"{key} has no value", where=key, remedy=f"give it one: {key}=<value>" + (f"  ({meaning})" if meaning else ""))
    text = str(error).split("\n", 1)[0]
    where = str(error.full_key) if isinstance(error, OmegaConfBaseException) and error.full_key else "experiments"
    return ConfigError(text, where=where)


def of_values(error: ValidationError, known: Iterable[str]) -> ConfigError:
    """Return the error for values that do not fit the models: all of them at once."""
    known = list(known)
    problems = [_problem(item, known) for item in error.errors(include_url=False)]
    lines = [f"{key}: {text}" for key, text, _ in problems]
    what = lines[0] if len(lines) == 1 else "\n  ".join(["the configuration does not hold:", *lines])
    return ConfigError(what, where=problems[0][0], suggestion=", ".join(close for *_, close in problems if close), remedy=_REFERENCE)


def _problem(item: Any, known: list[str]) -> tuple[str, str, str]:
    """Return the key, what is wrong with it, and the near miss."""
    key = _dotted(item["loc"])
    if item["type"] == "extra_forbidden":
        return key, "there is no such key", closest(key, known)
    if item["type"] == "missing":
        return key, "has no value", ""
    if item["type"] == "private":  # the value may hold a secret
        return key, item["msg"], ""
    text = item["msg"].removeprefix("Value error, ")
    text = text[0].lower() + text[1:]
    value = item["input"]
    return key, text if isinstance(value, dict) else f"{text} (got {value!r})", _choice(key, item)


def _choice(key: str, item: Any) -> str:
    """Return `key=value` for the listed value that was meant, where values are listed."""
    listed = re.findall(r"'([^']*)'", item.get("ctx", {}).get("expected", "")) if item["type"] == "literal_error" else []
    known = {value.lower(): value for value in listed}
    close = near(str(item["input"]).lower(), known)
    return f"{key}={known[close]}" if close else ""


def _key(override: str) -> str:
    return override.lstrip("~+").split("=", 1)[0].split("@", 1)[0]


def _dotted(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    for part in parts:
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield part

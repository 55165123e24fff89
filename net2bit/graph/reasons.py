"""Why a stage must run: one class per cause, each with the old and the new value."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from net2bit.job import canonical

_ABSENT = object()


@dataclass(frozen=True)
class Reason(ABC):
    """A cause for running a stage."""

    @abstractmethod
    def text(self) -> str:
        """Return one line for people."""


@dataclass(frozen=True)
class NeverBuilt(Reason):
    """No earlier run of this stage is known."""

    def text(self) -> str:
        """Return one line for people."""
        return "never built"


@dataclass(frozen=True)
class ConfigChanged(Reason):
    """A declared key of the configuration has another value; None stands for "not there"."""

    key: str
    old: Any
    new: Any

    def text(self) -> str:
        """Return one line for people."""
        return f"{self.key}: {shown(self.old)} -> {shown(self.new)}"


@dataclass(frozen=True)
class InputChanged(Reason):
    """An input has another content; the values are SHA-256, empty for "no such input then"."""

    path: str
    old: str
    new: str

    def text(self) -> str:
        """Return one line for people."""
        if not self.old:
            return f"new input {self.path}"
        return f"{self.path} changed: {self.old[:8]} -> {self.new[:8]}" if self.new else f"input {self.path} is no longer used"


@dataclass(frozen=True)
class InputMissing(Reason):
    """An input does not exist (yet)."""

    path: str
    maker: str = ""

    def text(self) -> str:
        """Return one line for people."""
        return f"input {self.path} is not there{f', {self.maker} makes it' if self.maker else ''}"


@dataclass(frozen=True)
class ToolChanged(Reason):
    """Another version of a tool was found."""

    name: str
    old: str
    new: str

    def text(self) -> str:
        """Return one line for people."""
        return f"{self.name}: {self.old or 'not used'} -> {self.new or 'not used'}"


@dataclass(frozen=True)
class CodeChanged(Reason):
    """The stage's own code says something else."""

    files: tuple[str, ...]

    def text(self) -> str:
        """Return one line for people."""
        return f"code changed: {', '.join(self.files)}"


@dataclass(frozen=True)
class OpChanged(Reason):
    """The declaration of the op changed: what it runs, makes, or its version."""

    field: str
    old: str
    new: str

    def text(self) -> str:
        """Return one line for people."""
        return f"{self.field} of the op: {self.old} -> {self.new}"


@dataclass(frozen=True)
class TargetMissing(Reason):
    """A product does not exist."""

    path: str

    def text(self) -> str:
        """Return one line for people."""
        return f"{self.path} is missing"


@dataclass(frozen=True)
class TargetDamaged(Reason):
    """A product is not what this stage made."""

    path: str

    def text(self) -> str:
        """Return one line for people."""
        return f"{self.path} is not what was built (damaged, edited, or of another build)"


@dataclass(frozen=True)
class Interrupted(Reason):
    """The last run of this stage did not end; *when* it began, in seconds since 1970."""

    when: float

    def text(self) -> str:
        """Return one line for people."""
        return f"interrupted: the run of {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(self.when))} did not end"


@dataclass(frozen=True)
class Running(Reason):
    """Another process builds it at this moment, since *when*, in seconds since 1970."""

    pid: int
    when: float

    def text(self) -> str:
        """Return one line for people."""
        return f"being built by process {self.pid} since {time.strftime('%H:%M:%S', time.localtime(self.when))}"


@dataclass(frozen=True)
class ForceRequested(Reason):
    """Somebody asked for it."""

    def text(self) -> str:
        """Return one line for people."""
        return "asked for"


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Reason]:
    """Yield what differs between two descriptions of a stage (see `keys.Keys.parts`), the nearest cause first."""
    yield from _configs(old["config"], new["config"])
    yield from _inputs(old["inputs"], new["inputs"])
    yield from (ToolChanged(name, str(was), str(now)) for name, was, now in _pairs(old["tools"], new["tools"], ""))
    files = tuple(name for name, _, _ in _pairs(old["code"], new["code"], ""))
    if files:
        yield CodeChanged(files)
    for name in ("op", "platform", "environment"):
        yield from (OpChanged(key, shown(was), shown(now)) for key, was, now in _pairs(old[name], new[name], None))


def _configs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Reason]:
    for key, was, now in _pairs(dict(flat(old)), dict(flat(new)), None):
        yield ConfigChanged(key, was, now)


def _inputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Reason]:
    for kind in [*new, *(kind for kind in old if kind not in new)]:
        was, now = old.get(kind, {}), new.get(kind, {})
        if was.get("digest") != now.get("digest"):
            yield InputChanged(str(now.get("path") or was.get("path")), was.get("digest") or "", now.get("digest") or "")


def _pairs(old: Mapping[str, Any], new: Mapping[str, Any], absent: object) -> Iterator[tuple[str, Any, Any]]:
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name, _ABSENT) != new.get(name, _ABSENT):
            yield name, old.get(name, absent), new.get(name, absent)


def flat(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of a nested mapping."""
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def shown(value: object) -> str:
    """Return a value of the configuration as text."""
    return value if isinstance(value, str) else canonical(value)

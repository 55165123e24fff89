"""The space of a search: what may be chosen for each key. Imports hydra, whose grammar it is written in."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from math import isfinite, prod
from typing import Any, Final

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from net2bit.errors import ConfigError
from net2bit.graph import complaints
from net2bit.sweep.search.axes import Axis, Choice, Drawer, Real, Steps, Whole

_FORMS: Final = "a,b,c; choice(a,b,c); range(first,end,step); interval(low,high); int(interval(low,high)); tag(log,interval(low,high))"


@dataclass(frozen=True)
class Space:
    """All that may be chosen.

    Attributes:
        fixed: Overrides that all points share.
        axes: One for each key that differs.
    """

    fixed: tuple[str, ...]
    axes: tuple[Axis, ...]

    @property
    def size(self) -> int | None:
        """How many points there are; None where there is no end of them."""
        sizes = [axis.size for axis in self.axes]
        return None if None in sizes else prod(size for size in sizes if size is not None)

    def draw(self, trial: Drawer) -> tuple[str, ...]:
        """Return the overrides of one point."""
        return (*self.fixed, *(f"{axis.key}={axis.draw(trial)}" for axis in self.axes))

    def describe(self) -> dict[str, Any]:
        """Return it as plain data: equal spaces and no others have equal data."""
        axes = {
            axis.key: {"type": type(axis).__name__.lower(), **{k: v for k, v in vars(axis).items() if k != "key"}} for axis in self.axes
        }
        found: dict[str, Any] = json.loads(json.dumps({"fixed": self.fixed, "axes": axes}))
        return found


Grid = Callable[[str], float | None]


def _no_grid(_key: str) -> None:
    """Let every key take any number."""


def read(words: Sequence[str], listed: Mapping[str, object], base: Mapping[str, Any] | None = None, grid: Grid = _no_grid) -> Space:
    """Return the space that *words* of the command line and the key `search.space` span.

    Args:
        words: Overrides of the experiment.
        listed: Key -> values, as text in hydra's grammar or as a list; words for the same key take their place.
        base: The experiment without what is searched: a key that holds a whole number there is drawn as one.
        grid: Returns what a key takes multiples of only.

    Raises:
        ConfigError: A word cannot be read, a range is empty, or nothing is to be searched.
    """
    own = [_parse(word) for word in words]
    taken = {override.get_key_element() for override in own}
    more = [_parse(f"{key}={_text(value)}") for key, value in listed.items() if key not in taken]
    axes = tuple(_axis(override, base or {}, grid) for override in chain(more, own) if override.is_sweep_override())
    _refuse_twins(axis.key for axis in axes)
    if not axes:
        raise ConfigError("there is nothing to search: every key has one value", where="the command line", remedy=f"give values: {_FORMS}")
    return Space(tuple(str(one.input_line) for one in chain(more, own) if not one.is_sweep_override()), axes)


def _text(value: object) -> str:
    """Return what stands in `search.space` as it would stand on the command line."""
    if isinstance(value, list):
        return f"choice({','.join(_text(item) for item in value)})"
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _parse(word: str) -> Override:
    try:
        (found,) = OverridesParser.create().parse_overrides([word])
    except HydraException as error:
        raise complaints.of_syntax(word, error) from error
    except ValueError as error:  # hydra counts a range while it parses it
        raise _wrong(word, str(error)) from error
    return found


def _wrong(word: str | None, what: str) -> ConfigError:
    return ConfigError(what, where=word or "", remedy=f"a range is one of: {_FORMS}")


def _refuse_twins(keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise ConfigError(f"{key} is given twice", where="the command line", remedy="give it once, with all its values")
        seen.add(key)


def _axis(override: Override, base: Mapping[str, Any], grid: Grid) -> Axis:
    """Return what may be chosen for one key.

    Raises:
        ConfigError: Nothing, or no numbers.
    """
    key, value, word = override.get_key_element(), override.value(), override.input_line
    if isinstance(value, IntervalSweep):
        return _interval(key, value, word, None if _whole(base, key) else grid(key), whole=_whole(base, key))
    if isinstance(value, RangeSweep):
        return _range(key, value, word)
    if isinstance(value, ChoiceSweep):
        value.shuffle = False  # the order of values must not decide what is found
    values = tuple(dict.fromkeys(override.sweep_string_iterator()))
    if not values:
        raise _wrong(word, f"{key} has no value to choose")
    return Choice(key, values)


def _whole(base: Mapping[str, Any], key: str) -> bool:
    found: Any = base
    for name in key.lstrip("+").split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return isinstance(found, int) and not isinstance(found, bool)


def _interval(key: str, value: IntervalSweep, word: str | None, grid: float | None, *, whole: bool) -> Axis:
    low, high, log = value.start, value.end, "log" in value.tags
    if low is None or high is None or not (isfinite(low) and isfinite(high)) or low >= high:
        raise _wrong(word, f"the interval of {key} is empty: its lower end comes first, and both are numbers")
    if log and low <= 0:
        raise _wrong(word, f"the interval of {key} is logarithmic, and begins at {low:g}: it must begin above 0")
    if whole or "int" in value.tags or isinstance(low, int):
        if low != int(low) or high != int(high):
            raise _wrong(word, f"{key} is a whole number; the ends of its interval are not")
        return Whole(key, int(low), int(high), log=log)
    found = Real(key, float(low), float(high), log, grid)
    if found.size == 0:
        raise _wrong(word, f"the interval of {key} holds no multiple of {grid:g}")
    return found


def _range(key: str, value: RangeSweep, word: str | None) -> Axis:
    if value.start is None or value.stop is None or not value.step:
        raise _wrong(word, f"the range of {key} has no step, or no end")
    value.shuffle = False
    if isinstance(value.start, int) and isinstance(value.stop, int) and isinstance(value.step, int):
        found = sorted(range(value.start, value.stop, value.step))
        if not found:
            raise _wrong(word, f"the range of {key} is empty")
        return _whole_range(key, found, abs(value.step), word, log="log" in value.tags)
    return _stepped(key, value, word)


def _whole_range(key: str, found: Sequence[int], step: int, word: str | None, *, log: bool) -> Axis:
    if log and (found[0] <= 0 or step != 1):
        raise _wrong(word, f"the range of {key} is logarithmic: it must begin above 0, in steps of 1")
    return Whole(key, found[0], found[-1], step, log=log)


def _stepped(key: str, value: RangeSweep, word: str | None) -> Axis:
    """Return the values of a range of numbers that are not whole, each as exact as it was written."""
    if "log" in value.tags:
        raise _wrong(word, f"the range of {key} has steps, and a logarithmic scale: use tag(log,interval(...))")
    start, stop, step = (Decimal(str(number)) for number in (value.start, value.stop, value.step))
    count = int(-((start - stop) // step)) if (stop - start) * step > 0 else 0
    values = sorted(float(start + place * step) for place in range(count))
    if not values:
        raise _wrong(word, f"the range of {key} is empty")
    return Steps(key, tuple(map(str, values)))

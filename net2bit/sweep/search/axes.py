"""What may be chosen for one key of a search: one of several values, numbers in a row, or any number of a range. Standard library only."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Final, Protocol

DIGITS: Final = 4
"""Significant digits of a number drawn from an interval: more make longer names and no better networks."""

_HAIR: Final = 1e-9  # of a step: 0.3 is a multiple of 0.1


class Drawer(Protocol):
    """What optuna's trials offer: draws one value."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Draw one of *choices*."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Draw a whole number, both ends included."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Draw a number, both ends included."""


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Attributes:
        key: The key, with its sign where it is added (`+`).
        values: As they stand in overrides.
    """

    key: str
    values: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last value."""
        return self.values[0], self.values[-1]

    def draw(self, trial: Drawer) -> str:
        """Return one value, as it stands in an override."""
        return str(trial.suggest_categorical(self.key, self.values))


@dataclass(frozen=True)
class Steps(Choice):
    """One of several numbers in a row, the least first, which the sampler knows to be one: neighbours are alike."""

    def draw(self, trial: Drawer) -> str:
        """Return one value, as it stands in an override."""
        return self.values[trial.suggest_int(self.key, 0, self.size - 1)]


@dataclass(frozen=True)
class Whole:
    """A whole number from *low* to *high*, both included; steps of *step*, or on a logarithmic scale."""

    key: str
    low: int
    high: int
    step: int = 1
    log: bool = False

    @property
    def size(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last value."""
        return str(self.low), str(self.high)

    def draw(self, trial: Drawer) -> str:
        """Return one value, as it stands in an override."""
        return str(trial.suggest_int(self.key, self.low, self.high, step=self.step, log=self.log))


@dataclass(frozen=True)
class Real:
    """A number from *low* to *high*, both included, perhaps on a logarithmic scale.

    Attributes:
        key: The key, with its sign where it is added (`+`).
        low: The least.
        high: The greatest.
        log: Whether the scale is logarithmic.
        grid: What the key takes multiples of only; None where it takes any number, which is then drawn with `DIGITS` significant digits.
    """

    key: str
    low: float
    high: float
    log: bool = False
    grid: float | None = None

    @property
    def size(self) -> int | None:
        """How many values there are; None where there is no end of them."""
        return None if self.grid is None else self._last(self.grid) - self._first(self.grid) + 1

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last value."""
        if self.grid is None:
            return repr(self.low), repr(self.high)
        return repr(self._first(self.grid) * self.grid), repr(self._last(self.grid) * self.grid)

    def draw(self, trial: Drawer) -> str:
        """Return one value, as it stands in an override."""
        drawn = trial.suggest_float(self.key, self.low, self.high, log=self.log)
        if self.grid is None:
            return repr(min(max(float(f"{drawn:.{DIGITS}g}"), self.low), self.high))
        return repr(min(max(round(drawn / self.grid), self._first(self.grid)), self._last(self.grid)) * self.grid)

    def _first(self, grid: float) -> int:
        return ceil(self.low / grid - _HAIR)

    def _last(self, grid: float) -> int:
        return floor(self.high / grid + _HAIR)


Axis = Choice | Steps | Whole | Real

"""The figures of one run as a small file, and how two such files differ."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from net2bit.sweep.metrics import TABLE, Metric, describe

FORMAT: Final = "net2bit.figures/1"


@dataclass(frozen=True)
class Figures:
    """The figures of a run: by name, and the commit they are of; no names where nothing is known."""

    metrics: Mapping[str, float]
    commit: str = ""


@dataclass(frozen=True)
class Change:
    """A figure before and after; None where one side has none."""

    metric: Metric
    before: float | None
    after: float | None

    @property
    def headline(self) -> bool:
        """Whether people look at it first: no figure of a single class, none that only a stage reports."""
        return self.metric.name in TABLE

    @property
    def verdict(self) -> str:
        """`better`, `worse`, `same`, or `other` where no way is better or a side is missing."""
        if self.before == self.after:
            return "same"
        if self.before is None or self.after is None or not self.metric.better:
            return "other"
        return "better" if (self.after < self.before) == (self.metric.better == "min") else "worse"


def write(path: Path, figures: Figures) -> None:
    """Write *figures* to *path*."""
    text = json.dumps({"format": FORMAT, "commit": figures.commit, "metrics": dict(figures.metrics)}, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> Figures:
    """Return the figures at *path*; none where there is no such file, or one that is not ours: a lost base is no fault."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            return Figures({})
        metrics = {str(name): float(value) for name, value in found["metrics"].items()}
        return Figures({name: value for name, value in metrics.items() if math.isfinite(value)}, str(found["commit"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Figures({})


def changes(before: Mapping[str, float], after: Mapping[str, float]) -> list[Change]:
    """Return every figure of either side, in the order in which people read them."""
    order = {name: place for place, name in enumerate(TABLE)}
    every = sorted({*before, *after}, key=lambda name: (order.get(name, order.get(_family(name), len(order))), name))
    return [Change(describe(name), before.get(name), after.get(name)) for name in every]


def _family(name: str) -> str:
    return f"{name.rpartition('.')[0]}.*"

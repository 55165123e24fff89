"""The points of a sweep as `points.json` has them: what the table, the pictures and the page are made of."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from net2bit.errors import ModelError

FORM: Final = "net2bit.points/1"
DONE: Final = "done"
BETTER: Final = {"max": 1, "min": -1, "": 0}
"""What is better of a metric -> the sign that makes more of it better; 0 where neither is."""
_NUMBERED: Final = re.compile(r"([^0-9]*)([0-9]+(?:\.[0-9]+)?)?")
PER_CENT: Final = {"share": "%"}


@dataclass(frozen=True)
class Metric:
    """A figure that points have.

    Attributes:
        name: Its name in the table files.
        title: Its name for people.
        unit: Its unit; empty where it has none; `share` is 1 for all of it.
        better: `max` where more is better, `min` where less is, empty where neither is.
        predicted: Whether a model or formula says it, not a measurement or a count.
        main: Whether it is shown at once; the others when asked for.
    """

    name: str
    title: str
    unit: str = ""
    better: str = ""
    predicted: bool = False
    main: bool = False

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is, 0 where neither."""
        return BETTER[self.better]

    @property
    def caption(self) -> str:
        """Title and unit, for a heading or an axis."""
        return f"{self.title} ({PER_CENT.get(self.unit, self.unit)})" if self.unit else self.title


@dataclass(frozen=True)
class Row:
    """One point.

    Attributes:
        number: Its place in the sweep.
        label: Its unique name.
        status: `done`, `failed`, `refused` or `pruned`.
        error: Why it is not done; empty where it is.
        choices: What its overrides choose, key -> value, as written.
        metrics: Its figures; what is missing or no number is left out.
        words: Its overrides, ready for a shell.
        report: Path of its report from the project's root; empty where there is none.
        page: Path from the sweep's folder of its report, with what its stages took, or of its folder; empty where there is neither.
        files: Its artifacts.
    """

    number: int
    label: str
    status: str
    error: str
    choices: Mapping[str, str]
    metrics: Mapping[str, float]
    words: tuple[str, ...] = ()
    report: str = ""
    page: str = ""
    files: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Sweep:
    """A whole sweep.

    Attributes:
        name: Its name.
        root: The project's root, as seen from the sweep's folder.
        metrics: The figures, in the order in which they are shown.
        rows: The points, by number.
        pictures: Which figures are drawn against each other: `name`, `x`, `y`, and `size`, which may be empty.
        goals: The figures that decide which points are on the Pareto front.
        work: How many stages were wanted, how many of them differ (see `sweep.account`).
        times: What the stages took; empty where that is not told.
    """

    name: str
    root: str
    metrics: tuple[Metric, ...]
    rows: tuple[Row, ...]
    pictures: tuple[Mapping[str, str], ...]
    goals: tuple[str, ...]
    work: Mapping[str, Any]
    times: Mapping[str, Any]

    @property
    def choices(self) -> tuple[str, ...]:
        """The keys that any point chooses, in the order in which they first appear."""
        return tuple(dict.fromkeys(key for row in self.rows for key in row.choices))

    def metric(self, name: str) -> Metric | None:
        """Return the figure called *name*; None where the sweep has none."""
        return next((metric for metric in self.metrics if metric.name == name), None)


def load(path: Path) -> Sweep:
    """Return the sweep in *path*.

    Raises:
        ModelError: It is not of the form.
    """
    try:
        return parse(json.loads(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"'{path.name}' is not of the form {FORM}: {error}", where=str(path), remedy="run the sweep again") from error


def parse(data: Mapping[str, Any]) -> Sweep:
    """Return the sweep that *data* describes.

    Raises:
        ValueError: It is of another format.
    """
    if data["format"] != FORM:
        raise ValueError(f"its format is {data['format']}")
    return Sweep(
        name=data["name"],
        root=data["root"],
        metrics=tuple(Metric(**metric) for metric in data["metrics"]),
        rows=tuple(sorted(map(_row, data["points"]), key=lambda row: row.number)),
        pictures=tuple(data["pictures"]),
        goals=tuple(data["goals"]),
        work=data["work"],
        times=data["times"],
    )


def _row(point: Mapping[str, Any]) -> Row:
    return Row(
        number=int(point["number"]),
        label=point["label"],
        status=point["status"],
        error=point["error"],
        choices=point["choices"],
        metrics=known(point["metrics"].items()),
        words=tuple(point["words"]),
        report=point["report"],
        page=point["page"],
        files=tuple(point["files"]),
    )


def ordered(texts: Iterable[str]) -> list[str]:
    """Return each of *texts* once: by their numbers where all have one (`b512` before `b1024`), else as they come."""
    found = list(dict.fromkeys(texts))
    return sorted(found, key=_parts) if all(any(map(str.isdigit, text)) for text in found) else found


def _parts(text: str) -> list[tuple[str, float]]:
    """Return the letters and numbers of a text, to sort by."""
    return [(letters, float(digits or 0)) for letters, digits in _NUMBERED.findall(text)]


def known(figures: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """Return the figures that are numbers: no null, no NaN, no infinity."""
    return {name: value for name, value in figures if value is not None and math.isfinite(value)}

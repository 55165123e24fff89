"""Pareto pictures: two figures of all points against each other, the non-dominated ones joined and labelled."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from net2bit.report import comparison_front as fronts
from net2bit.report.charts import LogScale, Scale, nice
from net2bit.report.comparison_ink import Mark, Path, Picture, Shape, Spot, Words, length
from net2bit.report.comparison_labels import labels
from net2bit.report.comparison_points import DONE, Metric, Row, Sweep, ordered

WIDE, HIGH = 880, 520
LEFT, RIGHT, TOP, BOTTOM = 74.0, 22.0, 62.0, 58.0
LINE: Final = 18.0  # height of a row of the legend
SPANS: Final = 20.0  # an axis is logarithmic where its largest value is so many times its smallest
GROUPS: Final = range(2, 8)  # so many groups can be told apart
DOT: Final = (4.5, 13.0)  # smallest and largest radius
CROWD: Final = 80  # points above which dots get smaller
WANTED: Final = 8  # ticks on an axis, about
LONGEST: Final = 30  # characters of a label


@dataclass(frozen=True)
class Plot:
    """A picture and what stands below it.

    Attributes:
        name: Of its files.
        title: What is drawn against what.
        picture: The picture.
        notes: What else the reader should know, in sentences.
    """

    name: str
    title: str
    picture: Picture
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Axes:
    """Where values lie in the picture."""

    x: Scale
    y: Scale
    top: float

    def at(self, x: float, y: float) -> Spot:
        wide, high = WIDE - LEFT - RIGHT, HIGH - BOTTOM - self.top
        return LEFT + wide * self.x.at(x) / 100, HIGH - BOTTOM - high * self.y.at(y) / 100


def plots(sweep: Sweep) -> list[Plot]:
    """Return the pictures for which there are figures."""
    return [plot for about in sweep.pictures if (plot := _plot(sweep, about))]


def _plot(sweep: Sweep, about: Mapping[str, str]) -> Plot | None:
    x, y, size = (sweep.metric(about[axis]) for axis in ("x", "y", "size"))
    if x is None or y is None:
        return None
    rows = [row for row in sweep.rows if x.name in row.metrics and y.name in row.metrics]
    return _draw(sweep, about["name"], rows, (x, y, size)) if rows else None


def _draw(sweep: Sweep, name: str, rows: Sequence[Row], metrics: tuple[Metric, Metric, Metric | None]) -> Plot:
    x, y, size = metrics
    key, groups = grouping(sweep)
    legend = list(_legend(key, groups, size, rows))
    low = max((words.at[1] for words in legend if isinstance(words, Words)), default=0.0)
    axes = _Axes(scale([value(row, x) for row in rows]), scale([value(row, y) for row in rows]), max(TOP, low + 36))
    best = {row.number for row in fronts.best([row for row in rows if row.status == DONE], (x, y))}
    marks = {row.number: _mark(row, metrics, axes, (key, groups), rows, strong=row.number in best) for row in rows}
    kept = sorted((row for row in rows if row.number in best), key=lambda row: (value(row, x), value(row, y), row.number))
    line = steps([marks[row.number].at for row in kept], down=x.sign > 0)
    frame = (LEFT + 2, axes.top, WIDE - 4, HIGH - BOTTOM - 2)
    names = shorten(sweep)
    said, missed = labels([(marks[row.number], names[row.number]) for row in kept], marks.values(), line, frame)
    shapes = [
        *_grid(axes, x, y),
        *legend,
        *(mark for mark in marks.values() if not mark.strong),
        *([Path(tuple(line), "front", 1.6)] if len(kept) > 1 else []),
        *(mark for mark in marks.values() if mark.strong),
        *said,
    ]
    title = f"{_upper(y.title)} against {x.title}"
    picture = Picture((WIDE, HIGH), f"{title}: {len(rows)} points", tuple(shapes))
    return Plot(name, title, picture, tuple(_notes(sweep, rows, kept, metrics, missed)))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def value(row: Row, metric: Metric) -> float:
    """Return a figure as it is shown: a share in per cent."""
    return row.metrics[metric.name] * (100 if metric.unit == "share" else 1)


def scale(values: Sequence[float]) -> Scale:
    """Return an axis that holds *values*: logarithmic where they span much, from zero where they nearly begin there."""
    low, high = min(values), max(values)
    if low > 0 and high / low >= SPANS:
        pad = (high / low) ** 0.07
        return LogScale(low / pad, high * pad)
    span = high - low or abs(high) * 0.2 or 1.0
    start = low - 0.09 * span
    return Scale(0.0 if low >= 0 > start else start, high + 0.09 * span)


def grouping(sweep: Sweep) -> tuple[str, dict[str, int]]:
    """Return the choice that colours the points, and the group of each of its values: the choice with the fewest values, not numbers.

    Empty where no choice has a number of values that can be told apart.
    """
    found = {key: ordered(row.choices.get(key, "") for row in sweep.rows) for key in sweep.choices}
    able = {key: values for key, values in found.items() if len(values) in GROUPS and not all(map(_number, values))}
    if not able:
        return "", {}
    key = min(able, key=lambda name: len(able[name]))
    return key, {text: at for at, text in enumerate(able[key])}


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text
    return True


def _legend(key: str, groups: Mapping[str, int], size: Metric | None, rows: Sequence[Row]) -> Iterator[Shape]:
    """Yield the legend at the top: the groups by colour and shape, the sizes."""
    left, top = 14.0, 20.0
    heads = [(key, [(text or "not chosen", 6.0, at) for text, at in groups.items()])] if groups else []
    if size is not None and size.name in {name for row in rows for name in row.metrics}:
        head = size.caption + (", predicted" if size.predicted else "")
        heads.append((head, [(tick(one), _radius(one, size, rows), 0) for one in _sizes(size, rows)]))
    for head, items in heads:
        left, top = _wrapped(left, top, length(f"{head}:", 12))
        yield Words((left, top), f"{head}:", "soft")
        left += length(f"{head}:", 12) + 8
        for text, radius, group in items:
            left, top = _wrapped(left, top, 26 + length(text, 12))
            yield Mark((left + radius, top - 4), radius, group)
            yield Words((left + 2 * radius + 5, top), text, "ink")
            left += 2 * radius + 5 + length(text, 12) + 14
        left += 12


def _wrapped(left: float, top: float, wide: float) -> Spot:
    return (14.0, top + LINE + 6) if left + wide > WIDE - 14 else (left, top)


def _sizes(size: Metric, rows: Sequence[Row]) -> list[float]:
    known = sorted({value(row, size) for row in rows if size.name in row.metrics})
    return known if len(known) <= 3 else [known[0], known[len(known) // 2], known[-1]]  # noqa: PLR2004 - least, middle, most


def _radius(shown: float | None, size: Metric | None, rows: Sequence[Row]) -> float:
    """Return the radius of a dot whose area tells *shown*; dots of a crowd are smaller."""
    least, most = (bound * (0.62 if len(rows) > CROWD else 1.0) for bound in DOT)
    if size is None or shown is None:
        return 6.5 if len(rows) <= CROWD else 4.5
    top = max((value(row, size) for row in rows if size.name in row.metrics), default=0.0)
    return least + (most - least) * math.sqrt(max(shown, 0.0) / top) if top > 0 else least


def _mark(
    row: Row,
    metrics: tuple[Metric, Metric, Metric | None],
    axes: _Axes,
    colours: tuple[str, Mapping[str, int]],
    rows: Sequence[Row],
    *,
    strong: bool,
) -> Mark:
    x, y, size = metrics
    key, groups = colours
    shown = value(row, size) if size is not None and size.name in row.metrics else None
    figures = [f"{metric.caption}: {tick(value(row, metric))}" for metric in metrics if metric is not None and metric.name in row.metrics]
    title = "\n".join([row.label if row.status == DONE else f"{row.label}, {row.status}", *figures])
    group = groups.get(row.choices.get(key, ""), 0)
    spot = axes.at(value(row, x), value(row, y))
    return Mark(spot, _radius(shown, size, rows), group, title, f"#p{row.number}", strong, hollow=row.status != DONE)


def steps(spots: Sequence[Spot], *, down: bool) -> list[Spot]:
    """Return the edge of what the front dominates: from point to point, first *down* (or up) and then across, else the other way."""
    line = list(spots[:1])
    for (x0, y0), (x1, y1) in pairwise(spots):
        line += [(x0, y1) if down else (x1, y0), (x1, y1)]
    return line


def tick(number: float) -> str:
    """Return a number as an axis has it: four significant digits, thousands apart, no power of ten."""
    if number == 0 or not math.isfinite(number):
        return "0"
    digits = max(0, 3 - math.floor(math.log10(abs(number))))
    text = f"{number:,.{min(digits, 9)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def ticks(along: Scale) -> list[float]:
    """Return round values on an axis; these pictures have room for more than those of the report."""
    if isinstance(along, LogScale):
        return along.ticks()
    step = nice((along.high - along.low) / WANTED)
    return [round(place * step, 10) for place in range(math.ceil(along.low / step - 1e-9), math.floor(along.high / step + 1e-9) + 1)]


def _grid(axes: _Axes, x: Metric, y: Metric) -> Iterator[Shape]:
    bottom, right = HIGH - BOTTOM, WIDE - RIGHT
    for value_ in ticks(axes.x):
        spot = axes.at(value_, axes.y.low)
        yield Path(((spot[0], axes.top), (spot[0], bottom)), "grid")
        yield Words((spot[0], bottom + 17), tick(value_), "soft", anchor="middle")
    for value_ in ticks(axes.y):
        spot = axes.at(axes.x.low, value_)
        yield Path(((LEFT, spot[1]), (right, spot[1])), "grid")
        yield Words((LEFT - 8, spot[1] + 4), tick(value_), "soft", anchor="end")
    yield Path(((LEFT, axes.top), (LEFT, bottom), (right, bottom)), "axis", 1.2)
    yield Words((right, bottom + 40), _axis(x, axes.x), "ink", 13, "end", bold=True)
    yield Words((14, axes.top - 14), _axis(y, axes.y), "ink", 13, bold=True)


def _axis(metric: Metric, along: Scale) -> str:
    parts = [_upper(metric.caption), "predicted" if metric.predicted else "", "logarithmic" if isinstance(along, LogScale) else ""]
    better = {1: " \N{EN DASH} more is better", -1: " \N{EN DASH} less is better", 0: ""}[metric.sign]
    return ", ".join(part for part in parts if part) + better


def shorten(sweep: Sweep) -> dict[int, str]:
    """Return a short label of each point: the values of the choices that differ; its whole label where none do."""
    differ = [key for key in sweep.choices if len({row.choices.get(key) for row in sweep.rows}) > 1]
    texts = {row.number: " ".join(row.choices[key] for key in differ if key in row.choices) or row.label for row in sweep.rows}
    return {number: text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}" for number, text in texts.items()}


def _notes(sweep: Sweep, rows: Sequence[Row], kept: Sequence[Row], metrics: Sequence[Metric | None], missed: int) -> Iterator[str]:
    predicted = [metric.title for metric in metrics if metric is not None and metric.predicted]
    if len(kept) > 1:
        yield f"The line joins the {len(kept)} points that no other is at least as good as in both figures and better in one."
    if len(kept) == 1 < len(rows):
        yield f"{kept[0].label} is the best in both figures."
    if predicted:
        yield f"Predicted, not measured: {', '.join(predicted)}."
    if missed:
        yield f"{missed} of the places on it without a label, for want of room: the table marks them all."
    hollow = sum(row.status != DONE for row in rows)
    if hollow:
        yield f"Hollow: not finished, and not weighed ({hollow} of {len(rows)} points)."
    if len(rows) < len(sweep.rows):
        yield f"{len(sweep.rows) - len(rows)} of {len(sweep.rows)} points lack one of the figures and are not drawn."

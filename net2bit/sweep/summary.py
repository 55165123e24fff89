"""The end of a sweep on the terminal: what went wrong, a table of the points, and one line about it all. Standard library only."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from net2bit.errors import StoreError
from net2bit.graph import paths
from net2bit.sweep.metrics import describe
from net2bit.sweep.results import DONE, FAILED, PRUNED, REFUSED, PointResult
from net2bit.sweep.view import View

SHOWN: Final = ("accuracy.int8.dice", "fps", "latency", "dpu.peak", "resources.dsp", "resources.lut", "resources.bram36")
"""Figures in the table, where any point has them; the comparison has all."""
_HEADS: Final = {
    "accuracy.int8.dice": "Dice",
    "fps": "FPS*",
    "latency": "ms*",
    "dpu.peak": "peak GOPS*",
    "resources.dsp": "DSP*",
    "resources.lut": "LUT*",
    "resources.bram36": "BRAM*",
}
_HOW: Final = {
    "ran": "ran",
    "restored": "from cache",
    "waited": "made by another build",
    "fresh": "up to date",
    "failed": "failed",
    "skipped": "skipped",
}
_MOST: Final = 40  # rows; more than that is for the page
_WIDE: Final = 1000
_REASONS: Final = 10
POINTS: Final = "points.json"


def table(results: Sequence[PointResult], view: View, goals: Iterable[str] = ()) -> Iterator[str]:
    """Yield the lines of the table: a row for each point; the *goals* of a search (names of metrics) are in it before the usual figures."""
    names = [name for name in dict.fromkeys((*goals, *SHOWN)) if any(name in result.metrics for result in results)]
    rows = [("point", "", *(_HEADS.get(name, name) for name in names), "")]
    rows += [_row(result, names, view) for result in results[:_MOST]]
    yield from _aligned(rows)
    if len(results) > _MOST:
        yield f"… and {len(results) - _MOST} more"
    if any(describe(name).predicted for name in names):
        yield "* predicted"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the rows in columns: label and status to the left, figures to the right, the page as it comes."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        left = f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}"
        figures = "".join(f"  {cell:>{width}}" for cell, width in zip(row[2:-1], widths[2:-1], strict=True))
        yield f"{left}{figures}  {row[-1]}".rstrip()


def _row(result: PointResult, names: Sequence[str], view: View) -> tuple[str, ...]:
    shown = view.of(result.point) if result.plan else ""
    page = f"{shown}/{paths.PAGE}" if result.plan and paths.PAGE in result.plan.chosen and result.status == DONE else shown
    return (result.point.label, result.status, *(_figure(result.metrics.get(name)) for name in names), page)


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= _WIDE or value.is_integer() else f"{value:.4g}"


def wrong(results: Sequence[PointResult], failures: Mapping[str, str]) -> Iterator[str]:
    """Yield what went wrong, each fault once: stages that failed, then points that were refused, with all that share the reason."""
    for name, message in failures.items():
        yield f"{name} failed: {message}"
    for status, word in ((REFUSED, "refused"), (FAILED, "failed")):
        reasons: dict[str, list[str]] = {}
        for result in results:
            if result.status == status and not any(result.error.endswith(known) for known in failures.values()):
                reasons.setdefault(result.error, []).append(result.point.label)
        for reason, labels in list(reasons.items())[:_REASONS]:
            yield f"{_some(labels)} {word}:\n{textwrap.indent(reason, '  ')}"
        if len(reasons) > _REASONS:
            yield f"… and {len(reasons) - _REASONS} more reasons: {POINTS} has them all"


def unwritten(results: Sequence[PointResult], folder: str) -> StoreError:
    """Return the error of a sweep whose *folder* could not be written; it names what was built."""
    built = [(result.point.label, result.plan) for result in results if result.plan and result.good]
    rows = [f"{label}: {', '.join(plan.by_name[goal].outputs[0].path for goal in plan.goals)}" for label, plan in built[:_REASONS]]
    rows += [f"… and {len(built) - _REASONS} more"] if len(built) > _REASONS else []
    kept = "".join(f"\n    {row}" for row in rows)
    remedy = f"make room, or make it writable, and run the same words again; what was built is kept{':' if kept else ''}{kept}"
    return StoreError("the sweep's folder could not be written", where=folder, remedy=remedy)


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:5]) + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")  # noqa: PLR2004 - a line's worth


def counts(results: Sequence[PointResult], stages: Mapping[str, str]) -> str:
    """Return in one line what the sweep came to; *stages*: how each distinct stage ended."""
    points = Counter(result.status for result in results)
    shown = ", ".join(f"{points[status]} {status}" for status in (DONE, PRUNED, FAILED, REFUSED) if points[status])
    ended = Counter(stages.values())
    parts = ", ".join(f"{ended[how]} {word}" for how, word in _HOW.items() if ended[how])
    return f"{_many(len(results), 'point')}: {shown or 'none'}; {_many(len(stages), 'stage')}: {parts or 'none'}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

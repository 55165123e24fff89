"""`table.csv` and `table.parquet`: a line for each point, the same columns in both. For programs: every column, every digit, no times."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from net2bit.report.comparison_points import Metric, Sweep

if TYPE_CHECKING:
    import pyarrow as pa

Column = tuple[str, list[Any]]


def columns(sweep: Sweep, best: Iterable[int]) -> list[Column]:
    """Return the columns, each with a value for every point and None where it has none.

    Args:
        sweep: The points.
        best: Numbers of the points on the Pareto front.
    """
    chosen = set(best)
    fixed: list[Column] = [
        ("number", [row.number for row in sweep.rows]),
        ("label", [row.label for row in sweep.rows]),
        ("status", [row.status for row in sweep.rows]),
    ]
    choices: list[Column] = [(key, typed([row.choices.get(key) for row in sweep.rows])) for key in sweep.choices]
    figures: list[Column] = [(metric.name, whole([row.metrics.get(metric.name) for row in sweep.rows])) for metric in sweep.metrics]
    last: list[Column] = [
        ("pareto", [row.number in chosen for row in sweep.rows]),
        ("report", [row.report or None for row in sweep.rows]),
        ("error", [row.error or None for row in sweep.rows]),
    ]
    return _unique([*fixed, *choices, *figures, *last])


def _unique(found: Sequence[Column]) -> list[Column]:
    """Return the columns with names of their own: a key of the configuration may be called as a figure is."""
    seen: set[str] = set()
    kept = []
    for name, values in found:
        while name in seen:
            name += "_"  # noqa: PLW2901 - until it is free
        seen.add(name)
        kept.append((name, values))
    return kept


def typed(texts: Sequence[str | None]) -> list[Any]:
    """Return the values that *texts* write: whole numbers where all are, else numbers where all are, else the texts."""
    for read in (int, float):
        try:
            return [None if text is None else read(text) for text in texts]
        except ValueError:
            continue
    return list(texts)


def whole(values: Sequence[float | None]) -> list[Any]:
    """Return figures as whole numbers where all of them are."""
    counts = all(value is None or float(value).is_integer() for value in values)
    return [None if value is None else int(value) if counts else float(value) for value in values]


def as_csv(found: Sequence[Column]) -> str:
    """Return the columns as CSV (RFC 4180), UTF-8 with Unix line ends; what is missing is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for name, _ in found])
    writer.writerows(zip(*(map(_text, values) for _, values in found), strict=True))
    return out.getvalue()


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_parquet(sweep: Sweep, found: Sequence[Column]) -> "pa.Table":
    """Return the columns as an Arrow table; the fields of figures say their title, unit, and which direction is better."""
    import pyarrow as pa  # noqa: PLC0415 - the page needs none of it

    about = {metric.name: metric for metric in sweep.metrics}
    arrays = [pa.array(values) if any(value is not None for value in values) else pa.array(values, pa.string()) for _, values in found]
    fields = [
        pa.field(name, array.type, metadata=_said(about[name]) if name in about else None)
        for (name, _), array in zip(found, arrays, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={"sweep": sweep.name}))


def _said(metric: Metric) -> dict[str, str]:
    return {"title": metric.title, "unit": metric.unit, "better": metric.better, "predicted": str(metric.predicted).lower()}

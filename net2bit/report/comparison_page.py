"""`index.html` of a sweep: one page that holds everything it shows; it works from a folder, without a network and without JavaScript."""

import base64
import hashlib
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2

from net2bit.report import comparison_ink as ink
from net2bit.report.comparison_plot import Plot, tick, value
from net2bit.report.comparison_points import DONE, Metric, Row, Sweep, ordered

View = dict[str, Any]
NONE: Final = "\N{EN DASH}"
TEMPLATES: Final = Path(__file__).parents[2] / "templates"
LOOKS: Final = {DONE: "good", "failed": "bad", "refused": "warn", "pruned": ""}
FEW: Final = 24  # values of a choice that a list to choose from is good for
BEST: Final = {"max": "highest", "min": "lowest"}


def render(sweep: Sweep, found: Sequence[Plot], best: Iterable[int], files: Sequence[str]) -> str:
    """Return the page.

    Args:
        sweep: The points.
        found: The pictures.
        best: Numbers of the points on the Pareto front of the sweep's goals.
        files: Names of the files beside the page.
    """
    shown = gather(sweep, set(best))
    pictures = [{"title": plot.title, "svg": ink.svg(plot.picture, alone=False), "notes": plot.notes, "name": plot.name} for plot in found]
    return page("sweep.html.j2", "sweep.js", **shown, pictures=pictures, files=files)


def page(template: str, script: str, **shown: Any) -> str:
    """Return a page of the folder `templates/sweep` with its style and script inside."""
    code = (TEMPLATES / "sweep" / script).read_text("utf-8") if script else ""
    sheets = (TEMPLATES / "report" / "page.css", TEMPLATES / "sweep" / "sweep.css")
    style = "".join(sheet.read_text("utf-8") for sheet in sheets) + ink.style()
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if code else "'none'"
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"
    return environment().get_template(template).render(**shown, script=code, style=style, policy=policy)


def environment() -> jinja2.Environment:
    """Return the template environment: everything is escaped, and a name that is missing is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES / "sweep", TEMPLATES / "report"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def gather(sweep: Sweep, best: set[int]) -> View:
    """Return everything the page shows besides the pictures; *best* are the numbers of the points on the front."""
    metrics = [metric for metric in sweep.metrics if any(metric.name in row.metrics for row in sweep.rows)]
    choices = [key for key in sweep.choices if _differ(row.choices.get(key) for row in sweep.rows)]
    shown = [metric for metric in metrics if _differ(row.metrics.get(metric.name) for row in sweep.rows if row.status == DONE)]
    counts = Counter(row.status for row in sweep.rows)
    return {
        "name": sweep.name,
        "count": len(sweep.rows),
        "counts": [(counts[status], status) for status in LOOKS if counts[status]],
        "cards": list(_cards(sweep, metrics, best)),
        "goals": [metric.title for name in sweep.goals if (metric := sweep.metric(name))],
        "front": len(best),
        "same_choices": [(key, sweep.rows[0].choices[key]) for key in sweep.choices if key not in choices],
        "same_metrics": list(_same(sweep, metrics, shown)),
        "choices": [{"key": key, "values": _values(sweep, key)} for key in choices],
        "metrics": [_head(metric) for metric in shown],
        "more": sum(not metric.main for metric in shown),
        "rows": _rows(sweep, choices, shown, best),
        "undone": _undone(sweep),
        "work": sweep.work,
        "times": _times(sweep.times),
    }


def _differ(values: Iterable[object]) -> bool:
    return len(set(values)) > 1


def _values(sweep: Sweep, key: str) -> list[str]:
    """Return the values of a choice to filter by; none where they are too many for a list."""
    texts = ordered(row.choices.get(key, "") for row in sweep.rows)
    return texts if len(texts) <= FEW else []


def _head(metric: Metric) -> View:
    unit = {"share": "%"}.get(metric.unit, metric.unit)
    return {
        "name": metric.name,
        "title": metric.title,
        "unit": unit,
        "predicted": metric.predicted,
        "main": metric.main,
        "better": metric.better,
    }


def _cards(sweep: Sweep, metrics: Sequence[Metric], best: set[int]) -> Iterator[View]:
    """Yield the headline figures: the points, the best of each goal, the stages that were shared."""
    yield {"what": "Points", "value": str(len(sweep.rows)), "unit": "", "note": f"{len(best)} on the Pareto front", "href": "#points"}
    for metric in (metric for name in sweep.goals for metric in metrics if metric.name == name):
        yield from _best_card(metric, [row for row in sweep.rows if row.status == DONE and name_in(row, metric)])
    if sweep.work.get("wanted"):
        note = f"of {sweep.work['wanted']:,} that the points want"
        yield {"what": "Different stages", "value": f"{sweep.work['distinct']:,}", "unit": "", "note": note, "href": "#work"}


def _best_card(metric: Metric, rows: Sequence[Row]) -> Iterator[View]:
    """Yield the best value of a goal and the point that has it."""
    if not rows:
        return
    top = max(metric.sign * row.metrics[metric.name] for row in rows)
    row, *others = [row for row in rows if metric.sign * row.metrics[metric.name] == top]
    what = f"{BEST.get(metric.better, 'first')} {metric.title}{', predicted' if metric.predicted else ''}"
    yield {
        "what": what[:1].upper() + what[1:],
        "value": tick(value(row, metric)),
        "unit": {"share": "%"}.get(metric.unit, metric.unit),
        "note": f"{row.label} and {len(others)} more" if others else row.label,
        "href": f"#p{row.number}",
    }


def name_in(row: Row, metric: Metric) -> bool:
    """Return whether the point has the figure."""
    return metric.name in row.metrics


def _same(sweep: Sweep, metrics: Sequence[Metric], shown: Sequence[Metric]) -> Iterator[tuple[str, str]]:
    """Yield the figures that are equal for all points that are done, as text."""
    for metric in metrics:
        rows = [row for row in sweep.rows if name_in(row, metric)]
        if metric not in shown:
            unit = {"share": "%"}.get(metric.unit, metric.unit)
            yield metric.title, f"{tick(value(rows[0], metric))}{f' {unit}' if unit else ''}{' (predicted)' if metric.predicted else ''}"


def _rows(sweep: Sweep, choices: Sequence[str], shown: Sequence[Metric], best: set[int]) -> list[View]:
    columns = [_cells(sweep, metric) for metric in shown]
    return [
        {
            "number": row.number,
            "label": row.label,
            "status": row.status,
            "look": LOOKS.get(row.status, ""),
            "front": row.number in best,
            "report": quote(row.page) or _link(sweep, row.report),
            "choices": [row.choices.get(key, NONE) for key in choices],
            "cells": [column[at] for column in columns],
            "command": _command(row),
            "files": [{"kind": file["kind"], "href": _link(sweep, file["path"])} for file in row.files],
        }
        for at, row in enumerate(sweep.rows)
    ]


def _cells(sweep: Sweep, metric: Metric) -> list[View]:
    """Return a column: each figure as text with the digits that the column needs, as a number to sort by, and whether it is the best."""
    found = [value(row, metric) if name_in(row, metric) else None for row in sweep.rows]
    known = [one for one, row in zip(found, sweep.rows, strict=True) if one is not None and row.status == DONE]
    top = {1: max, -1: min}[metric.sign](known) if metric.sign and known else None
    texts = aligned(found)
    return [
        {
            "text": text,
            "value": "" if one is None else repr(one),
            "top": one is not None and one == top and row.status == DONE,
            "main": metric.main,
        }
        for text, one, row in zip(texts, found, sweep.rows, strict=True)
    ]


def aligned(values: Sequence[float | None]) -> list[str]:
    """Return the figures of one column with the same number of decimals: as many as their smallest needs for four digits, six at most."""
    known = [tick(one) for one in values if one is not None]
    places = min(max((len(text.partition(".")[2]) for text in known), default=0), 6)
    return [NONE if one is None else f"{one:,.{places}f}" for one in values]


def _link(sweep: Sweep, path: str) -> str:
    return quote(f"{sweep.root}/{path}") if path else ""


def _undone(sweep: Sweep) -> list[View]:
    """Return what was not done, the points of one reason together."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sweep.rows:
        if row.status != DONE:
            found.setdefault((row.status, row.error), []).append(row)
    return [
        {
            "status": status,
            "look": LOOKS.get(status, ""),
            "error": error.partition("\n")[0] or "no reason was given",
            "rest": error.partition("\n")[2],
            "points": [{"number": row.number, "label": row.label} for row in rows],
            "command": _command(rows[0]),
        }
        for (status, error), rows in found.items()
    ]


def _command(row: Row) -> str:
    return f"./doitw {shlex.join(row.words)}".rstrip()


def _times(times: Mapping[str, Any]) -> View | None:
    """Return the times in words; None where they are not told."""
    if not times:
        return None
    apart, spent = times["apart"], times["spent"]
    stages = sorted(times["stages"], key=lambda one: -(one["seconds"] or 0.0))
    return {
        "apart": duration(apart),
        "spent": duration(spent),
        "saved": duration(apart - spent),
        "share": f"{(apart - spent) / apart:.0%}" if apart > 0 else "0 %",
        "stages": [{**one, "took": duration(one["seconds"])} for one in stages],
    }


def duration(seconds: float | None) -> str:
    """Return a duration as people say it: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds is None:
        return NONE
    if seconds < 9.95:  # noqa: PLR2004 - below ten seconds a tenth is worth a digit
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"  # noqa: PLR2004 - an hour

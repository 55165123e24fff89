"""The comparison of a sweep's points: `python -m net2bit.report.comparison sweeps/NAME/points.json` writes the files beside it.

`index.html`, `table.csv`, `table.parquet`, and each Pareto picture as SVG and PNG. For the same points they have the same bytes, on
every machine with the same libraries; what the stages took stands in `times.csv` and in one block of the page alone, and in neither
with `--no-times`.
"""

import csv
import io
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from net2bit.report import comparison_front, comparison_ink, comparison_page, comparison_plot, comparison_points, comparison_table
from net2bit.report.comparison_points import DONE, Sweep
from net2bit.report.ending import status

TIMES = ("stage", "op", "points", "seconds", "cpu", "peak_mb", "how")


def write(sweep: Sweep, folder: Path) -> None:
    """Write all files of the comparison into *folder*, each in one step, and remove pictures that are no longer drawn.

    Raises:
        OSError: The folder cannot be written.
    """
    files = dict(contents(sweep))
    for name in (*_pictures(folder), "times.csv"):
        if name not in files:
            (folder / name).unlink(missing_ok=True)
    for name, content in files.items():
        fresh = folder / f".{name}.{os.getpid()}.new"
        fresh.write_bytes(content)
        fresh.replace(folder / name)


def _pictures(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("pareto-*") if path.suffix in {".svg", ".png"}]


def contents(sweep: Sweep) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file; the page last, which names the others."""
    goals = [metric for name in sweep.goals if (metric := sweep.metric(name))]
    best = [row.number for row in comparison_front.best([row for row in sweep.rows if row.status == DONE], goals)]
    table = comparison_table.columns(sweep, best)
    plots = comparison_plot.plots(sweep)
    files = {"table.csv": comparison_table.as_csv(table).encode(), "table.parquet": _parquet(sweep, table)}
    for plot in plots:
        files[f"pareto-{plot.name}.svg"] = comparison_ink.svg(plot.picture, alone=True).encode()
        files[f"pareto-{plot.name}.png"] = comparison_ink.png(plot.picture)
    if sweep.times:
        files["times.csv"] = times(sweep.times["stages"]).encode()
    yield from files.items()
    yield "index.html", comparison_page.render(sweep, plots, best, [*files, "points.json"]).encode()


def _parquet(sweep: Sweep, table: Sequence[comparison_table.Column]) -> bytes:
    from pyarrow import parquet  # noqa: PLC0415 - takes longer to import than the rest to run

    out = io.BytesIO()
    parquet.write_table(comparison_table.as_parquet(sweep, table), out, compression="zstd")
    return out.getvalue()


def times(stages: Sequence[Mapping[str, Any]]) -> str:
    """Return `times.csv`: what each different stage took, in seconds and MB, and how many points want it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, TIMES, lineterminator="\n")
    writer.writeheader()
    writer.writerows(stages)
    return out.getvalue()


def main(words: Sequence[str]) -> int:
    """Run the command line; returns the exit status (2 for a mistake, with the reason on stderr)."""
    parser = ArgumentParser(prog="python -m net2bit.report.comparison", description="Write the comparison of a sweep's points.")
    parser.add_argument("points", type=Path, help="sweeps/NAME/points.json")
    parser.add_argument("--out", type=Path, help="folder to write to (default: that of POINTS)")
    parser.add_argument("--no-times", action="store_true", help="leave out what the stages took")
    given = parser.parse_args(words)
    return status(lambda: _compare(given.points, given.out or given.points.parent, times=not given.no_times))


def _compare(points: Path, out: Path, *, times: bool) -> None:
    sweep = comparison_points.load(points)
    out.mkdir(parents=True, exist_ok=True)
    write(sweep if times else replace(sweep, times={}), out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

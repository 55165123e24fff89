"""What a search says: a line for each batch, the best points at its end, and `search.json` with all of it."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from net2bit.graph.place import write_whole
from net2bit.sweep.metrics import describe
from net2bit.sweep.results import DONE
from net2bit.sweep.search.goals import Goal
from net2bit.sweep.search.trials import Outcome, Trial

FILE: Final = "search.json"
_AGAIN: Final = {"changed": "{} since what they are made from has changed", "failed": "{} since they failed"}
_ORDER: Final = ("done", "pruned", "refused", "failed")


def batch(trials: Sequence[Trial], outcomes: Mapping[int, Outcome], fixed: Sequence[str], known: int, wanted: int) -> None:
    """Tell what came of a batch.

    Args:
        trials: Its points.
        outcomes: Number -> what came of it.
        fixed: Overrides that all points share.
        known: Points tried so far.
        wanted: Points to try in all.
    """
    counts = Counter(one.status for one in outcomes.values())
    words = ", ".join(f"{counts[status]} {status}" for status in _ORDER if counts[status])
    lines = [f"search: {known} of {wanted} points; {words}"]
    lines += [
        f"   {' '.join(_short(trial, fixed))}: {_line(outcomes[trial.number])}" for trial in trials if outcomes[trial.number].status != DONE
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def again(why: Mapping[int, str], known: int) -> None:
    """Tell that results of an earlier run do not count any more.

    Args:
        why: Number of a point -> `changed`, or `failed`.
        known: Points that there was a result of.
    """
    counts = Counter(why.values())
    words = ", ".join(text.format(counts[reason]) for reason, text in _AGAIN.items() if counts[reason])
    sys.stdout.write(f"search: {len(why)} of {known} remembered points are looked at again: {words}\n")


def _line(outcome: Outcome) -> str:
    return f"{outcome.status}: {outcome.reason.splitlines()[0]}" if outcome.reason else outcome.status


def _short(trial: Trial, fixed: Sequence[str]) -> list[str]:
    return [word for word in trial.overrides if word not in fixed]


def best(goals: Sequence[Goal], trials: Sequence[Trial], fixed: Sequence[str], folder: str) -> None:
    """Tell which points no other is better than.

    Args:
        goals: The goals.
        trials: The best, in their order.
        fixed: Overrides that all points share.
        folder: Where their artifacts are, for people.
    """
    if not trials:
        sys.stdout.write("search: no point holds all limits and has all goals\n")
        return
    what = " and ".join(f"{describe(goal.metric).title} ({goal.better})" for goal in goals)
    head = ["point", *(goal.metric for goal in goals), "overrides"]
    rows = [[str(one.number), *(f"{one.metrics[goal.metric]:.6g}" for goal in goals), " ".join(_short(one, fixed))] for one in trials]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
    sys.stdout.write(f"search: the best by {what}; none is better in all; see {folder}\n" + "".join(f"   {line}\n" for line in table))


def write(folder: Path, about: Mapping[str, Any], trials: Sequence[Trial], chosen: Sequence[Trial]) -> None:
    """Write all trials, and what they were chosen by, to `search.json` in *folder*."""
    rows = [
        {
            "number": one.number,
            "overrides": list(one.overrides),
            "status": one.status,
            "reason": one.reason,
            "same_as": one.same_as,
            "metrics": dict(one.metrics),
        }
        for one in trials
    ]
    whole = {**about, "best": [one.number for one in chosen], "trials": rows}
    write_whole(folder / FILE, json.dumps(whole, indent=1) + "\n")

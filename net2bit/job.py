"""What one stage is handed, and how it reports: the whole interface of the heavy side.

A stage function is `def run(job: Job) -> None`. It reads `job.config` (exactly the slice its op declared) and
`job.inputs`, writes every path of `job.outputs`, and nothing else outside `job.scratch`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Event = dict[str, Any]


def _drop(_event: Event) -> None:
    """Ignore an event: the default of a job that nobody watches (tests, the command line)."""


@dataclass(frozen=True)
class Job:
    """One run of one stage.

    Attributes:
        config: The declared slice of the experiment, nested as in the experiment.
        inputs: Kind name -> path of a finished artifact (read only; a folder for a tree kind).
        outputs: Kind name -> path to write, in a private folder that exists and is empty.
        scratch: A folder that outlives a killed run of the same stage key; for checkpoints.
        emit: Receives events; `progress` and `metric` are the two that exist.
    """

    config: Mapping[str, Any]
    inputs: Mapping[str, Path]
    outputs: Mapping[str, Path]
    scratch: Path
    emit: Callable[[Event], None] = field(default=_drop)

    def progress(self, done: int, total: int, text: str = "") -> None:
        """Say that *done* of *total* steps are finished; *text* is a short state word."""
        self.emit({"event": "progress", "done": done, "total": total, "text": text})

    def metric(self, name: str, value: float) -> None:
        """Record a figure in the artifact's manifest (a Dice, a count, a loss)."""
        self.emit({"event": "metric", "name": name, "value": float(value)})


def canonical(value: object) -> str:
    """Return *value* as canonical JSON: sorted keys, no spaces, no NaN. The form that is hashed and stored."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)

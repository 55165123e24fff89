"""`python -m net2bit.slurm.node TICKET`: builds one stage on a node of the cluster.

The store judges, locks, restores and records as it does everywhere. Events go to a file beside the ticket as they come, and the result
whole at the end; the exit status is 0 where the products lie in place, so that Slurm starts the jobs that wait for them.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final

from net2bit.errors import Net2bitError, StoreError
from net2bit.graph import signals
from net2bit.graph.build import Built
from net2bit.graph.place import write_whole
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store
from net2bit.job import Event
from net2bit.run import described
from net2bit.slurm import attempt
from net2bit.slurm.ticket import Ticket

_PAUSE: Final = 1.0  # seconds between two lines of the log, or two steps of progress, that the front end is told
_SIGNALS: Final = 0.3  # seconds in which a signal that ended the stage reaches this process too
_LOOK: Final = 0.2
_FLOOD: Final = frozenset({"log", "progress"})


class Teller:
    """Writes the stage's events; of those that come in floods only some: the log itself lies in the tree."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._told: dict[str, float] = {}

    def tell(self, event: Event) -> None:
        """Write an event."""
        kind, now = event["event"], time.monotonic()
        if kind in _FLOOD:
            if now - self._told.get(kind, -_PAUSE) < _PAUSE:
                return
            self._told[kind] = now
        self._file.write(json.dumps(event).encode() + b"\n")

    def notice(self, text: str) -> None:
        """Pass on a line for people."""
        self.tell({"event": "notice", "text": text})

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def _appear(root: Path, stage: Stage, seconds: float) -> None:
    """Wait until the inputs that other nodes have made are seen here; the store says what is missing after that."""
    end = time.monotonic() + seconds
    made = [root / one.path for one in stage.inputs if one.maker]
    while time.monotonic() < end and not all(map(attempt.listed, made)):
        signals.check()
        time.sleep(_LOOK)


def _build(ticket: Ticket, teller: Teller) -> Built:
    if not ticket.root.is_dir():
        raise StoreError(
            f"node {os.uname().nodename} does not see the project", where=str(ticket.root), remedy="mount it there, at this path"
        )
    os.chdir(ticket.root)  # paths of the cache, and of keys, are relative to the project
    _appear(ticket.root, ticket.stage, ticket.grace)
    with Store(ticket.root, ticket.cache, teller.notice) as store:
        return store.build(ticket.stage, teller.tell)


def _outcome(ticket: Ticket, teller: Teller) -> dict[str, Any]:
    try:
        return {"built": asdict(_build(ticket, teller))}
    except Net2bitError as fault:
        if _told_to_stop():
            return {"stopped": True}
        return {"error": described(fault)}
    except signals.Stopped:
        return {"stopped": True}


def _told_to_stop() -> bool:
    """Tell whether this job is being ended: Slurm signals all of its processes at once, and the stage may be the first to fall."""
    end = time.monotonic() + _SIGNALS
    while not signals.stopping() and time.monotonic() < end:
        time.sleep(_LOOK / 10)
    return signals.stopping()


def write(folder: Path, outcome: Mapping[str, Any]) -> None:
    """Write the result whole."""
    about = {"job": os.environ.get("SLURM_JOB_ID", ""), "host": os.uname().nodename}
    write_whole(folder / attempt.RESULT, json.dumps(about | dict(outcome), indent=1) + "\n")


def main(arguments: list[str]) -> int:
    """Build the stage of the ticket whose path is given; returns the exit status."""
    path = Path(arguments[0]).resolve()
    signals.install()
    (path.parent / attempt.RESULT).unlink(missing_ok=True)  # of the same job, before it was requeued
    teller = Teller(path.parent / attempt.EVENTS)
    teller.tell({"event": "running", "host": os.uname().nodename, "job": os.environ.get("SLURM_JOB_ID", "")})
    try:
        outcome = _outcome(Ticket.read(path), teller)
    except Net2bitError as fault:
        outcome = {"error": described(fault)}
    finally:
        teller.close()
    write(path.parent, outcome)
    if "error" in outcome:
        sys.stderr.write(f"{outcome['error']['what']}\n")
    return 0 if "built" in outcome else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The folder of one job: what the node is to build, the job's script, its log, its events, its result.

`.net2bit/slurm/<stage digest>/<attempt>/`. The folder is also the job's working folder, which `squeue` shows: so the queue itself is the
register of what was submitted, whoever submitted it and however that process ended.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from net2bit.graph.place import write_whole
from net2bit.job import Event

TICKET: Final = "ticket.json"
SCRIPT: Final = "job.sh"
LOG: Final = "log.txt"
EVENTS: Final = "events.jsonl"
RESULT: Final = "result.json"
OWNER: Final = "owner"

_DIGITS: Final = 16


def home(state: Path) -> Path:
    """Return the folder of all jobs of the tree whose state lies in *state*."""
    return state / "slurm"


def shelf(state: Path, digest: str) -> Path:
    """Return the folder of all jobs of the stage with that digest."""
    return home(state) / digest[:_DIGITS]


def listed(path: Path) -> bool:
    """Return whether there is something at *path*; by listing its folder, which makes a network file system look anew."""
    try:
        return path.name in os.listdir(path.parent)  # noqa: PTH208 - names are enough
    except OSError:
        return False


@dataclass
class Attempt:
    """One job's folder, seen from the front end."""

    folder: Path
    _read: int = field(default=0, repr=False)

    @classmethod
    def new(cls, state: Path, digest: str) -> "Attempt":
        """Make the folder for a new job of a stage."""
        folder = shelf(state, digest) / uuid.uuid4().hex[:12]
        folder.mkdir(parents=True)
        return cls(folder)

    def write(self, name: str, text: str) -> None:
        """Write one of its files whole."""
        write_whole(self.folder / name, text)

    def owner(self) -> str:
        """Return the name of the front end whose job it is."""
        try:
            return (self.folder / OWNER).read_text("utf-8")
        except OSError:
            return ""

    def result(self) -> Mapping[str, Any] | None:
        """Return what the node said at the end, None while it has not."""
        try:
            if not listed(self.folder / RESULT):
                return None
            found = json.loads((self.folder / RESULT).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def events(self) -> Iterator[Event]:
        """Yield what the running stage has said since the last call; a line that a dying node tore is passed over."""
        try:
            with (self.folder / EVENTS).open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            yield event

    def log(self) -> str | None:
        """Return what the job itself printed, None where it never came to that."""
        try:
            return (self.folder / LOG).read_text("utf-8", errors="replace")
        except OSError:
            return None

    def remove(self) -> None:
        """Forget the job."""
        shutil.rmtree(self.folder, ignore_errors=True)


def all_of(state: Path) -> Iterator[Attempt]:
    """Yield every job's folder of this user in the tree."""
    for folder in sorted(home(state).glob(f"{'[0-9a-f]' * _DIGITS}/*")):
        try:
            if folder.stat().st_uid == os.getuid():
                yield Attempt(folder)
        except OSError:  # another run has just tidied up
            continue

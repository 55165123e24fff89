"""What a build prints within GitHub Actions: the log of each stage folded away, each failure as an annotation of the run.

GitHub reads commands from lines that begin with `::`. What a stage printed is no command of ours, so commands are off while it is shown.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TextIO

from net2bit.graph.display import HOW, Plain, span

_LOG: Final = 256 * 1024  # bytes of a log that are shown; the file itself is kept with the report
_MESSAGE: Final = 4000  # characters of an annotation


class Folding(Plain):
    """Plain lines; behind the line of a stage that ran, its log."""

    def __init__(self, out: TextIO) -> None:
        """Write to *out*."""
        super().__init__(out)
        self._logs: dict[str, Path] = {}

    def hear(self, name: str, event: Mapping[str, Any]) -> None:
        """Remember where the stage's log is."""
        super().hear(name, event)
        if event.get("event") == "start":
            self._logs[name] = Path(event["log"])

    def done(self, name: str, how: str, seconds: float) -> None:
        """Print how the stage ended, with its log folded behind it."""
        self._fold(f"   {name}: {HOW.get(how, how)}, {span(seconds)}", name)

    def failed(self, name: str, message: str) -> None:
        """Print that the stage failed, its log, and the annotation."""
        super().failed(name, message)
        self._fold(f"   {name}: its log", name)
        self._say(annotation(name, message))

    def _fold(self, title: str, name: str) -> None:
        log = _end(self._logs.pop(name, None))
        self._say("\n".join(folded(title, log)) if log else title)


def folded(title: str, text: str) -> list[str]:
    """Return the lines of a group called *title* that shows *text* and obeys none of it."""
    token = secrets.token_hex(16)
    return [f"::group::{_data(title)}", f"::stop-commands::{token}", *text.splitlines(), f"::{token}::", "::endgroup::"]


def annotation(name: str, message: str) -> str:
    """Return the command that marks the run with the failure of the stage *name*, at the file that the message names, if it names one."""
    where = f",file={_property(found)}" if (found := _file(message)) else ""
    return f"::error title={_property(f'{name} failed')}{where}::{_data(message[:_MESSAGE])}"


def _file(message: str) -> str:
    """Return the file of the project that a message names as the place of the fault; empty where it names none."""
    for line in message.splitlines():
        name, _, place = line.strip().partition(": ")
        if name == "where" and not place.startswith((".", "/")) and os.path.isfile(place):
            return place
    return ""


def _end(log: Path | None) -> str:
    try:
        return log.read_bytes()[-_LOG:].decode(errors="replace").strip("\n") if log else ""
    except OSError:
        return ""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

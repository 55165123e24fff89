"""What a build shows while it runs: a live board on a terminal, plain lines everywhere else.

Both take the same calls, from any thread. rich is imported only when there is something to draw.
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

TAIL = 4  # log lines shown under a running stage
TAIL_BYTES = 2000
WIDTH = 22  # of a stage's name
MINUTE, HOUR = 60, 3600


def span(seconds: float) -> str:
    """Return a duration as people say it: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 9.95:  # noqa: PLR2004 - below ten seconds a tenth is worth a digit
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} min"


@dataclass
class Running:
    """A stage at work: when it began, how long it took before (seconds, None when never), and its latest news."""

    name: str
    estimate: float | None
    began: float = field(default_factory=time.monotonic)
    state: str = ""
    share: float | None = None
    log: Path | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return time.monotonic() - self.began

    def left(self) -> float | None:
        """Predict the seconds that are left: from the history, or from the share that is done; None when neither says anything."""
        if self.estimate is not None:
            return max(self.estimate - self.elapsed, 0.0)
        if self.share:
            return self.elapsed * (1 - self.share) / self.share
        return None

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take in an event of the store: progress, a log line, a wait."""
        match event.get("event"):
            case "progress":
                self.share = event["done"] / event["total"] if event["total"] else None
                self.state = event.get("text") or self.state
            case "start":
                self.log, self.state = Path(event["log"]), "starting"
            case "waiting":
                self.state = waiting(event)
            case "job":
                self.state = event["state"]
            case "restored":
                self.state = "from the cache"
            case "again":
                self.state = f"again: {event['reason']}"
            case _:
                pass

    def tail(self) -> list[str]:
        """Return the last lines of the stage's log."""
        if self.log is None:
            return []
        try:
            with self.log.open("rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return []
        return [line for line in lines if line.strip()][-TAIL:]


def waiting(event: Mapping[str, Any]) -> str:
    """Return who holds what a stage waits for."""
    if "what" in event:
        return f"waiting for {event['what']}, which {' and '.join(event['stages'])} will give back"
    if "pid" not in event:
        return "waiting for another build"
    pool = f"{event['pool']}: " if "pool" in event else ""
    return f"waiting for {pool}process {event['pid']} on {event['host']}, which builds {event['stage']}"


def alone(event: Mapping[str, Any]) -> str:
    """Return why a stage runs alone."""
    return f"needs {event['what']}, and there is {event['limit'].removesuffix(' of memory')}: it runs alone"


class Display(Protocol):
    """What the doit reporter calls. `total` is the number of stages asked for, `estimate` in seconds."""

    def open(self, total: int, points: int = 0, width: int = WIDTH) -> None:
        """Begin to show a build of *total* stages, for the *points* of a sweep; *width* is that of the longest name."""

    def start(self, name: str, reason: str, estimate: float | None) -> None:
        """Show that *name* begins, why, and how long it took before."""

    def hear(self, name: str, event: Mapping[str, Any]) -> None:
        """Take in an event of a running stage."""

    def done(self, name: str, how: str, seconds: float) -> None:
        """Show that *name* is finished: `ran`, `restored` (from the cache) or `waited` (another build made it)."""

    def fresh(self, name: str) -> None:
        """Show that *name* is up to date."""

    def failed(self, name: str, message: str) -> None:
        """Show that *name* failed; the message itself is printed at the end."""

    def skip(self, name: str) -> None:
        """Count a stage of a sweep that nothing was done for, without a word."""

    def point(self, text: str, *, good: bool) -> None:
        """Count a point of a sweep as finished, well or not; show *text* where there is any."""

    def close(self) -> None:
        """Give the terminal back."""


def headline(name: str, message: str) -> str:
    """Return the first line of a failure, its stage not named twice."""
    first = message.partition("\n")[0].removeprefix(f"{name} ").removeprefix("failed: ")
    return f"failed: {first}"


HOW = {"ran": "done", "restored": "from cache", "waited": "made by another build", "fresh": "up to date"}


class Plain:
    """One line per event that matters: for logs, CI and pipes. `-- name` is doit's own word for "up to date"."""

    def __init__(self, out: TextIO) -> None:
        """Write to *out*."""
        self._out = out
        self._lock = threading.Lock()

    def _say(self, line: str) -> None:
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()

    def open(self, total: int, points: int = 0, width: int = WIDTH) -> None:
        """Show nothing: the first stage's line follows at once."""

    def start(self, name: str, reason: str, estimate: float | None) -> None:
        """Print why the stage runs and how long it took the last time."""
        about = f" (about {span(estimate)})" if estimate is not None else ""
        self._say(f".  {name}: {reason}{about}")

    def hear(self, name: str, event: Mapping[str, Any]) -> None:
        """Print waits, what runs alone, and from which server something came: progress would flood a log."""
        if event.get("event") == "waiting":
            self._say(f"   {name}: {waiting(event)}")
        elif event.get("event") == "alone":
            self._say(f"   {name}: {alone(event)}")
        elif event.get("event") == "restored" and "://" in event["from"]:
            self._say(f"   {name}: restored from {event['from']}")

    def done(self, name: str, how: str, seconds: float) -> None:
        """Print how the stage ended and how long it took."""
        self._say(f"   {name}: {HOW.get(how, how)}, {span(seconds)}")

    def fresh(self, name: str) -> None:
        """Print doit's own line."""
        self._say(f"-- {name}")

    def failed(self, name: str, message: str) -> None:
        """Print that the stage failed; the message stands at the end, where people look."""
        self._say(f"!! {name}: {headline(name, message)}")

    def skip(self, name: str) -> None:
        """Say nothing."""

    def point(self, text: str, *, good: bool) -> None:
        """Print what came of the point."""
        if text:
            self._say(f"{'==' if good else '!!'} {text}")

    def close(self) -> None:
        """Nothing to give back."""


class Board:
    """A live board: finished stages scroll up, running ones stand below with a bar, times and the tail of their log."""

    def __init__(self, out: TextIO) -> None:
        """Draw on the terminal *out*."""
        from rich.console import Console  # noqa: PLC0415 - rich costs 50 ms, which a null build does not owe

        self._console = Console(file=out, highlight=False)
        self._running: dict[str, Running] = {}
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._total = self._finished = self._points = self._reached = 0
        self._width = WIDTH
        self._began = time.monotonic()

    def open(self, total: int, points: int = 0, width: int = WIDTH) -> None:
        """Remember how many stages there are."""
        self._total, self._points, self._width, self._began = total, points, width, time.monotonic()

    def _head(self) -> str:
        stages = f"{self._finished} of {self._total} stages"
        points = f", {self._reached} of {self._points} points" if self._points else ""
        return f"{stages}{points}, {span(time.monotonic() - self._began)}"

    def _draw(self) -> "RenderableType":
        from rich.console import Group  # noqa: PLC0415 - see __init__
        from rich.progress_bar import ProgressBar  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        with self._lock:
            running = list(self._running.values())
            head = self._head()
        rows: list[RenderableType] = []
        for stage in running:
            row = Table.grid(padding=(0, 1))
            left = stage.left()
            share = stage.share if stage.share is not None else _guess(stage)
            row.add_row(
                Text(f"  {stage.name:<{self._width}}", "bold"),
                ProgressBar(total=1.0, completed=share or 0.0, width=24, pulse=share is None),
                Text(span(stage.elapsed), "cyan"),
                Text(f"about {span(left)} left" if left is not None else "", "dim"),
                Text(stage.state, "dim", no_wrap=True, overflow="ellipsis"),
            )
            rows.append(row)
            rows.extend(Text(f"    {line}", "dim", no_wrap=True, overflow="ellipsis") for line in stage.tail())
        return Group(*rows, Text(head, "dim"))

    def _show(self) -> None:
        if self._live is None:
            from rich.live import Live  # noqa: PLC0415 - see __init__

            self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=8, transient=True)
            self._live.start()

    def _print(self, mark: str, style: str, text: str) -> None:
        from rich.text import Text  # noqa: PLC0415 - see __init__

        with self._lock:
            self._console.print(Text.assemble((f"{mark} ", style), text))

    def start(self, name: str, reason: str, estimate: float | None) -> None:
        """Add the stage to the board."""
        with self._lock:
            self._running[name] = Running(name, estimate, state=reason)
            self._show()

    def hear(self, name: str, event: Mapping[str, Any]) -> None:
        """Move the stage's bar, or add to its tail."""
        if event.get("event") == "alone":
            self._print("·", "yellow", f"{name:<{self._width}} {alone(event)}")
        with self._lock:
            if name in self._running:
                self._running[name].hear(event)

    def _leave(self, name: str) -> None:
        with self._lock:
            self._running.pop(name, None)
            self._finished += 1

    def done(self, name: str, how: str, seconds: float) -> None:
        """Move the stage from the board to the lines above it."""
        self._leave(name)
        self._print("✓", "green", f"{name:<{self._width}} {HOW.get(how, how)}, {span(seconds)}")

    def fresh(self, name: str) -> None:
        """Count the stage; a line for each would hide the ones that run."""
        self._leave(name)

    def failed(self, name: str, message: str) -> None:
        """Mark the stage; its message stands at the end."""
        self._leave(name)
        self._print("✗", "red", f"{name:<{self._width}} {headline(name, message)}")

    def skip(self, name: str) -> None:
        """Count the stage."""
        self._leave(name)

    def point(self, text: str, *, good: bool) -> None:
        """Count the point and print what came of it."""
        with self._lock:
            self._reached += 1
        if text:
            self._print("◆" if good else "◇", "blue" if good else "red", text)

    def close(self) -> None:
        """Take the board down."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _guess(stage: Running) -> float | None:
    """Return the share done by the clock, for a stage that reports nothing itself."""
    if not stage.estimate:
        return None
    return min(stage.elapsed / stage.estimate, 0.99)


def live(out: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether to draw: a terminal that is not a log (CI), not dumb, and not asked to be plain (NO_COLOR)."""
    plain = environ.get("NO_COLOR") or environ.get("CI") or environ.get("TERM") == "dumb"
    return out.isatty() and not plain


def display(out: TextIO | None = None) -> Display:
    """Return the display that fits *out* (standard output by default)."""
    target = sys.stdout if out is None else out
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from net2bit.graph.github import Folding  # noqa: PLC0415 - needs this module, and few need it

        return Folding(target)
    return Board(target) if live(target) else Plain(target)

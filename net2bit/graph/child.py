"""A stage's process, seen from the build: started in a session of its own, watched through a pipe, never left behind."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from net2bit.graph import signals
from net2bit.graph.keys import ENVIRONMENT
from net2bit.job import Event

# What a stage may see of the caller's environment. Nothing here may decide a byte of a result; what does is in `keys.ENVIRONMENT`.
ALLOWED: Final = ("HOME", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "USER", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")
_LICENCES: Final = "_LICENSE_FILE"
_LOOK: Final = 0.25  # seconds between two looks at the log
_GRACE: Final = 5.0  # seconds for a supervisor to end its processes before it is killed itself


def environment(paths: Sequence[str] = (), **more: str) -> dict[str, str]:
    """Return the environment of a stage's process: an allow-list of the caller's, and the fixed one."""
    kept = {name: value for name, value in os.environ.items() if name in ALLOWED or name.endswith(_LICENCES)}
    path = {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}
    return kept | ENVIRONMENT | path | {"PYTHONUNBUFFERED": "1"} | more


@dataclass
class Outcome:
    """How a stage's process went.

    Attributes:
        status: Exit status of the stage; negative for the signal that ended it; None where even its supervisor was killed.
        started: Seconds from the start of the process until the stage's function was entered.
        own: Seconds within the stage's function.
        cpu: CPU seconds of all its processes.
        peak: Largest sum of the resident memory of its processes, in bytes.
        finished: Whether the function returned.
        error: The fault that the stage reported.
        metrics: Figures it reported.
        modules: Files of the project's code that were imported.
    """

    status: int | None = None
    started: float = 0.0
    own: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    finished: bool = False
    error: dict[str, str] | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)


class Child:
    """One run of `python -m net2bit.run`."""

    def __init__(self, spec: Mapping[str, Any], *, folder: Path, log: Path, env: Mapping[str, str], held: Sequence[int]) -> None:
        """Start it.

        Args:
            spec: What to run (see `net2bit.run`).
            folder: Its current folder.
            log: Where its output goes.
            env: Its environment.
            held: File descriptors of locks that must last as long as any of its processes.
        """
        self._began = time.monotonic()
        reading, writing = os.pipe()
        self._events: IO[bytes] = os.fdopen(reading, "rb")
        try:
            with log.open("wb") as out:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-s", "-m", "net2bit.run", str(writing)],
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                    env=dict(env),
                    pass_fds=[writing, *held],
                    start_new_session=True,
                    umask=0o022,
                )
        except OSError:
            self._events.close()
            raise
        finally:
            os.close(writing)
        self._spec = spec
        self._log = log.open("rb")
        self._log_rest = b""
        signals.register(self)
        if signals.stopping():  # said while it started
            self.stop()

    @property
    def pid(self) -> int:
        """The supervisor's process id, which is also its session's."""
        return self._process.pid

    def stop(self) -> None:
        """Ask its processes to end; they are killed when they do not, or are asked twice."""
        self._process.send_signal(signal.SIGTERM)

    def follow(self, watch: Callable[[Event], None]) -> Outcome:
        """Hand every event to *watch* until the stage's last process is gone; whatever happens here, none is left then."""
        outcome = Outcome()
        try:
            self._send()
            for line in self._lines(watch):
                self._take(json.loads(line), outcome, watch)
        finally:
            self._end()
        return outcome

    def _lines(self, watch: Callable[[Event], None]) -> Iterator[bytes]:
        """Yield the lines of the event pipe until its last writer is gone; in between, look what the log has to say."""
        rest = b""
        while True:
            ready, _, _ = select.select([self._events], [], [], _LOOK)
            self._tell_log(watch)
            if ready:
                part = os.read(self._events.fileno(), 65536)
                if not part:
                    self._tell_log(watch)
                    return
                *lines, rest = (rest + part).split(b"\n")
                yield from lines

    def _tell_log(self, watch: Callable[[Event], None]) -> None:
        text = self._log.read()
        *lines, self._log_rest = (self._log_rest + text).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if line.strip():
                watch({"event": "log", "line": line.decode(errors="replace")})

    def _send(self) -> None:
        pipe = self._process.stdin
        with suppress(BrokenPipeError):  # it is dead already; its status tells
            if pipe:
                pipe.write(json.dumps(self._spec).encode() + b"\n")
                pipe.flush()

    def _take(self, event: Event, outcome: Outcome, watch: Callable[[Event], None]) -> None:
        match event["event"]:
            case "entered":
                outcome.started = event["at"] - self._began
            case "left":
                outcome.finished, outcome.own, outcome.modules = True, event["seconds"], event["modules"]
            case "error":
                outcome.error = event["error"]
            case "exit":
                outcome.status, outcome.cpu, outcome.peak = event["status"], event["cpu"], event["peak"]
            case "metric":
                outcome.metrics[event["name"]] = event["value"]
                watch(event)
            case _:
                watch(event)

    def _end(self) -> None:
        """Close its lifeline and wait; a supervisor that does not obey is killed, and its processes with it."""
        pipe = self._process.stdin
        if signals.stopping():  # it was asked to end: its tools may tidy up
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
        if pipe:
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        finally:
            self._events.close()
            self._log.close()
            signals.unregister(self)

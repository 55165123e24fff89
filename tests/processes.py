"""Other processes: what they need to import the project and the tests' helpers, and waiting for what they do."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def python_path(*helpers: str) -> str:
    """Return a PYTHONPATH with the project, the helpers that all tests share, and those beside each of the files *helpers*."""
    return os.pathsep.join(map(str, [ROOT, Path(__file__).parent, *(Path(file).resolve().parent for file in helpers)]))


def wait_for(condition: Callable[[], object], running: subprocess.Popen[str] | None = None, seconds: float = 200.0) -> None:
    """Wait until *condition* holds; fails after *seconds*, or when *running* has ended."""
    end = time.monotonic() + seconds
    while not condition():
        ended = running is not None and running.poll() is not None
        assert not ended, running.communicate() if running else ""
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Return whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

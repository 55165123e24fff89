"""Who holds something: a process of some host, and the processes that work for it."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from net2bit.graph import mounts


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _space() -> str:
    """Return what this process's ids are valid in: host, boot and PID namespace."""
    try:
        names = os.readlink("/proc/self/ns/pid")
    except OSError:
        names = ""
    return f"{mounts.host()} {_read('/proc/sys/kernel/random/boot_id')} {names}"


def born(pid: int) -> str:
    """Return when a process began, in clock ticks since the boot: a later process of the same id differs; empty when it is gone."""
    words = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return words[19] if words and words[0] not in {"Z", "X"} else ""


def stands(pid: int, node: str, since: float) -> bool:
    """Return whether the process *pid* of the machine called *node*, which was there at the time *since*, is there still."""
    start = born(pid)
    if node != os.uname().nodename or not start:
        return False
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return boot + int(start) / os.sysconf("SC_CLK_TCK") <= since + 1  # else it is another one that got the same id


def signed(stage: str) -> dict[str, Any]:
    """Return this process's signature, as JSON data; *stage* is what it builds."""
    pid = os.getpid()
    return {"pid": pid, "host": mounts.host(), "space": _space(), "pids": [[pid, born(pid)]], "since": time.time(), "stage": stage}


def gone(signature: Mapping[str, Any]) -> bool:
    """Return whether all processes of a signature are known to be dead; of those of another host nothing is known."""
    pids = signature.get("pids") or ()
    return bool(pids) and signature["space"] == _space() and not any(_alive(pid, start) for pid, start in pids)


def _alive(pid: int, start: str) -> bool:
    if not start:  # not Linux: no start times
        return _exists(pid)
    return born(pid) == start


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

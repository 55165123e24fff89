"""What of this machine the process may use: its affinity, and the limits of the control groups it is in (a container, a Slurm job)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_V1: Final = {"memory": ("memory.limit_in_bytes",), "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us")}
_V2: Final = {"memory": ("memory.max",), "cpu": ("cpu.max",)}
_OWN: Final = Path("/proc/self")


def cores(proc: Path = _OWN) -> int:
    """Return how many cores this process may use at once, at least 1; *proc* is its folder below /proc."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = (_quota(words) for words in _limits("cpu", proc))
    return max(1, int(min([mine, *(quota for quota in quotas if quota)])))


def memory(proc: Path = _OWN) -> int:
    """Return how many bytes of memory this process and its children may use."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([whole, *(int(words[0]) for words in _limits("memory", proc) if words[0].isdigit())])


def _quota(words: list[str]) -> float:
    """Return the cores of a quota and its period, 0 where there is no quota (`max`, or -1)."""
    quota, period = words
    return int(quota) / int(period) if quota.isdigit() else 0.0


def _limits(controller: str, proc: Path) -> Iterator[list[str]]:
    """Yield the words of every limit that counts: of the process's group and of all groups above it."""
    try:
        mounts = [line.split() for line in (proc / "mountinfo").read_text("utf-8").splitlines()]
        groups = [line.split(":", 2) for line in (proc / "cgroup").read_text("utf-8").splitlines()]
    except OSError:  # not Linux
        return
    for _, controllers, group in groups:
        names = _V2[controller] if not controllers else _V1[controller]
        if controllers and controller not in controllers.split(","):
            continue
        for mount in mounts:
            kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
            if kind == ("cgroup" if controllers else "cgroup2") and (not controllers or controller in options):
                yield from _upwards(Path(mount[4]), _inside(mount[3], group), names)


def _inside(root: str, group: str) -> str:
    """Return a group's path below a mount that shows the hierarchy from *root* on."""
    return os.path.relpath(group, root) if group.startswith(root) else "."


def _upwards(top: Path, inner: str, names: tuple[str, ...]) -> Iterator[list[str]]:
    for folder in [top / inner, *(top / inner).parents]:
        with suppress(OSError):  # the root of a hierarchy has no limits, and a container may not see its own group
            yield [word for name in names for word in (folder / name).read_text("ascii").split()]
        if folder == top:
            return

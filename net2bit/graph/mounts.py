"""Whether other hosts may work in a folder, too: which decides how builds are locked and where their records lie.

`flock` and SQLite's WAL hold between the processes of one host. A folder on a network file system may be in use on another.
"""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

MARK: Final = "shared"
"""File in the state folder that says: several hosts have used this tree."""

_NETWORK: Final = re.compile(
    r"9p|afs|beegfs\w*|ceph|cifs|coda|gfs2?|gpfs|lustre|ncpfs|nfs4?|ocfs2|orangefs|panfs|pvfs2|smb3|smbfs|vboxsf|virtiofs|wekafs|fuse(\..*)?"
)
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def is_network(kind: str) -> bool:
    """Return whether a type of file system, as in /proc/self/mountinfo, may be mounted by several hosts; of FUSE nobody can know."""
    return _NETWORK.fullmatch(kind) is not None


@lru_cache
def network(folder: Path) -> bool:
    """Return whether *folder*, which need not exist, lies on a network file system; False where that cannot be found out."""
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:  # not Linux
        return False
    return is_network(kind_of(os.path.realpath(folder), lines))


def kind_of(path: str, lines: list[str]) -> str:
    """Return the type of the file system that holds the absolute *path*, given the lines of mountinfo."""
    longest, found = -1, ""
    for line in lines:
        words = line.split(" ")
        point = _OCTAL.sub(lambda code: chr(int(code[1], 8)), words[4])
        if len(point) >= longest and f"{path}/".startswith(f"{point.rstrip('/')}/"):  # of two on one point the later one is on top
            longest, found = len(point), words[words.index("-") + 1]
    return found


def shared(root: Path, state: Path) -> bool:
    """Return whether several hosts may build in the tree at *root*, whose state lies in *state*.

    `NET2BIT_SHARED=1` says so, `NET2BIT_SHARED=0` the opposite; otherwise a mark that an earlier build left does, or the type of the
    file system.
    """
    said = os.environ.get("NET2BIT_SHARED", "")
    if said in {"0", "1"}:
        return said == "1"
    return os.path.exists(state / MARK) or network(root)


def private(state: Path) -> Path:
    """Return the part of a shared tree's state folder that is this host's own."""
    return state / "hosts" / re.sub(r"[^\w.-]", "_", host())


def leased(*, shared: bool) -> bool:
    """Return whether a folder's locks are leases, given whether it is *shared*; `NET2BIT_LOCKS=flock` or `lease` overrules that."""
    return {"flock": False, "lease": True}.get(os.environ.get("NET2BIT_LOCKS", ""), shared)


def host() -> str:
    """Return this host's name: `NET2BIT_HOST` where that is set, for machines and containers that share a name."""
    return os.environ.get("NET2BIT_HOST") or os.uname().nodename

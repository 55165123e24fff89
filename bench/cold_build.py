"""What a cold build costs, and how much of it is not the stages' own work.

    .venv/bin/python bench/cold_build.py                 # the default experiment, minutes
    .venv/bin/python bench/cold_build.py train=quick     # any words of ./doitw

Builds in a fresh clone of this checkout (committed files only), without cache. Overhead is the build's wall time less the time within
the stages' functions: planning, hashing, locks, starting Python for each stage and importing its module are all counted in.
"""

import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import table

ROOT = Path(__file__).resolve().parents[1]
GIGA = 2**30


def main() -> int:
    """Build, and print a row per stage and the sums."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "net2bit"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(home)], check=True)  # noqa: S607 - git is on PATH where this is run
        began = time.perf_counter()
        command = [sys.executable, "-m", "net2bit.graph.front", "cache.enabled=false", *sys.argv[1:]]
        status = subprocess.run(command, cwd=home, check=False).returncode
        wall = time.perf_counter() - began
        if status:
            return status
        with sqlite3.connect(home / ".net2bit/store.db") as db:
            took = [(stage, json.loads(text)["took"]) for stage, text in db.execute("SELECT stage, manifest FROM records ORDER BY made")]
    rows = [
        [stage, f"{one['seconds']:.2f}", f"{one['own']:.2f}", f"{one['started']:.2f}", f"{one['cpu']:.2f}", f"{one['peak'] / GIGA:.2f}"]
        for stage, one in took
    ]
    print(table(["stage", "wall s", "own s", "start s", "CPU s", "peak GB"], rows))
    own, usage = sum(one["own"] for _, one in took), resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\nwall {wall:.1f} s, stages' own work {own:.1f} s, overhead {wall - own:.1f} s = {100 * (wall - own) / wall:.1f} %")
    print(f"CPU {usage.ru_utime + usage.ru_stime:.1f} s, largest peak {max(one['peak'] for _, one in took) / GIGA:.2f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

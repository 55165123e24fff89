"""What each of two NFS clients does, in step with the other; prints `RESULT {…}` lines. Argument: the number of the client, 1 or 2."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:3])

from store_project import Project, first, second  # noqa: E402 - the path is set above

from net2bit.graph import lease, mounts  # noqa: E402 - likewise

ME = sys.argv[1]
TOP = Path("/run/nfs")
FOLDER = TOP / "contention"
PROJECT = Project(TOP / "project")


def tell(**what: object) -> None:
    """Print a result."""
    sys.stdout.write(f"\nRESULT {json.dumps(what)}\n")
    sys.stdout.flush()


def meet(name: str) -> None:
    """Wait until both clients are there."""
    lease.refresh(TOP)
    (TOP / f"{name}.{ME}").touch()
    while not all((TOP / f"{name}.{node}").exists() for node in "12"):
        lease.refresh(TOP)
        time.sleep(0.2)


def contend() -> None:
    """Count together."""
    if ME == "1":
        FOLDER.mkdir()
        (FOLDER / "counter").write_text("0")
    meet("ready")
    spec = {"folder": str(FOLDER), "beat": 1.0, "stale": 1e6, "rounds": 10, "threads": 4, "die_at": 0, "hold": False}
    done = subprocess.run([sys.executable, str(HERE / "lease_driver.py"), json.dumps(spec)], capture_output=True, text=True, check=False)
    meet("counted")
    tell(contended=done.stdout.strip() or done.stderr, counter=int((FOLDER / "counter").read_text()))


def build() -> None:
    """Build the same at once."""
    if ME == "1":
        PROJECT.root.mkdir()
        PROJECT.make()
    for number in range(3):
        meet(f"build{number}")
        tell(build=number, how=PROJECT.how(first(), second(str(number))))


def inherit() -> None:
    """Build while the other client, which does, is killed."""
    if ME == "1":
        PROJECT.path("src.txt").write_text("killed\n")
        (PROJECT.root / "hang").touch()
        builder = PROJECT.drive("first")
        PROJECT.hanging()
    meet("hangs")
    if ME == "1":
        time.sleep(2)
        os.kill(builder.pid, signal.SIGKILL)
        builder.wait()
        (PROJECT.root / "hang").unlink()
    else:
        lease.STALE = 10.0  # type: ignore[misc]
        waited: list[str] = []
        (built,) = PROJECT.build(first(), watch=lambda event: waited.append(event["host"]) if event["event"] == "waiting" else None)
        tell(heir=built.how, waited=sorted(set(waited)), text=PROJECT.path("mid.txt").read_text())
    meet("inherited")
    if ME == "1":
        PROJECT.build(second("last"))  # a host tidies up after its own dead
    meet("tidied")
    tell(leftovers=PROJECT.leftovers(), shared=mounts.network(TOP), notices=PROJECT.notices)


contend()
build()
inherit()
meet("end")

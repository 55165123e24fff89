"""Output that nobody takes: the work goes on, and what was lost although somebody wanted it is told in the exit status."""

import subprocess
import sys
from pathlib import Path

import pytest

_WORK = """
import sys
from pathlib import Path
from net2bit.graph.outlet import guarded

def work():
    for number in range(5000):
        print("line", number, flush=True)
    Path(sys.argv[1]).touch()
    return int(sys.argv[2])

sys.exit(guarded(work))
"""


@pytest.mark.parametrize(
    ("where", "told", "status"),
    [
        ("| head -1", 0, 0),
        ("| true", 4, 4),
        (">&-", 0, 0),
        (">&- 2>&-", 4, 4),
        (">/dev/full", 0, 1),
        (">/dev/full", 4, 4),
        (">/dev/null", 0, 0),
    ],
)
def test_work_goes_on_when_nobody_reads(tmp_path: Path, where: str, told: int, status: int) -> None:
    """A pipe that was closed early, no output at all, a full disk: no traceback, and the work is done to its end."""
    if "full" in where and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = tmp_path / "done"
    line = f'set -o pipefail; "{sys.executable}" -c "$1" "{done}" {told} {where}'
    ran = subprocess.run(["/bin/bash", "-c", line, "bash", _WORK], capture_output=True, text=True, check=False)
    assert done.exists()
    assert ran.returncode == status
    assert ran.stderr == ("cannot write to standard output: No space left on device\n" if "full" in where else "")


def test_interrupt_has_no_traceback() -> None:
    """Ctrl-C where nobody else listens to it ends the process with status 130, silently."""
    code = "import sys, _thread\nfrom net2bit.graph.outlet import guarded\nsys.exit(guarded(lambda: _thread.interrupt_main() or input()))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (130, "")


def test_output_arrives_whole(tmp_path: Path) -> None:
    """Where somebody reads, everything arrives, in order."""
    ran = subprocess.run([sys.executable, "-c", _WORK, str(tmp_path / "done"), "0"], capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == [f"line {number}" for number in range(5000)]

"""Slurm's own programs, and what they say. `sacct` is not among them: many clusters have none."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Final, NamedTuple

from net2bit.errors import ToolError

WAITING: Final = frozenset({"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"})
"""States of a job in the queue."""

LIVE: Final = WAITING | {"CONFIGURING", "COMPLETING", "RESIZING", "RUNNING", "SIGNALING", "STAGE_OUT", "STOPPED", "SUSPENDED"}
"""States of a job that has not ended."""

_FORMAT: Final = "%A|%T|%r|%N|%m|%Z"  # id, state, reason, nodes, memory, folder
_KEPT: Final = frozenset({"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT"})
_OURS: Final = re.compile(r"SLURM_|SQUEUE_|SCANCEL_|SBATCH_(WAIT|ARRAY_INX)$")
_AWAY: Final = re.compile(
    r"contact slurm controller|connect failure|timed out|zero bytes|temporarily|munge|authentication cred|protocol auth|not responding|"
    r"backup mode|transition to",
    re.IGNORECASE,
)
_FULL: Final = re.compile(
    r"submit ?limit|submit jobs? (rate|limit)|MaxSubmit|job submit limit|too many jobs|maximum number of jobs", re.IGNORECASE
)


class Unreachable(Exception):  # noqa: N818 - no error: Slurm is asked again
    """The controller does not answer; the text is Slurm's own."""


class Full(Exception):  # noqa: N818 - likewise
    """The controller takes no more jobs for now; the text is Slurm's own."""


class Job(NamedTuple):
    """A job as `squeue` shows it.

    Attributes:
        number: Its id.
        state: `PENDING`, `RUNNING`, `COMPLETED`, `TIMEOUT`, …
        reason: Why it waits, or why it ended so; `None` where there is none.
        nodes: Where it runs or ran; may be empty.
        folder: Its working folder.
        memory: The memory that it asks for on a node, as Slurm writes it (`1500M`, `4G`); `0` is all that the node has; empty if unknown.
    """

    number: str
    state: str
    reason: str
    nodes: str
    folder: str
    memory: str = ""

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE

    @property
    def waits(self) -> bool:
        """Whether it has not begun, or has been put back."""
        return self.state in WAITING

    @property
    def held(self) -> bool:
        """Whether it waits until a person lets it go."""
        return self.waits and ("held" in self.reason.lower() or "HOLD" in self.state or self.state == "SPECIAL_EXIT")


class Listing(NamedTuple):
    """All jobs of this user that Slurm still knows, also those that have ended; asked for at *at* (of `time.monotonic`)."""

    at: float
    jobs: Mapping[str, Job]


def environment() -> dict[str, str]:
    """Return the environment for Slurm's programs.

    Within a job there are variables that describe that job, and sbatch would take them for wishes about the new one; others are a person's
    habits at the terminal (which jobs squeue shows, whether scancel asks first).
    """
    return {name: value for name, value in os.environ.items() if name in _KEPT or not _OURS.match(name)}


class Asking:
    """A question to the controller that is under way: a controller that is down takes many seconds not to answer."""

    def __init__(self) -> None:
        self.at = time.monotonic()
        self._out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `drop`
        self._err: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        words = ["squeue", "--noheader", "--states=all", f"--user={os.getuid()}", f"--format={_FORMAT}"]
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err, env=environment(), start_new_session=True
        )

    def ready(self) -> bool:
        """Return whether the answer is there."""
        return self._process.poll() is not None

    def answer(self) -> Listing:
        """Wait for the answer.

        Raises:
            Unreachable: There is none.
        """
        try:
            status = self._process.wait()
            if status:
                raise Unreachable(_words(_read(self._err)))
            return Listing(self.at, {job.number: job for job in map(_job, _read(self._out).splitlines()) if job})
        finally:
            self.drop()

    def drop(self) -> None:
        """Ask no more."""
        self._process.kill()
        self._process.wait()
        self._out.close()
        self._err.close()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _job(line: str) -> Job | None:
    parts = line.split("|", 5)
    if len(parts) < 6:  # noqa: PLR2004 - the fields of _FORMAT
        return None
    number, state, reason, nodes, memory, folder = parts
    return Job(number, state, reason, nodes, folder, memory)


def jobs() -> Listing:
    """Return all jobs of this user.

    Raises:
        Unreachable: The controller does not answer.
    """
    return Asking().answer()


def submit(words: Sequence[str]) -> str:
    """Give *words* to sbatch; returns the job's id.

    Raises:
        ToolError: Slurm refuses the job, in Slurm's own words.
        Full: Slurm takes no more jobs for now.
        Unreachable: The controller does not answer; it may have taken the job all the same.
    """
    done = _call(["sbatch", "--parsable", *words])
    if done.returncode == 0:
        return done.stdout.strip().partition(";")[0]
    if _FULL.search(done.stderr):
        raise Full(_words(done.stderr))
    if _AWAY.search(done.stderr):
        raise Unreachable(_words(done.stderr))
    raise ToolError(_words(done.stderr))


def too_large(refusal: ToolError) -> bool:
    """Return whether sbatch refused a job because no node is as large as it asks (in memory, or in cores)."""
    return "node configuration is not available" in refusal.what


def cancel(numbers: Iterable[str], *, waiting: bool = False) -> str:
    """Cancel jobs, with *waiting* only those that do not run yet; returns what Slurm had against it, empty where nothing."""
    given = list(numbers)
    if not given:
        return ""
    done = _call(["scancel", *(["--state=PENDING"] if waiting else []), *given])
    return _words(done.stderr) if done.returncode else ""


class End(NamedTuple):
    """How a job's script ended: its exit status, and the signal that killed it; 0 where there was none."""

    status: int
    signal: int


def end(number: str) -> End | None:
    """Return how a job ended, None where Slurm does not know it (any more)."""
    done = _call(["scontrol", "show", "job", "--oneliner", number])
    found = re.search(r"(?<!\w)ExitCode=(\d+):(\d+)", done.stdout)
    return End(int(found[1]), int(found[2])) if found and not done.returncode else None


def _call(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of Slurm's, out of reach of a Ctrl-C at this terminal."""
    return subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(),
        check=False,
        start_new_session=True,
    )


def _words(text: str) -> str:
    """Return the last thing that a program of Slurm's said, without its own name."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("Try ")]
    return re.sub(r"^(\w+: )?(error: )?", "", lines[-1]) if lines else "it said nothing"

"""The cluster of one node for trying: it runs a command, gives its status back, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import ROOT, alive, wait_for

from net2bit.slurm import trial

needs_slurm = pytest.mark.skipif(
    bool(trial.missing()), reason=f"no Slurm: {trial.missing()} is not installed (apt install slurm-wlm munge)"
)


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start trials that end with the test."""
    started: list[subprocess.Popen[str]] = []

    def one(*words: str, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "net2bit.slurm.trial", *words]
        environ = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ, start_new_session=True))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.communicate()


def _daemons(folder: Path) -> list[int]:
    texts = [path.read_text() for path in folder.glob("*.pid")]
    return [int(text) for text in texts if text.strip()]


@needs_slurm
def test_a_command_on_a_trial_cluster(start: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The command finds the cluster, its status is the trial's, and no daemon outlives it."""
    folder = tmp_path_factory.mktemp("c")
    process = start(
        f"--folder={folder}", "--cores=3", "--conf=Licenses=x:2", "sh", "-c", "sinfo -h -o '%n %c'; scontrol show lic; cat; exit 7"
    )
    wait_for(lambda: len(_daemons(folder)) == 3)
    daemons = _daemons(folder)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (7, "")
    assert out.startswith("trial 3\nLicenseName=x\n")
    assert not any(map(alive, daemons))


@needs_slurm
def test_a_program_that_is_not_there(start: Start) -> None:
    """A misspelt command is told in words, and leaves no daemon behind that would keep the trial from ending."""
    process = start("--", "no-such-program")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err == "net2bit: 'no-such-program' cannot be run: No such file or directory\n  where: the command line\n"


@needs_slurm
def test_a_trial_that_is_killed(start: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The daemons die with the trial, also when it is killed."""
    folder = tmp_path_factory.mktemp("c")
    process = start(f"--folder={folder}", "cat")
    wait_for(lambda: len(_daemons(folder)) == 3)
    daemons = _daemons(folder)
    process.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(map(alive, daemons)))


def test_without_slurm(start: Start) -> None:
    """Where Slurm is not installed, the message says what to install."""
    process = start("true", PATH="/nowhere")
    _, err = process.communicate(timeout=60)
    if "there is no" in err:  # it may lie in /usr/sbin all the same
        assert "apt install slurm-wlm munge" in err
        assert process.returncode == 1

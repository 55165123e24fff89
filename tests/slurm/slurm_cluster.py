"""A real Slurm of one node for the tests: munged, slurmctld and slurmd as plain processes."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from processes import ROOT, alive, wait_for

from net2bit.slurm import trial


class Cluster:
    """A cluster; ends with `close`, and with the tests, however they end."""

    def __init__(self, folder: Path, within: Sequence[str] = ()) -> None:
        """Start it in *folder*, with 4 cores and 2 licences `tool`; *within* is a command that runs the command behind it."""
        words = [
            *within,
            sys.executable,
            "-m",
            "net2bit.slurm.trial",
            f"--folder={folder}",
            "--cores=4",
            "--conf=Licenses=tool:2",
            "sh",
            "-c",
            "echo ready; exec cat",
        ]
        self.folder = folder
        self._controller: subprocess.Popen[bytes] | None = None
        self._trial = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert self._trial.stdout
        if self._trial.stdout.readline() != "ready\n":
            _, said = self._trial.communicate()
            pytest.fail(f"Slurm did not start: {said}")

    @property
    def conf(self) -> str:
        """The path of slurm.conf."""
        return str(self.folder / "slurm.conf")

    def ask(self, *words: str) -> str:
        """Run one of Slurm's programs; returns what it says."""
        return subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | {"SLURM_CONF": self.conf}).stdout

    def jobs(self, *states: str) -> list[str]:
        """Return the ids of the jobs in one of *states* (all that have not ended by default)."""
        words = ["squeue", "--noheader", "--format=%A", *([f"--states={','.join(states)}"] if states else [])]
        return self.ask(*words).split()

    def job(self, name: str) -> str:
        """Wait until the job of a stage is in the queue; returns its id."""
        wait_for(lambda: self._ids(name) != [])
        return self._ids(name)[-1]

    def _ids(self, name: str) -> list[str]:
        return self.ask("squeue", "--noheader", "--states=all", "--sort=i", f"--name={name}", "--format=%A").split()

    def stop_controller(self) -> None:
        """End slurmctld, as an administrator would."""
        pid = int((self.folder / "slurmctld.pid").read_text())
        os.kill(pid, 15)
        if self._controller is not None:
            self._controller.wait()
        wait_for(lambda: not alive(pid))

    def start_controller(self, *words: str) -> None:
        """Start slurmctld again."""
        with (self.folder / "daemons.log").open("ab") as log:
            self._controller = subprocess.Popen(
                ["slurmctld", "-D", *words],  # noqa: S607 - found where the trial finds it
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"SLURM_CONF": self.conf, "PATH": trial.PATH},
            )
        wait_for(lambda: trial.NODE in self.ask("sinfo", "--noheader", "--format=%N"))

    def close(self) -> None:
        """End it with everything that runs on it."""
        if self._controller is not None:
            self._controller.terminate()
            self._controller.wait(30)
        self._trial.communicate(timeout=60)

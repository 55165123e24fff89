"""A cluster of one node on this machine, to try `executor=slurm` without having a cluster.

```console
$ python -m net2bit.slurm.trial ./doitw sweep executor=slurm dpu=b512,b1152
```

It starts Slurm's own daemons as plain processes that write into one folder, runs the command with SLURM_CONF set, and ends them.
No systemd, no cgroups, no other Slurm on this machine is touched. Debian, Ubuntu: `apt install slurm-wlm munge`.
"""

import argparse
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from string import Template
from typing import Final

from net2bit.errors import Net2bitError, ToolError
from net2bit.supervise import adopt_orphans, descendants, die_with

PROGRAMS: Final = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
NODE: Final = "trial"

PATH: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
_PATIENCE: Final = 90.0  # seconds for the daemons to find each other
_LONGEST: Final = 60  # bytes of the path of a temporary folder
_GRACE: Final = 10.0  # seconds for a daemon to end
_CONFIG: Final = Template(
    """ClusterName=trial
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.sock
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=$share
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MessageTimeout=5
$more
NodeName=$node NodeAddr=127.0.0.1 Port=$node_port CPUs=$cores RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$node Default=YES MaxTime=1-0 State=UP OverSubscribe=NO
"""
)


def missing() -> str:
    """Return the name of a program that a trial needs and that is not installed; empty where all are."""
    return next((name for name in PROGRAMS if shutil.which(name, path=PATH) is None), "")


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody uses just now."""
    with_sockets = [socket.socket() for _ in range(count)]
    try:
        for one in with_sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in with_sockets]
    finally:
        for one in with_sockets:
            one.close()


class Trial:
    """Slurm's daemons for one node."""

    def __init__(self, folder: Path, cores: int = 0, lines: Sequence[str] = ()) -> None:
        """Prepare a cluster whose files lie in *folder*.

        Args:
            folder: A folder of its own, with a short path (a socket lies in it).
            cores: Cores that the node is said to have; 0 is as many as it has.
            lines: More lines of slurm.conf.

        Raises:
            ToolError: Slurm or munge is not installed.
        """
        if missing():
            raise ToolError(
                f"there is no {missing()} here",
                where="PATH",
                remedy="install Slurm and munge (Debian, Ubuntu: apt install slurm-wlm munge)",
            )
        self.folder = folder
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._write(cores or os.cpu_count() or 1, lines)

    def _write(self, cores: int, lines: Sequence[str]) -> None:
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        controller, node = _free_ports(2)
        text = _CONFIG.substitute(
            folder=self.folder,
            user=pwd.getpwuid(os.getuid()).pw_name,
            controller_port=controller,
            node_port=node,
            node=NODE,
            cores=cores,
            memory=memory,
            share=max(memory // cores, 1),
            more="\n".join(lines),
        )
        (self.folder / "slurm.conf").write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs.

        Raises:
            ToolError: It does not come to that; with the end of the logs.
        """
        at = self.folder
        files = [f"--key-file={at}/munge.key", f"--pid-file={at}/munged.pid", f"--log-file={at}/munged.log", f"--seed-file={at}/munge.seed"]
        self._spawn("munged", "--foreground", "--force", f"--socket={at}/munge.sock", *files)
        self._wait((at / "munge.sock").exists)
        self._spawn("slurmctld", "-D")
        self._spawn("slurmd", "-D", "-N", NODE)
        self._wait(self._idle)

    def _spawn(self, *words: str) -> None:
        with (self.folder / "daemons.log").open("ab") as log:
            self._daemons[words[0]] = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
                preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509 - there are no threads
            )

    def _idle(self) -> bool:
        words = ["sinfo", "--noheader", "--format=%T"]
        return "idle" in subprocess.run(words, capture_output=True, text=True, env=self.environment, check=False).stdout

    def _wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while not condition():
            dead = [name for name, one in self._daemons.items() if one.poll() is not None]
            if dead or time.monotonic() > end:
                raise ToolError(f"{dead[0] if dead else 'the node'} did not start{self._logs()}", where=str(self.folder))
            time.sleep(0.05)

    def _logs(self) -> str:
        logs = [path.read_text(errors="replace").splitlines()[-4:] for path in sorted(self.folder.glob("*.log"))]
        return "".join(f"\n  | {line}" for lines in logs for line in lines)

    def stop(self) -> None:
        """End jobs and daemons; nothing is left."""
        for name in reversed(self._daemons):
            self._daemons[name].terminate()
        end = time.monotonic() + _GRACE
        while time.monotonic() < end and any(one.poll() is None for one in self._daemons.values()):
            time.sleep(0.02)
        for pid in list(descendants(os.getpid())):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for one in self._daemons.values():
            one.wait()


@contextmanager
def cluster(folder: Path | None, cores: int, lines: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Have a cluster; yields the environment in which Slurm's programs find it. With no *folder* its files are gone afterwards.

    Raises:
        ToolError: Slurm is not installed, or does not start.
    """
    adopt_orphans()  # the daemons leave children behind that have lost their parents
    place = folder or _temporary()
    try:
        trial = Trial(place, cores, lines)
        try:
            trial.start()
            yield trial.environment
        finally:
            trial.stop()
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def _temporary() -> Path:
    """Make a folder in the usual place, or in one with a shorter path: a socket's has room for 108 bytes."""
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="net2bit-", dir=usual if len(usual) < _LONGEST else "/tmp"))  # noqa: S108 - mkdtemp is safe there


def main(arguments: Sequence[str]) -> int:
    """Run a command on a cluster of one node; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m net2bit.slurm.trial", description="Run a command on a Slurm cluster of one node, this machine."
    )
    parser.add_argument("--folder", type=Path, help="where the cluster keeps its files (default: a temporary folder)")
    parser.add_argument("--cores", type=int, default=0, help="cores that the node is said to have (default: those it has)")
    parser.add_argument(
        "--conf", action="append", default=[], metavar="LINE", help="one more line of slurm.conf, such as Licenses=vivado:1"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command; `bash` gives a shell to look around")
    given = parser.parse_args(arguments)
    words = given.command[given.command[:1] == ["--"] :] or [os.environ.get("SHELL", "sh")]
    try:
        with cluster(given.folder, given.cores, given.conf) as environment:
            return _command(words, environment)
    except Net2bitError as error:
        sys.stderr.write(f"net2bit: {error}\n")
        return 1


def _command(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command; a Ctrl-C is for it alone.

    Raises:
        ToolError: There is no such program.
    """
    try:
        started = subprocess.Popen(words, env=environment)
    except OSError as fault:
        raise ToolError(f"{words[0]!r} cannot be run: {fault.strerror}", where="the command line") from fault
    with started as command:
        while True:
            try:
                return command.wait()
            except KeyboardInterrupt:
                continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

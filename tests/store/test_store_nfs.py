"""A real NFS server and two real clients, each a Linux kernel of its own (user-mode Linux): one tree, one build of each stage."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import wait_for

HERE = Path(__file__).resolve().parent
NEEDED = ("linux.uml", "ip", "modprobe", "mount.nfs", "rpc.nfsd", "rpc.mountd", "exportfs", "rpcbind")
MODULES = Path("/usr/lib/uml/modules")
BRIDGE = "n2b-bridge"
TAPS = tuple(f"n2b-tap{node}" for node in range(3))
SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which(words[0], path=SYSTEM) or words[0]
    return subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False)


def _lacking() -> str:
    """Return why virtual machines with a network cannot be had here."""
    missing = [name for name in NEEDED if shutil.which(name, path=SYSTEM) is None]
    if missing or not MODULES.is_dir():
        return f"not installed: {', '.join(missing)} (packages user-mode-linux, nfs-kernel-server, nfs-common, rpcbind, kmod, iproute2)"
    return "" if os.geteuid() == 0 else "only root may connect virtual machines"


@pytest.fixture
def network() -> Iterator[None]:
    """A bridge and three taps."""
    if _lacking():
        pytest.skip(_lacking())
    done = [_run("ip", "link", "add", BRIDGE, "type", "bridge")]
    for tap in TAPS:
        done += [_run("ip", "tuntap", "add", "dev", tap, "mode", "tap"), _run("ip", "link", "set", tap, "up", "master", BRIDGE)]
    done.append(_run("ip", "link", "set", BRIDGE, "up"))
    faults = [one.stderr for one in done if one.returncode]
    if not faults:
        yield
    for name in (*TAPS, BRIDGE):
        _run("ip", "link", "delete", name)
    if faults:
        pytest.skip(f"no bridge of taps can be made here: {faults[0].strip()}")


class Machine:
    """A virtual machine; its disk is this machine's, read-only."""

    def __init__(self, node: int, folder: Path, options: str, exported: str) -> None:
        """Boot it."""
        self.log = folder / f"node{node}.log"
        words = [
            "linux.uml",
            "mem=400M",
            "rootfstype=hostfs",
            "rootflags=/",
            "ro",
            "init=/bin/sh",
            "con=null",
            "con0=null,fd:1",
            "con1=null",
        ]
        words += [f"vec0:transport=tap,ifname={TAPS[node]},depth=32,gro=0", f"uml_dir={folder}", f"umid=node{node}", "quiet", "--"]
        words += [str(HERE / "nfs_node.sh"), str(node), str(folder), sys.executable, options, exported, str(HERE)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def end(self) -> None:
        """Switch it off."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def results(self) -> dict[str, Any]:
        """Return what its job told, by the first word of each line."""
        lines = [line.split("RESULT ", 1)[1] for line in self.log.read_text(errors="replace").splitlines() if "RESULT " in line]
        return {f"{next(iter(found))}{number if 'build' in found else ''}": found for number, found in enumerate(map(json.loads, lines))}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("options", "exported"), [("vers=4.2", "/"), ("vers=3,nolock", "/run/export")])
def test_two_clients_of_one_server(network: None, tmp_path: Path, options: str, exported: str) -> None:
    """Over NFS, with and without its own locks: a counter comes out right, each stage runs once, and a killed build has an heir."""
    del network
    (tmp_path / "root/lib").mkdir(parents=True)
    (tmp_path / "root/lib/modules").symlink_to(MODULES)
    machines = [Machine(node, tmp_path, options, exported) for node in range(3)]
    try:
        wait_for(lambda: all(machine.process.poll() is not None for machine in machines[1:]), seconds=1000)
    finally:
        (tmp_path / "stop").touch()
        for machine in machines[1:]:
            machine.end()
        machines[0].end()
    one, two = (machine.results() for machine in machines[1:])
    logs = "\n".join(machine.log.read_text(errors="replace")[-3000:] for machine in machines)
    assert two.get("contended"), logs
    assert [found["contended"]["contended"] for found in (one, two)] == ["done", "done"], logs
    assert one["contended"]["counter"] == 80
    hows = [list(zip(one[f"build{number}"]["how"], two[f"build{number}"]["how"], strict=True)) for number in (1, 2, 3)]
    assert [[how.count("ran") for how in build] for build in hows] == [[1, 1], [0, 1], [0, 1]], logs
    assert two["heir"] == {"heir": "ran", "waited": ["node1"], "text": "killed\n"}, logs
    assert one["leftovers"] == {"leftovers": [], "shared": True, "notices": []}

"""Limits: what the machine and its control groups leave, what a stage takes of it, and how threads of one process wait for it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import wait_for
from schedule_project import Graph, limits

from net2bit.errors import ConfigError
from net2bit.graph import machine, mounts
from net2bit.graph.display import alone, waiting
from net2bit.graph.history import Peak
from net2bit.graph.pools import Ledger, Limits, Line, Share, told
from net2bit.graph.stage import Stage


@dataclass(frozen=True)
class Peaks:
    """A history in which everything took *found*."""

    found: Peak | None = None

    def peak(self, stage: Stage) -> Peak | None:
        """Return it; the scheduler must not ask about what the user has said."""
        assert "memory" not in stage.said
        return self.found


UNKNOWN = Peaks()


def _stage(graph: Graph, name: str, **resources: int) -> Stage:
    return graph.add(name, resources=resources).nodes[name].stage


def _proc(folder: Path, cgroup: str, mounts: str, files: Mapping[str, str]) -> Path:
    """Write a /proc/self and the control groups it speaks of; `@` in *mounts* is the folder that holds them."""
    (folder / "cgroup").write_text(cgroup)
    (folder / "mountinfo").write_text(mounts.replace("@", str(folder)))
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


V2 = "36 25 0:30 / @/unified rw,nosuid - cgroup2 cgroup2 rw\n"
V1 = "33 25 0:27 / @/memory rw - cgroup cgroup rw,memory\n34 25 0:28 / @/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"


def test_limits_of_a_job(tmp_path: Path) -> None:
    """The tightest limit counts, of the process's own control group and of those above it (a Slurm job, a container)."""
    files = {
        "unified/job/memory.max": "3000000000\n",
        "unified/job/step/memory.max": "max\n",
        "unified/job/cpu.max": "100000 100000\n",
        "unified/job/step/cpu.max": "max 100000\n",
    }
    proc = _proc(tmp_path, "0::/job/step\n", V2, files)
    assert machine.memory(proc) == 3_000_000_000
    assert machine.cores(proc) == 1


def test_limits_of_the_first_kind_of_groups(tmp_path: Path) -> None:
    """Control groups of version 1 are read, too; a quota below one core is one core."""
    files = {
        "memory/c/memory.limit_in_bytes": "2000000000\n",
        "cpu/c/cpu.cfs_quota_us": "50000\n",
        "cpu/c/cpu.cfs_period_us": "100000\n",
    }
    proc = _proc(tmp_path, "4:memory:/c\n1:cpu,cpuacct:/c\n0::/\n", V1, files)
    assert machine.memory(proc) == 2_000_000_000
    assert machine.cores(proc) == 1


def test_limits_inside_a_container(tmp_path: Path) -> None:
    """Where a container shows its own group as the root, the limits there count."""
    proc = _proc(tmp_path, "0::/\n", V2.replace(" / @", " /outside/group @"), {"unified/memory.max": "1000000000\n"})
    assert machine.memory(proc) == 1_000_000_000


def test_no_limits(tmp_path: Path) -> None:
    """Without control groups the machine itself is the limit."""
    assert machine.cores(tmp_path) >= 1
    assert machine.memory(tmp_path) > 10**8
    assert machine.cores() <= machine.cores(tmp_path)


def test_cores_are_soft(graph: Graph) -> None:
    """A stage that asks for more cores than there are takes all of them; it is not refused."""
    stage = _stage(graph, "a", cores=64)
    share = limits(cores=4).share(stage, UNKNOWN)
    assert limits(cores=4).refusal(stage, share) is None
    assert share == Share({"cores": 4})


def test_unnamed_stocks_are_not_counted(graph: Graph) -> None:
    """A stock that the experiment does not number limits nothing."""
    assert limits().share(_stage(graph, "a", vivado=3), UNKNOWN).needs == {"cores": 1}


def test_too_small_a_stock_is_refused(graph: Graph) -> None:
    """A stage that needs more licences than there are is refused with both numbers and both keys."""
    stage, stock = _stage(graph, "a", vivado=2), limits(vivado=1)
    refusal = stock.refusal(stage, stock.share(stage, UNKNOWN))
    assert isinstance(refusal, ConfigError)
    assert "2 of vivado" in str(refusal)
    assert "resources.pools.vivado" in str(refusal)
    assert "resources.stages.a.vivado" in str(refusal)


def test_limits_of_the_experiment() -> None:
    """What the experiment leaves open is what the machine has."""
    found = Limits.of({"cores": None, "memory": None, "pools": {}, "stages": {}})
    assert (found.cores, found.memory) == (machine.cores(), machine.memory())
    assert Limits.of({"cores": 3, "memory": 5, "pools": {"x": 1}}) == Limits(3, 5, {"x": 1})


@pytest.mark.parametrize(
    ("name", "amount", "text"),
    [("memory", 12_500_000_000, "12.5 GB of memory"), ("memory", 5, "5 bytes of memory"), ("cores", 2, "2 cores")],
)
def test_amounts_for_people(name: str, amount: int, text: str) -> None:
    """Amounts are told with the unit that reads best."""
    assert told(name, amount) == text


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 100)), max_size=20))
def test_ledger_never_overdraws(wanted: list[tuple[int, int]]) -> None:
    """Law: what is taken where it fits never exceeds the limits, and giving all back leaves everything free."""
    ledger, taken = Ledger(Limits(4, 100)), []
    for cores, memory in wanted:
        needs = {"cores": cores, "memory": memory}
        if ledger.fits(needs):
            ledger.take(needs)
            taken.append(needs)
        assert sum(one["cores"] for one in taken) <= 4
        assert sum(one["memory"] for one in taken) <= 100
    for needs in taken:
        ledger.give(needs)
    assert ledger.fits({"cores": 4, "memory": 100})


def test_line_lets_in_what_fits(graph: Graph) -> None:
    """Under `doit -n` a thread whose stage does not fit waits, says for what and for whom, and goes on when it is given back."""
    line = Line(limits(memory=10), UNKNOWN)
    big, small = _stage(graph, "big", memory=8), _stage(graph, "small", memory=4)
    said: list[dict[str, Any]] = []
    entered = threading.Event()

    def enter() -> None:
        with line.taken(small, said.append):
            entered.set()

    with line.taken(big, said.append):
        thread = threading.Thread(target=enter)
        thread.start()
        wait_for(lambda: bool(said))
        assert not entered.is_set()
    thread.join(60)
    assert entered.is_set()
    assert waiting(said[0]) == "waiting for 4 bytes of memory (declared), which big will give back"


def test_line_refuses_what_can_never_run(graph: Graph) -> None:
    """Under `doit -n` a stage that needs more than there is fails with the keys to set, rather than wait for ever."""
    stage = graph.add("a").say("a", memory=11).nodes["a"].stage
    with pytest.raises(ConfigError, match=r"resources\.memory"), Line(limits(memory=10), UNKNOWN).taken(stage, print):
        pytest.fail("it was let in")


def test_line_lets_an_estimate_run_alone(graph: Graph) -> None:
    """Under `doit -n` a stage that should have more than there is waits until nothing else runs, takes everything, and says so."""
    line = Line(limits(memory=10), UNKNOWN)
    big, small = _stage(graph, "big", memory=11), _stage(graph, "small")
    said: list[dict[str, Any]] = []
    entered = threading.Event()

    def enter() -> None:
        with line.taken(big, said.append):
            entered.set()

    with line.taken(small, said.append):
        thread = threading.Thread(target=enter)
        thread.start()
        wait_for(lambda: len(said) == 2)
        assert not entered.is_set()
    thread.join(60)
    assert entered.is_set()
    assert alone(said[0]) == "needs 11 bytes of memory (declared), and there is 10 bytes: it runs alone"
    assert waiting(said[1]) == "waiting for 8 cores, which small will give back"


MOUNTS = [
    "25 1 259:1 / / rw,relatime - ext4 /dev/root rw",
    "30 25 0:40 / /home rw - nfs4 server:/home rw",
    "31 30 0:41 / /home/me/scratch rw - xfs /dev/sdb rw",
    r"32 25 0:42 / /with\040blank rw - fuse.sshfs me@there: rw",
    "33 25 0:43 / /twice rw - ext4 /dev/sdc rw",
    "34 33 0:44 / /twice rw - lustre mgs@tcp:/fs rw",
]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/root/x", "ext4"),
        ("/home/me/project", "nfs4"),
        ("/home", "nfs4"),
        ("/homework", "ext4"),
        ("/home/me/scratch/x", "xfs"),
        ("/with blank/x", "fuse.sshfs"),
        ("/twice/x", "lustre"),
    ],
)
def test_file_system_of_a_path(path: str, kind: str) -> None:
    """The innermost mount holds a path, the later of two on one point; blanks are written as octal numbers."""
    assert mounts.kind_of(path, MOUNTS) == kind


def test_network_file_systems() -> None:
    """Types that several hosts mount are known, FUSE counts among them; those of a disk do not."""
    assert all(map(mounts.is_network, ["nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph", "fuse", "fuse.sshfs", "9p"]))
    assert not any(map(mounts.is_network, ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fuseblk", "nfsd"]))


def test_locks_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """NET2BIT_LOCKS overrules what the file system says."""
    assert mounts.leased(shared=True)
    assert not mounts.leased(shared=False)
    monkeypatch.setenv("NET2BIT_LOCKS", "flock")
    assert not mounts.leased(shared=True)
    monkeypatch.setenv("NET2BIT_LOCKS", "lease")
    assert mounts.leased(shared=False)

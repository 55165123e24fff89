"""Locks between hosts: held by one, lost with its owner, taken over by one; with real processes, stopped and killed at every step.

Other hosts are processes with another host name, in a UTS namespace of their own where that is permitted: nothing is known of their ids.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from processes import ROOT, wait_for

from net2bit.graph import lease, mounts, owner
from net2bit.graph.lease import Waiter

DRIVER = Path(__file__).with_name("lease_driver.py")
QUICK = {"beat": 0.05, "stale": 0.6}
NEVER = {"beat": 0.05, "stale": 1e6}  # nobody is ever thought dead for being silent


def _may_unshare() -> bool:
    unshare = shutil.which("unshare")
    return bool(unshare) and subprocess.run([str(unshare), "--uts", "hostname", "x"], capture_output=True, check=False).returncode == 0


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a driver on a host of the given name; all of them are ended."""
    running: list[subprocess.Popen[str]] = []

    def go(host: str, *, rounds: int = 0, threads: int = 1, die_at: int = 0, hold: bool = False, **times: float) -> "subprocess.Popen[str]":
        spec = {"folder": str(tmp_path), "rounds": rounds, "threads": threads, "die_at": die_at, "hold": hold, **(times or QUICK)}
        command = [sys.executable, str(DRIVER), json.dumps(spec)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NET2BIT_HOST": host}
        if host.startswith("uts-"):
            del environment["NET2BIT_HOST"]
            command = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host, *command]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        running.append(process)
        return process

    yield go
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def _nobody_died(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget who was found dead: in these tests it may be this very process."""
    monkeypatch.setattr(lease, "_DEAD", {})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's own leases beat, and lose patience, as fast as the drivers'."""
    monkeypatch.setattr(lease, "BEAT", QUICK["beat"])
    monkeypatch.setattr(lease, "STALE", QUICK["stale"])


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _tell(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def until(condition: Callable[[], bool]) -> None:
    """Wait for *condition*, without a clock: the test has its hands on that."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


def _take(folder: Path) -> lease.Lease:
    """Take the lease in this process."""
    waiter = Waiter(folder / "x.lease")
    taken: list[lease.Lease] = []
    wait_for(lambda: bool(taken.extend(filter(None, [waiter.attempt("mine")])) or taken))
    return taken[0]


def _numbers(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "x.lease").iterdir())


def test_hundreds_of_contenders(tmp_path: Path, start: Start) -> None:
    """Six hosts with five threads each take the lease 420 times in all: a counter that two at once would spoil is right."""
    (tmp_path / "counter").write_text("0")
    drivers = [start(f"host{number}", rounds=14, threads=5, **NEVER) for number in range(6)]
    ends = [driver.communicate(timeout=250) for driver in drivers]
    assert [out for out, _ in ends] == ["done\n"] * 6, ends
    assert (tmp_path / "counter").read_text() == "420"
    assert len(_numbers(tmp_path)) == 1


@pytest.mark.parametrize("after", [1, -1])
def test_killed_at_every_step(tmp_path: Path, start: Start, quick: None, after: int) -> None:
    """An owner killed before or after any of its system calls: others get the lease, and nothing they see is half."""
    del quick
    survived = 0
    for step in range(1, 60):
        driver = start("far", hold=True, die_at=after * step)
        with suppress(BrokenPipeError):  # it may be dead by now
            _tell(driver)
        driver.communicate(timeout=120)
        mine = _take(tmp_path)
        mine.check()
        mine.release()
        survived += driver.returncode == 0
        if survived:
            break
    assert survived, "it has fewer steps than that"
    assert [name for name in _numbers(tmp_path) if name.isdigit()] != []


def test_dead_owner_of_this_host_is_known_at_once(tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease of a process of this host that was killed is free at once, however long silence may last."""
    monkeypatch.setattr(lease, "STALE", 1e6)
    driver = start(mounts.host(), hold=True, **NEVER)
    assert _line(driver) == "held"
    assert Waiter(tmp_path / "x.lease").attempt("mine") is None
    driver.kill()
    driver.wait()
    _take(tmp_path).release()


def test_dead_owner_of_another_namespace_is_not_known(tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a process of another host nothing but its silence counts: not a process id that happens to be free here."""
    if not _may_unshare():
        pytest.skip("unshare --uts is not permitted here")
    monkeypatch.setattr(lease, "STALE", 1e6)
    driver = start("uts-far", hold=True, **NEVER)
    assert _line(driver) == "held"
    driver.kill()
    driver.wait()
    waiter = Waiter(tmp_path / "x.lease")
    assert waiter.attempt("mine") is None
    assert waiter.holder["host"] == "uts-far"
    monkeypatch.setattr(lease, "STALE", 0.3)
    wait_for(lambda: waiter.attempt("mine") is not None)


@pytest.mark.slow
def test_many_namespaces_one_heir(tmp_path: Path, start: Start) -> None:
    """The owner's host dies while others wait: one of them takes over at a time, and the counter is right."""
    if not _may_unshare():
        pytest.skip("unshare --uts is not permitted here")
    (tmp_path / "counter").write_text("0")
    dead = start("uts-dead", hold=True)
    assert _line(dead) == "held"
    drivers = [start(f"uts-{number}", rounds=5, threads=3, beat=0.05, stale=8.0) for number in range(4)]
    dead.kill()
    ends = [driver.communicate(timeout=250) for driver in drivers]
    assert [out for out, _ in ends] == ["done\n"] * 4, ends
    assert (tmp_path / "counter").read_text() == "60"


def test_stopped_owner_loses_it_and_knows(tmp_path: Path, start: Start, quick: None) -> None:
    """An owner that was stopped for long is taken for dead; when it goes on it knows, and its release frees nobody else's lease."""
    del quick
    driver = start("far", hold=True)
    assert _line(driver) == "held"
    driver.send_signal(signal.SIGSTOP)
    mine = _take(tmp_path)
    driver.send_signal(signal.SIGCONT)
    _tell(driver)
    assert _line(driver) == "lost"
    driver.communicate(timeout=60)
    mine.check()
    assert Waiter(tmp_path / "x.lease").attempt("third") is None
    mine.release()


def test_living_owner_keeps_it(tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner that gives signs of life keeps the lease, for however long the others look."""
    driver = start("far", hold=True)
    assert _line(driver) == "held"
    waiter, now, seen = Waiter(tmp_path / "x.lease"), [0.0], [0]
    monkeypatch.setattr(lease.time, "monotonic", lambda: now[0])

    def beaten() -> bool:
        before, seen[0] = seen[0], (tmp_path / "x.lease/1").stat().st_mtime_ns
        return seen[0] != before

    for _ in range(100):
        until(beaten)
        assert waiter.attempt("mine") is None
        now[0] += lease._LONGEST
    assert now[0] > 3 * lease.STALE
    _tell(driver)
    assert _line(driver) == "kept"


def test_stopped_waiter_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time in which the waiter did not look, since it or the server stood still, is no silence of the owner's."""
    held = _take(tmp_path)
    monkeypatch.setattr(owner, "gone", lambda _signature: False)
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    waiter = Waiter(tmp_path / "x.lease")
    looks = int(lease.STALE / lease._LONGEST)
    for _ in range(looks):
        assert waiter.attempt("other") is None, "it looked for less than a minute in all, whatever the clock says"
        now[0] += 10_000
    assert waiter.attempt("other") is not None
    held.release()


def test_lost_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose answer got lost is asked again and says that the file exists: it is ours all the same."""
    real = os.link

    def link(source: Any, target: Any) -> None:
        real(source, target)
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(os, "link", link)
    mine = _take(tmp_path)
    assert Waiter(tmp_path / "x.lease").attempt("other") is None
    mine.release()


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system knows no hard links, the file is made exclusively."""

    def link(_source: Any, _target: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    mine = _take(tmp_path)
    assert Waiter(tmp_path / "x.lease").attempt("other") is None
    mine.check()
    mine.release()
    _take(tmp_path).release()


@pytest.mark.parametrize("seen", [0, 1, 2, 3])
def test_late_comers_retreat(tmp_path: Path, seen: int) -> None:
    """Who acts on an old look, be it as old as the lock itself, makes a file that does not count, and removes it."""
    folder = tmp_path / "x.lease"
    for _ in range(3):
        _take(tmp_path).release()
    mine = _take(tmp_path)
    assert lease._claim(folder, seen, owner.signed("late")) is None
    mine.check()
    assert _numbers(tmp_path) == ["4"]
    mine.release()


def test_late_comers_after_tidying_up_retreat(tmp_path: Path) -> None:
    """When the lock's folder was removed and numbers begin again, who looked before that does not get the lock beside a new owner."""
    folder = tmp_path / "x.lease"
    for _ in range(3):
        _take(tmp_path).release()
    for path in folder.iterdir():
        path.unlink()
    assert lease._claim(folder, 3, owner.signed("late")) is None
    mine = _take(tmp_path)
    assert mine.path.name == "1"
    assert lease._claim(folder, 3, owner.signed("late")) is None
    mine.check()
    mine.release()


def test_lasts_as_long_as_the_supervisor(tmp_path: Path) -> None:
    """On the owner's host a lease is held until the last process it was shared with is gone."""
    folder = tmp_path / "x.lease"
    supervisor = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    signature = owner.signed("stage")
    signature["pids"] = [[dead.pid, owner.born(dead.pid)]]
    folder.mkdir()
    mine = lease._claim(folder, 0, signature)
    assert mine is not None
    mine.share(supervisor.pid)
    dead.wait()
    assert lease.alive(folder)
    assert Waiter(folder).attempt("other") is None
    supervisor.kill()
    supervisor.wait()
    assert not lease.alive(folder)
    assert Waiter(folder).attempt("other") is not None


def test_later_process_with_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process id that was given out again is not taken for the owner."""
    signature = owner.signed("stage")
    assert not owner.gone(signature)
    monkeypatch.setattr(owner, "born", lambda _pid: "1")
    assert owner.gone(signature)
    assert not owner.gone({**signature, "space": "another host"})


def test_idle_locks_are_tidied_up(tmp_path: Path) -> None:
    """Locks that nobody wanted for a day are removed; those in use, and recent ones, stay."""
    from net2bit.graph.sweep import leases  # noqa: PLC0415 - next to its only use

    _take(tmp_path).release()
    leases(tmp_path, time.time())
    assert _numbers(tmp_path) == ["1"]
    leases(tmp_path, time.time() + 2 * 86400)
    assert not (tmp_path / "x.lease").exists()


def test_death_is_found_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner that was found silent at one lease is not waited for at the next; one that has touched it since then is."""
    signature = {**owner.signed("stage"), "space": "another host"}
    now = [0.0]
    monkeypatch.setattr(lease, "_HEART", lease._Heart())
    monkeypatch.setattr(lease.time, "monotonic", lambda: now[0])
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        assert lease._claim(tmp_path / name, 0, dict(signature)) is not None
    first = Waiter(tmp_path / "a")
    assert first.attempt("mine") is None
    now[0] += lease.STALE
    for _ in range(int(lease.STALE / lease._LONGEST)):
        first.attempt("mine")
        now[0] += lease._LONGEST
    assert not (tmp_path / "a/1").exists()
    later = time.time() + 3 * lease.BEAT
    os.utime(tmp_path / "c/1", (later, later))
    assert Waiter(tmp_path / "b").attempt("mine") is not None
    assert Waiter(tmp_path / "c").attempt("mine") is None

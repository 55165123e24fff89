"""One tree on several hosts: what one of them has finished is up to date for the others, and no two make the same at once."""

import json
import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from processes import alive, wait_for
from store_project import Project, first, second

from net2bit.graph import lease, mounts, owner
from net2bit.graph.exchange import Exchange
from net2bit.graph.sweep import told


@pytest.fixture
def hosts(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project on a tree that is said to be shared; NET2BIT_HOST is the host that looks."""
    monkeypatch.setenv("NET2BIT_SHARED", "1")
    monkeypatch.setenv("NET2BIT_HOST", "alpha")
    return project


def _on(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("NET2BIT_HOST", host)


def _exchanged(project: Project) -> list[Path]:
    return sorted((project.root / ".net2bit/exchange").glob("*/*.json"))


def test_built_there_is_fresh_here(hosts: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What alpha built is up to date for beta: checked without building, then remembered in beta's own records."""
    assert hosts.how(first(), second()) == ["ran", "ran"]
    _on(monkeypatch, "beta")
    with hosts.store() as store:
        assert store.check(first()).fresh
        assert store.check(second()).fresh
        assert store.manifest(second()) is not None
        assert store.history.estimate(second()) is not None
    for path in _exchanged(hosts):
        path.unlink()
    assert hosts.how(first(), second()) == ["fresh", "fresh"]
    assert sorted(path.name for path in (hosts.root / ".net2bit/hosts").iterdir()) == ["alpha", "beta"]


def test_hosts_take_turns(hosts: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alternating edits and builds on two hosts never build twice, and never take an old result."""
    for number, host in enumerate(["alpha", "beta", "alpha", "beta"]):
        _on(monkeypatch, host)
        hosts.path("src.txt").write_text(f"{number}\n")
        assert hosts.how(first(), second()) == ["ran", "ran"]
        _on(monkeypatch, "gamma")
        assert hosts.how(first(), second()) == ["fresh", "fresh"]
        assert hosts.path("mid.txt").read_text() == f"{number}\n"


def test_damaged_target_is_seen_on_every_host(hosts: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of another host vouches for no file: a target that is not what it says is made again."""
    hosts.build(first())
    hosts.path("mid.txt").chmod(0o644)
    hosts.path("mid.txt").write_text("edited")
    _on(monkeypatch, "beta")
    assert hosts.how(first()) == ["ran"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 1}', '{"digest": "0", "format": 1, "record": [], "history": []}'])
def test_damaged_exchange_costs_a_rebuild(hosts: Project, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """A file of the exchange that was cut off or edited is no record; it is replaced by the next build."""
    hosts.build(first())
    (path,) = _exchanged(hosts)
    path.write_text(damage or path.read_text()[:-20])
    _on(monkeypatch, "beta")
    assert hosts.how(first()) == ["ran"]
    _on(monkeypatch, "gamma")
    assert hosts.how(first()) == ["fresh"]


def test_exchange_knows_other_code_of_one_key(hosts: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several results under one base, with other code that only a run finds, reach other hosts; each finds the one of its code."""
    hidden = "def word():\n    return 'one'\n"
    hosts.module("hidden", hidden)
    hosts.module(
        "first",
        "import importlib\n\ndef run(job):\n    name = '.'.join(['stagelib', 'hidden'])\n"
        "    job.outputs['mid.txt'].write_text(importlib.import_module(name).word())\n",
    )
    hosts.build(first())
    hosts.module("hidden", hidden.replace("one", "two!"))
    hosts.build(first())
    assert len(_exchanged(hosts)) == 2
    assert len({path.name.split(".")[0] for path in _exchanged(hosts)}) == 1
    _on(monkeypatch, "beta")
    assert hosts.how(first()) == ["fresh"]
    hosts.module("hidden", hidden)
    _on(monkeypatch, "gamma")
    assert hosts.reasons(first()) != []


def test_exchange_forgets(hosts: Project) -> None:
    """What was told three months ago is removed; who told it keeps it in records of its own."""
    hosts.build(first(), second())
    old = _exchanged(hosts)[0]
    os.utime(old, (1, 1))
    told(hosts.root / ".net2bit/exchange", time.time())
    assert len(_exchanged(hosts)) == 1
    assert hosts.how(first(), second()) == ["fresh", "fresh"]


def test_unwritable_exchange_is_a_notice(hosts: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build whose result cannot be told to others is a good build, and says so."""

    def full(_self: Exchange, *_rows: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Exchange, "put", full)
    assert hosts.how(first()) == ["ran"]
    assert "other hosts" in hosts.notices[0]


def test_local_records_move_along(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree that was used on one host and is shared now keeps what was known; from then on it stays shared, whoever looks."""
    project.build(first(), second())
    monkeypatch.setenv("NET2BIT_SHARED", "1")
    for host in ("alpha", "beta"):
        _on(monkeypatch, host)
        assert project.how(first(), second()) == ["fresh", "fresh"]
    monkeypatch.delenv("NET2BIT_SHARED")
    with project.store() as store:
        assert store.shared
    monkeypatch.setenv("NET2BIT_SHARED", "0")
    with project.store() as store:
        assert not store.shared


def test_local_tree_has_no_exchange(project: Project) -> None:
    """On one host nothing is exchanged, and nothing lies about for others."""
    project.build(first())
    names = {path.name for path in (project.root / ".net2bit").iterdir()}
    assert not names & {"exchange", "hosts", mounts.MARK}


def _drive(project: Project, host: str, *orders: str) -> "subprocess.Popen[str]":
    """Start a build on another host, whose `flock`s are not seen here."""
    before = dict(os.environ)
    os.environ["NET2BIT_HOST"] = host
    try:
        return project.drive(*orders, flock=False)
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_two_hosts_build_once(hosts: Project) -> None:
    """Processes of four hosts that want the same stages at once: each stage runs once in all, and the others wait for it."""
    drivers = [_drive(hosts, f"host{number}", "first", "second:A") for number in range(4)]
    ends = [driver.communicate(timeout=200) for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0] * 4, ends
    hows = [json.loads(line)["how"] for out, _ in ends for line in out.splitlines() if '"how"' in line]
    assert sorted(hows).count("ran") == 2
    assert len(hows) == 8


def test_other_host_keeps_its_work_folder(hosts: Project) -> None:
    """Tidying up removes no folder in which another host works, though its processes cannot be seen."""
    (hosts.root / "hang").touch()
    other = _drive(hosts, "far", "first")
    hosts.hanging()
    with hosts.store() as store:
        store._tidy()
    assert len(hosts.leftovers()) == 1
    (hosts.root / "hang").unlink()
    other.communicate(timeout=120)
    assert other.returncode == 0
    wait_for(lambda: hosts.leftovers() == [])


def _take_over(project: Project) -> None:
    """Do what another host does that thinks the running build dead: take its leases, and give them back."""
    for folder in (project.root / ".net2bit/locks").glob("*.lease"):
        top = max(int(path.name) for path in folder.iterdir())
        taken = lease._claim(folder, top, owner.signed("other"))
        assert taken is not None
        taken.release()


def test_lost_lease_costs_a_second_run(hosts: Project) -> None:
    """A build whose leases were taken over while it stood still throws its result away, and makes it again under new ones."""
    (hosts.root / "hang").touch()
    build = _drive(hosts, "far", "first")
    hosts.hanging()
    _take_over(hosts)
    assert not hosts.path("mid.txt").exists()
    (hosts.root / "hang").unlink()
    out, err = build.communicate(timeout=120)
    assert json.loads(out.splitlines()[-1]) == {"stage": "first", "how": "ran"}, err
    assert hosts.path("mid.txt").read_text() == "one\ntwo\n"
    assert len(list((hosts.root / ".net2bit/logs").iterdir())) == 1
    assert hosts.how(first()) == ["fresh"]


@pytest.mark.slow
def test_lost_lease_ends_the_stage(hosts: Project) -> None:
    """The supervisor of a stage whose lease was lost ends it: two hosts never write one scratch folder for long."""
    (hosts.root / "hang").touch()
    build = _drive(hosts, "far", "first")
    pids = hosts.hanging()
    (hosts.root / "pids").unlink()
    _take_over(hosts)
    wait_for(lambda: not any(map(alive, pids)))
    assert hosts.hanging() != pids
    (hosts.root / "hang").unlink()
    out, _ = build.communicate(timeout=120)
    assert json.loads(out.splitlines()[-1]) == {"stage": "first", "how": "ran"}


@pytest.mark.slow
def test_killed_builds_of_other_hosts(hosts: Project) -> None:
    """Builds of two hosts in one place, one of them killed again and again: targets are whole or absent, and at the end right."""
    chance = random.Random(3)  # noqa: S311 - a test's dice
    for number in range(8):
        host = f"host{number % 2}"
        build = _drive(hosts, host, "first", f"second:{number % 3}")
        time.sleep(chance.uniform(0.1, 0.9))
        build.kill()
        build.communicate()
        if hosts.path("final.txt").exists():
            assert hosts.path("final.txt").read_text() in {f"one\ntwo\n{word}\n" for word in "012A"}
        last = _drive(hosts, host, "first", "second:A")  # on the killed one's host: nothing has to be waited for
        assert last.communicate(timeout=120)[0].splitlines()[-1].startswith('{"stage": "second:A"')
        assert hosts.path("final.txt").read_text() == "one\ntwo\nA\n"

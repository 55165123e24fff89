"""Builds that are told to stop or are killed: nothing half-written in place, nothing finished forgotten, no process left."""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from processes import alive, wait_for
from store_project import Project, first, second

from net2bit import supervise
from net2bit.graph import locks, owner
from net2bit.graph.sweep import sweep


def _end(process: subprocess.Popen[str]) -> int:
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err + out
    return process.returncode


def _hang(project: Project, name: str = "first", *before: str, **how: int) -> tuple[subprocess.Popen[str], list[int]]:
    (project.root / "hang").touch()
    process = project.drive(*before, name, **how)
    return process, project.hanging()


def _go_on(project: Project) -> None:
    for name in ("hang", "pids"):
        (project.root / name).unlink()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("threads", [0, 2])
def test_told_to_stop(project: Project, number: signal.Signals, code: int, threads: int) -> None:
    """SIGINT, SIGTERM and SIGHUP end the build with 128 + signal: no process, no partial target, no work folder is left."""
    process, pids = _hang(project, threads=threads)
    process.send_signal(number)
    assert _end(process) == code
    wait_for(lambda: not any(map(alive, pids)))
    assert not project.path("mid.txt").exists()
    assert project.leftovers() == []
    assert project.reasons(first())[0].startswith("interrupted")
    _go_on(project)
    assert project.how(first(), second()) == ["ran", "ran"]


def test_second_word_ends_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first SIGTERM gives a stage time to end by itself, the second takes that time away."""
    monkeypatch.setattr(supervise.Supervisor, "_signal", lambda _self, _number: None)
    supervisor = object.__new__(supervise.Supervisor)
    supervisor._deadline = None
    before = time.monotonic()
    supervisor._ask()
    assert supervisor._deadline is not None
    assert supervisor._deadline >= before + supervise._GRACE
    supervisor._ask()
    assert supervisor._deadline <= time.monotonic()


def test_told_twice(project: Project) -> None:
    """Two Ctrl-C end a stage that does not obey: no process is left."""
    stubborn = "import signal, subprocess, sys\nfrom stagelib.words import clean\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    project.module("first", stubborn + (project.root / "stagelib/first.py").read_text())
    process, pids = _hang(project)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _end(process)
    wait_for(lambda: not any(map(alive, pids)))


def test_finished_stages_are_kept(project: Project) -> None:
    """What was finished before a SIGKILL is up to date afterwards: the second stage is killed, the first does not run again."""
    hold = "import time\n\ndef run(job):\n    job.outputs['final.txt'].write_text('half')\n    job.progress(0, 1)\n    time.sleep(300)\n"
    project.module("second", hold)
    process = project.drive("first", "second:A")
    wait_for(
        lambda: (
            project.leftovers() != [] and project.path("mid.txt").exists() and any((project.root / "build/.work").glob("*/out/final.txt"))
        )
    )
    process.kill()
    process.communicate()
    assert project.how(first()) == ["fresh"]
    assert not project.path("final.txt").exists()


def test_a_stage_that_is_being_built(project: Project) -> None:
    """While another process builds a stage, that is why it is not up to date; it is no interrupted run."""
    process, _ = _hang(project)
    assert project.reasons(first())[0].startswith(f"being built by process {process.pid} since ")
    process.kill()
    process.communicate()
    assert project.reasons(first())[0].startswith("interrupted")


@pytest.mark.parametrize(("process", "node", "age"), [(1, "elsewhere", 0.0), (2**22 + 1, "", 0.0), (0, "", 1e9)])
def test_a_process_that_is_another(process: int, node: str, age: float) -> None:
    """A process of another machine, of an id that nobody has, or that began later than the run is not the one that builds."""
    assert owner.stands(os.getpid(), os.uname().nodename, time.time())
    assert not owner.stands(process or os.getpid(), node or os.uname().nodename, time.time() - age)


@pytest.mark.parametrize("threads", [0, 2])
def test_killed_in_mid_stage(project: Project, threads: int) -> None:
    """SIGKILL of the build: the stage and its grandchildren, also one in a session of its own, die; the next build is right."""
    process, pids = _hang(project, threads=threads)
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(alive, pids)))
    assert not project.path("mid.txt").exists()
    assert len(project.leftovers()) == 1
    assert project.reasons(first())[0].startswith("interrupted")
    _go_on(project)
    assert project.how(first(), second()) == ["ran", "ran"]
    assert project.path("mid.txt").read_text() == "one\ntwo\n"
    assert project.leftovers() == [], "the dead build's work folder is swept"


@pytest.mark.parametrize("victim", [0, 3])
def test_stage_or_supervisor_killed(project: Project, victim: int) -> None:
    """SIGKILL of the stage's process (out of memory) or of its supervisor is a clear error, and takes the others along."""
    process, pids = _hang(project)
    os.kill(pids[victim], signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "killed" in out
    wait_for(lambda: not any(map(alive, [pids[0], pids[3]])))
    if victim == 0:
        wait_for(lambda: not any(map(alive, pids)))
    for pid in pids[1:3]:  # when the supervisor itself is killed, grandchildren have nobody to end them
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
    assert not project.path("mid.txt").exists()
    assert project.leftovers() == []


def test_a_b_killed_a(cached: Project) -> None:
    """Build A, kill B half-way, build A again: A's files were never touched, and nothing runs."""
    cached.build(first(), second("A"))
    cached.path("src.txt").write_text("B\n")
    process, pids = _hang(cached)
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(alive, pids)))
    _go_on(cached)
    cached.path("src.txt").write_text("# a comment\none\ntwo\n")
    assert cached.path("mid.txt").read_text() == "one\ntwo\n"
    assert cached.how(first(), second("A")) == ["fresh", "fresh"]
    assert cached.reasons(first()) == []


@pytest.mark.parametrize("renames", [1, 2, 3])
def test_killed_in_mid_commit(project: Project, renames: int) -> None:
    """SIGKILL between two renames of one commit: each target is whole or absent, and never are two runs' products taken for one."""
    project.build(first(), second("A"))
    pages = sorted(path.name for path in (project.path("pages") / "all").iterdir())
    process = project.drive("second:BB", kill_after_renames=renames)
    process.communicate()
    assert process.returncode == (-signal.SIGKILL if renames < 3 else 0)
    if project.path("final.txt").exists():
        assert project.path("final.txt").read_text().endswith("BB\n")
    if project.path("pages").exists():
        assert sorted(path.name for path in (project.path("pages") / "all").iterdir()) == pages
    assert project.how(first(), second("A")) == ["fresh", "ran"]
    assert project.path("final.txt").read_text() == "one\ntwo\nA\n"
    assert (project.path("pages") / "all" / "2.txt").read_text() == "A"
    assert project.how(second("A")) == ["fresh"]


@pytest.mark.slow
def test_killed_at_any_moment(cached: Project) -> None:
    """Law 3 under fire: builds of two variants in one place, SIGKILLed at random moments; every target is always whole or absent."""
    chance = random.Random(7)  # noqa: S311 - a test's dice
    whole = {f"one\ntwo\n{word}\n" for word in "AB"}
    killed, rounds, longest = 0, 0, 0.9
    while killed < 12:
        process = cached.drive("first", f"second:{'AB'[rounds % 2]}")
        time.sleep(chance.uniform(0.02, longest))
        process.kill()
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            killed += 1
        else:
            longest = max(0.03, 0.8 * longest)  # a fast machine: the build was done before the shot
        rounds += 1
        if cached.path("mid.txt").exists():
            assert cached.path("mid.txt").read_text() == "one\ntwo\n"
        if cached.path("final.txt").exists():
            assert cached.path("final.txt").read_text() in whole
        if rounds % 5 == 0:
            shutil.rmtree(cached.root / "build", ignore_errors=True)
    cached.build(first(), second("A"))
    assert cached.path("final.txt").read_text() == "one\ntwo\nA\n"
    assert [(cached.path("pages") / "all" / f"{n}.txt").read_text() for n in range(3)] == ["one", "two", "A"]
    assert cached.how(first(), second("A")) == ["fresh", "fresh"]
    for work in (cached.root / "build/.work").glob("*"):
        os.utime(work, (0, 0))  # one that was killed before it locked its folder: that counts as dead after an hour only
    wait_for(lambda: _swept(cached))  # the last victim's supervisor may still be dying


def _swept(project: Project) -> bool:
    """Tidy up; returns whether nothing is left."""
    sweep(project.root, project.root / ".net2bit")
    return project.leftovers() == []


def test_lock_lasts_as_long_as_the_stage(project: Project) -> None:
    """A build that follows a SIGKILLed one at once waits for its dying stage: both never write the same scratch folder."""
    process, pids = _hang(project, "first:resumes")
    os.kill(pids[3], signal.SIGSTOP)  # a supervisor that is slow to notice
    process.kill()
    process.communicate()
    held = [locks.alive(lock) for lock in (project.root / ".net2bit/locks").glob("*.lock")]
    sweep(project.root, project.root / ".net2bit")
    left = project.leftovers()
    os.kill(pids[3], signal.SIGCONT)
    assert held == [True, True]
    assert left != [], "what a dying stage still uses is not swept"
    _go_on(project)
    assert project.build(first(resumes=True))[0].how == "ran"
    assert not any(map(alive, pids))


def test_checkpoints_outlive_a_kill(project: Project) -> None:
    """A stage that resumes finds its scratch folder again after a SIGKILL, and it is removed when the stage is finished."""
    process, pids = _hang(project, "first:resumes")
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(alive, pids)))
    (checkpoint,) = (project.root / ".net2bit/scratch").glob("*/checkpoint")
    assert checkpoint.read_text() == "half"
    _go_on(project)
    project.build(first(resumes=True))
    assert list((project.root / ".net2bit/scratch").iterdir()) == []


def test_what_a_stage_leaves_running_is_ended(project: Project) -> None:
    """A process that a successful stage left in the background does not outlive it."""
    project.module(
        "first",
        "import subprocess\nimport sys\n\ndef run(job):\n"
        "    left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'], start_new_session=True)\n"
        "    job.outputs['mid.txt'].write_text(str(left.pid))\n",
    )
    project.build(first())
    assert not alive(int(project.path("mid.txt").read_text()))


def test_own_handlers_stay(project: Project, tmp_path: Path) -> None:
    """A program that handles SIGTERM itself keeps its handler."""
    text = (
        "import signal\nfrom net2bit.graph import signals\nmine = lambda *_: None\nsignal.signal(signal.SIGTERM, mine)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job of a shell inherits it ignored
        "signals.install()\nassert signal.getsignal(signal.SIGTERM) is mine\nassert signal.getsignal(signal.SIGINT) is signals._handle\n"
    )
    script = tmp_path / "own.py"
    script.write_text(text)
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root}
    import sys  # noqa: PLC0415 - next to its only use

    assert subprocess.run([sys.executable, str(script)], env=environment, check=False).returncode == 0
    assert project.leftovers() == []

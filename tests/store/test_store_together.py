"""Several builds at once: each stage runs once, the others wait, say for whom, and take the result."""

import json
import os
import threading
import time
from pathlib import Path

import pytest
from processes import wait_for
from store_project import Project, first, op, second, stage

from net2bit.graph import locks
from net2bit.graph.build import Built
from net2bit.graph.stage import Stage


def test_two_builds_in_one_tree(project: Project) -> None:
    """Two processes build the same two stages at once: each stage runs once in all, both end well."""
    drivers = [project.drive("first", "second:A") for _ in range(2)]
    ends = [driver.communicate(timeout=120) for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0], ends
    assert sorted(project.ran()) == ["final.txt", "mid.txt"]
    assert project.how(first(), second()) == ["fresh", "fresh"]


def test_the_waiter_says_for_whom(project: Project) -> None:
    """While another process builds the stage, the waiter is told its pid, host and stage, and takes its result."""
    (project.root / "hang").touch()
    builder = project.drive("first")
    project.hanging()
    waiter = project.drive("first")
    assert waiter.stdout
    said = json.loads(waiter.stdout.readline())
    assert (said["event"], said["pid"], said["host"], said["stage"]) == ("waiting", builder.pid, os.uname().nodename, "mid.txt")
    assert said["holder"].startswith(f"process {builder.pid} on ")
    (project.root / "hang").unlink()
    assert json.loads(waiter.communicate(timeout=120)[0]) == {"stage": "first", "how": "waited"}
    builder.communicate()
    assert project.ran() == ["mid.txt"]


def test_a_waiter_can_be_stopped(project: Project) -> None:
    """A build that waits for a lock obeys SIGTERM."""
    (project.root / "hang").touch()
    builder = project.drive("first")
    project.hanging()
    waiter = project.drive("first")
    assert waiter.stdout
    waiter.stdout.readline()
    waiter.terminate()
    waiter.communicate(timeout=120)
    assert waiter.returncode == 143
    (project.root / "hang").unlink()
    builder.communicate(timeout=120)
    assert builder.returncode == 0


def _threads(project: Project, *stages: Stage) -> list[Built]:
    """Build stages at once in the threads of one store, as `doit -n 2 -P thread` does."""
    done: list[Built] = []
    with project.store() as store:
        threads = [threading.Thread(target=lambda one=one: done.append(store.build(one))) for one in stages]  # type: ignore[misc]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return done


def test_two_threads_one_stage(project: Project) -> None:
    """Two threads that want the same stage run it once."""
    assert sorted(built.how for built in _threads(project, first(), first())) == ["ran", "waited"]


def test_same_key_in_two_places_runs_once(project: Project) -> None:
    """Two stages with the same key and different places run once; the other takes the result, also without a cache."""
    project.build(first())
    here = second()
    there = stage(here.op, config=here.config, trees=["pages"], places={"final.txt": "build/x/final.txt", "pages": "build/x/pages"})
    built = _threads(project, here, there)
    assert sorted(one.how for one in built) == ["ran", "waited"]
    assert built[0].key == built[1].key
    assert (project.root / "build/x/final.txt").read_text() == project.path("final.txt").read_text()
    assert (project.root / "build/x/pages/all/0.txt").read_text() == "one"


def test_early_cut_off_across_places(project: Project) -> None:
    """A stage whose key was already built elsewhere in the tree is taken from there."""
    project.build(first(), second())
    moved = stage(first().op, places={"mid.txt": "build/other/mid.txt"})
    assert project.how(moved) == ["restored"]


def test_products_keep_their_places(project: Project) -> None:
    """Products taken from elsewhere arrive under their own kinds, whatever their names' order."""
    project.module("first", "def run(job):\n    for kind, path in job.outputs.items():\n        path.write_text(kind)\n")
    made = op("first", "stagelib.first:run", ["z.txt", "a.txt", "m.txt"], ["src.txt"])
    project.build(stage(made))
    moved = stage(made, places={kind: f"build/moved/{kind}" for kind in made.makes})
    assert project.how(moved) == ["restored"]
    assert {kind: (project.root / "build/moved" / kind).read_text() for kind in made.makes} == {kind: kind for kind in made.makes}


def test_damaged_copy_elsewhere_is_not_taken(project: Project) -> None:
    """A result that lies elsewhere in the tree and was edited there is neither taken nor touched."""
    project.build(first())
    project.path("mid.txt").chmod(0o644)
    project.path("mid.txt").write_text("mine")
    moved = stage(first().op, places={"mid.txt": "build/other/mid.txt"})
    assert project.how(moved) == ["ran"]
    assert project.path("mid.txt").read_text() == "mine"
    assert project.path("mid.txt").stat().st_mode & 0o777 == 0o644


def test_two_different_stages_run_side_by_side(project: Project) -> None:
    """Threads that build different stages do not wait for each other: each stage ends only when the other has begun."""
    meet = (
        "import os, time\n\ndef run(job):\n    job.outputs['mid.txt'].write_text('x')\n"
        f"    folder = {str(project.root / 'meet')!r}\n    open(f'{{folder}}/{{os.getpid()}}', 'w').close()\n"
        "    while len(os.listdir(folder)) < 2:\n        time.sleep(0.01)\n"
    )
    (project.root / "meet").mkdir()
    project.module("first", meet)
    other = stage(first(version=2).op, places={"mid.txt": "build/other/mid.txt"})
    running: list[str] = []
    most: list[int] = []

    def watch(event: dict[str, object]) -> None:
        if event["event"] == "start":
            running.append(str(event["pid"]))
            most.append(len(running))

    with project.store() as store:
        threads = [threading.Thread(target=store.build, args=(one, watch)) for one in (first(), other)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(running) == 2)
        for thread in threads:
            thread.join()
    assert most[-1] == 2


def test_lock_is_free_after_its_holder_died(tmp_path: Path) -> None:
    """A lock file left behind by a dead process blocks nobody."""
    lock = tmp_path / "x.lock"
    lock.write_text('{"pid": 1}')
    with locks.held(lock, "s", lambda _holder: pytest.fail("nobody holds it"), lambda: None) as mine:
        assert not mine.waited
        assert locks.alive(lock)
    assert not lock.exists()


def test_lock_is_held_by_one(tmp_path: Path) -> None:
    """However often a lock is taken and its file removed, never do two hold it."""
    inside: list[int] = []
    most: list[int] = []

    def take() -> None:
        for _ in range(60):
            with locks.held(tmp_path / "x.lock", "s", lambda _holder: None, lambda: None):
                inside.append(1)
                time.sleep(0.0002)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert len(most) == 360


def test_lock_files_do_not_pile_up(project: Project) -> None:
    """After a build no lock file is left."""
    project.build(first(), second())
    assert list((project.root / ".net2bit/locks").glob("*.lock")) == []


def test_records_of_two_builds_are_all_kept(project: Project) -> None:
    """Two processes that build different stages at once lose none of each other's records."""
    project.build(first())
    words = [[f"second:{side}{number}" for number in range(4)] for side in "ab"]
    drivers = [project.drive(*orders) for orders in words]
    assert [driver.wait(120) for driver in drivers] == [0, 0]
    for driver in drivers:
        driver.communicate()
    with project.store() as store:
        keys = store.records.ask("SELECT COUNT(*) FROM records WHERE op='second'")
    assert keys == [(8,)]

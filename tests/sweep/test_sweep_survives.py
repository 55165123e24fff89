"""Sweeps that are stopped, killed, or run beside others: what is finished is kept, nothing is built twice."""

import os
import signal

import pytest
from processes import wait_for
from sweep_project import Project, builder, kill

pytestmark = pytest.mark.slow


def test_an_interrupted_sweep_keeps_what_is_finished(project: Project) -> None:
    """Ctrl-C ends with 130, without a traceback; the repeated sweep builds what was left."""
    reached = project.hang("own2")
    running = project.start("train.seed=1,2")
    wait_for(reached.exists, running)
    wait_for((project.folder / "sweeps/train.seed/points/seed1/last.txt").exists, running)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130, out + err
    assert "stopped; what is finished is kept" in err
    assert "Traceback" not in err
    project.go_on("own2")
    assert "5 stages: 2 ran, 3 up to date" in project.sweep("train.seed=1,2")


def test_a_killed_sweep_goes_on(project: Project) -> None:
    """After SIGKILL the same sweep builds what is left; nothing half-made is taken for a result."""
    reached = project.hang("own1")
    running = project.start("train.seed=1,2", "sweep.workers=2")
    wait_for(reached.exists, running)
    kill(running)
    project.go_on("own1")
    said = project.sweep("train.seed=1,2")
    assert "2 points: 2 done" in said
    assert sorted(project.ran()) == ["last.txt", "last.txt", "own.txt", "own.txt", "shared.txt"]


def test_two_sweeps_at_once_build_nothing_twice(project: Project) -> None:
    """What another sweep is building is waited for, and taken."""
    reached = project.hang("shared")
    first = project.start("train.seed=1,2")
    wait_for(reached.exists, first)
    second = project.start("train.seed=2,3")
    wait_for((project.folder / "sweeps/train.seed-2").exists, second)
    project.go_on("shared")
    for running in (first, second):
        out, err = running.communicate(timeout=240)
        assert running.returncode == 0, out + err
    assert sorted(project.ran()) == ["last.txt"] * 3 + ["own.txt"] * 3 + ["shared.txt"]


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_launchers_that_know_no_graph_build_nothing_twice(project: Project, launcher: str) -> None:
    """Each point has a process of its own there; the store lets one of them build what they share."""
    before = {path.name for path in project.folder.iterdir()}
    said = project.sweep(f"launcher={launcher}", "train.seed=1,2,3", "train.epochs=1,2")
    assert "6 points: 6 done; 10 stages: 10 ran" in said
    assert sorted(project.ran()) == ["last.txt"] * 6 + ["own.txt"] * 3 + ["shared.txt"]
    assert {path.name for path in project.folder.iterdir()} - before == {"build", "cache", "sweeps", ".net2bit"}
    assert len(project.points("train.seed-train.epochs")) == 6


def test_a_point_fails_in_a_process_of_its_own(project: Project) -> None:
    """The others are done, the failure is told, the status is 1; notes of an earlier sweep are none of this one's."""
    project.write("sweeps/train.seed/.jobs/9.json", '{"how": {}, "error": "", "overrides": ["train.seed=9"]}')
    os.utime(project.folder / "sweeps/train.seed/.jobs/9.json", (2**32, 2**32))
    project.write("fail/own2", "")
    said = project.sweep("launcher=joblib", "train.seed=1,2,3", status=1)
    assert "3 points: 2 done, 1 failed" in said
    assert "own2 was told to fail" in said


def test_a_launcher_that_fails_keeps_what_is_finished(project: Project) -> None:
    """Joblib gives up when one of its processes is killed: what the others left is shown, and the point that is lost is told why."""
    reached = project.hang("own2")
    running = project.start("launcher=joblib", "hydra.launcher.n_jobs=2", "train.seed=1,2", "sweep.name=x")
    wait_for(reached.exists, running)
    wait_for((project.folder / "sweeps/x/.jobs/0.json").exists, running)
    os.kill(builder(reached), signal.SIGKILL)
    out, err = running.communicate(timeout=120)
    project.go_on("own2")
    assert running.returncode == 1, out + err
    assert project.status("x") == {"seed1": "done", "seed2": "failed"}
    assert "hydra's launcher failed: joblib" in err
    assert "Traceback" not in err
    assert "TerminatedWorkerError" in (project.folder / ".net2bit/logs/launcher.log").read_text()

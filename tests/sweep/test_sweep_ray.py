"""Sweeps with hydra's launcher `ray`, where that is installed (docs/how-to/sweeps.md)."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from processes import wait_for
from sweep_project import Project, builder

MISSING = not (find_spec("ray") and find_spec("hydra_plugins.hydra_ray_launcher"))
WORDS = ("launcher=ray", "+hydra.launcher.ray.init.num_cpus=2", "+hydra.launcher.ray.init.include_dashboard=false")

needs_ray = pytest.mark.skipif(MISSING, reason="hydra-ray-launcher or ray is not installed")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Keep ray's files in a folder of their own, whose name its processes bear: a short one, since it holds sockets."""
    folder = tempfile.mkdtemp(prefix="ray-")
    for name, value in {"RAY_TMPDIR": folder, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}.items():
        monkeypatch.setenv(name, value)
    yield folder
    shutil.rmtree(folder)


def processes(session: str) -> list[str]:
    """Return the command lines of ray's processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text(errors="replace"))
        except OSError:  # it has just ended
            continue
    return [line for line in found if session in line]


@needs_ray
@pytest.mark.slow
def test_workers_of_ray_build_nothing_twice(project: Project, session: str) -> None:
    """As with the other launchers that know no graph: what points share is built once, hydra leaves no folder, ray no process."""
    before = {path.name for path in project.folder.iterdir()}
    said = project.sweep(*WORDS, "train.seed=1,2,3", "train.epochs=1,2")
    assert "6 points: 6 done; 10 stages: 10 ran" in said
    assert sorted(project.ran()) == ["last.txt"] * 6 + ["own.txt"] * 3 + ["shared.txt"]
    assert {path.name for path in project.folder.iterdir()} - before == {"build", "cache", "sweeps", ".net2bit"}
    assert (project.folder / "sweeps/train.seed-train.epochs/index.html").is_file()
    wait_for(lambda: not processes(session))


@needs_ray
@pytest.mark.slow
@pytest.mark.usefixtures("session")
def test_a_point_fails_in_a_worker_of_ray(project: Project) -> None:
    """The others are done, the failure is told, the status is 1."""
    project.write("fail/own2", "")
    said = project.sweep(*WORDS, "train.seed=1,2", "dpu=b512,b4096", status=1)
    assert "4 points: 1 done, 1 failed, 2 refused" in said
    assert "own2 was told to fail" in said
    assert "does not fit" in said


@needs_ray
@pytest.mark.slow
@pytest.mark.usefixtures("session")
def test_a_worker_of_ray_that_is_killed_is_replaced(project: Project) -> None:
    """Ray tries its point again, which goes on from what is finished."""
    reached = project.hang("own2")
    running = project.start(*WORDS, "train.seed=1,2")
    wait_for(reached.exists, running)
    os.kill(builder(reached), signal.SIGKILL)
    project.go_on("own2")
    out, err = running.communicate(timeout=200)
    assert running.returncode == 0, out + err
    assert "2 points: 2 done; 5 stages: 5 ran" in out


@needs_ray
@pytest.mark.slow
def test_ctrl_c_ends_ray(project: Project, session: str) -> None:
    """The status is 130, no traceback is shown, and no process of ray's is left."""
    reached = project.hang("own2")
    running = project.start(*WORDS, "train.seed=1,2")
    wait_for(reached.exists, running)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130, out + err
    assert "stopped; what is finished is kept" in err
    assert "Traceback" not in err
    wait_for(lambda: not processes(session))


@pytest.mark.skipif(not MISSING, reason="ray is installed")
def test_a_launcher_that_is_not_installed_is_told_how(project: Project) -> None:
    """Without ray the error names the page that says how to install it, and nothing is built."""
    said = project.sweep("launcher=ray", "train.seed=1,2", status=2)
    assert "there is no hydra/launcher 'ray'" in said
    assert "docs/how-to/sweeps.md says how" in said
    assert not project.ran()

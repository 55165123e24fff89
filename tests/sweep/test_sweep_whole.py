"""Sweeps as a user runs them: real processes, real stages."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from processes import ROOT
from sweep_project import WORDS, Project

from net2bit.graph import null
from net2bit.sweep.front import memo

GRID = ("train.seed=1,2", "train.epochs=1,2")
NAME = "train.seed-train.epochs"
# Runs a sweep in this process and prints which of the modules that cost time it has imported.
PROBE = """
import sys
from net2bit.sweep.front import main
status = main(sys.argv[1:])
print(sorted({"doit", "hydra", "omegaconf", "pydantic", "rich"} & set(sys.modules)))
sys.exit(status)
"""


def probe(project: Project, *words: str) -> tuple[str, str]:
    """Run a sweep; returns what it said, and the modules it imported of those that cost time."""
    command = [sys.executable, "-c", PROBE, "-m", *WORDS, *words]
    done = subprocess.run(command, cwd=project.folder, env=project.environ, capture_output=True, text=True, timeout=240, check=True)
    *said, modules = done.stdout.splitlines()
    return "\n".join(said), modules


def test_a_stage_that_points_share_runs_once(project: Project) -> None:
    """Two seeds and two lengths make one stage for all, two for two points each, and one for each point."""
    said = project.sweep(*GRID)
    assert sorted(project.ran()) == ["last.txt"] * 4 + ["own.txt"] * 2 + ["shared.txt"]
    assert "4 points: 4 done; 7 stages: 7 ran" in said


def test_a_sweep_leaves_its_folder_and_no_other(project: Project) -> None:
    """Every point has its artifacts, words and configuration under sweeps/<name>/; hydra leaves nothing, dist/ stays untouched."""
    before = {path.name for path in project.folder.iterdir()}
    project.sweep(*GRID)
    assert {path.name for path in project.folder.iterdir()} - before == {"build", "cache", "sweeps", ".net2bit"}
    assert project.points(NAME) == ["seed1-epochs1", "seed1-epochs2", "seed2-epochs1", "seed2-epochs2"]
    point = project.folder / "sweeps" / NAME / "points" / "seed2-epochs1"
    assert (point / "last.txt").read_text() == "shared21"
    assert (point / "overrides.txt").read_text().splitlines() == [*WORDS, "train.seed=2", "train.epochs=1"]
    assert json.loads((point / "config.json").read_text())["train"]["seed"] == 2
    assert not [path for path in (project.folder / "sweeps").rglob("*") if path.name in {".hydra", "multirun.yaml", "0"}]


def test_nothing_to_do_is_said_from_memory(project: Project) -> None:
    """A sweep in which nothing moved answers as before, without hydra, pydantic, doit or rich."""
    first = project.sweep(*GRID)
    said, modules = probe(project, *GRID)
    assert modules == "[]"
    assert said.splitlines()[:5] == first.strip().splitlines()[-7:-2]
    assert said.endswith("4 points: 4 done; 7 stages: 7 up to date")


def test_a_known_sweep_is_built_without_hydra(project: Project) -> None:
    """Where an artifact is gone but the configuration is not touched, the points are known: what is missing is built, and no more."""
    project.sweep(*GRID)
    (lost,) = (project.folder / "sweeps" / NAME / "points" / "seed1-epochs2" / "last.txt").resolve().parents[:1]
    (lost / "last.txt").unlink()
    said, modules = probe(project, *GRID)
    assert modules == "[]"
    assert "7 stages: 1 from cache, 6 up to date" in said


def _touch(path: Path) -> None:
    path.chmod(0o644)
    os.utime(path)


MOVES: Mapping[str, Callable[[Path], None]] = {
    "a file of the configuration": lambda root: _touch(root / "experiments/board/kv260.yaml"),
    "a file more in the configuration": lambda root: (root / "experiments/dpu/mine.yaml").write_text("defaults: [b512, _self_]\n") and None,
    "a declaration": lambda root: _touch(root / "tasks/toolchains/cheap.py"),
    "the code of a stage": lambda root: _touch(root / "cheap_code.py"),
    "an artifact": lambda root: _touch(next(root.glob("build/own.txt/*/own.txt"))),
    "a link of a point": lambda root: (root / "sweeps/train.seed/points/seed1/last.txt").unlink(),
    "the comparison": lambda root: (root / "sweeps/train.seed/index.html").unlink(),
    "the sweep's folder": lambda root: shutil.rmtree(root / "sweeps/train.seed"),
}


def test_whatever_moves_is_looked_at(project: Project) -> None:
    """After a change to anything that decides a sweep, or to what it shows, the memory says nothing."""
    words = memo((*WORDS, "train.seed=1,2"))
    for what, move in MOVES.items():
        project.sweep("train.seed=1,2")
        assert null.recall(project.folder, words, project.environ) is not None, what
        move(project.folder)
        assert null.recall(project.folder, words, project.environ) is None, what
    said = project.sweep("train.seed=1,2")
    assert "2 points: 2 done; 5 stages: 5 up to date" in said
    assert (project.folder / "sweeps/train.seed/index.html").exists()


def test_a_comparison_that_could_not_be_written_is_written_the_next_time(project: Project) -> None:
    """The sweep does not remember that nothing is to be done while its page is missing."""
    page = project.folder / "sweeps/train.seed/index.html"
    page.mkdir(parents=True)
    assert "the sweep's folder could not be written" in project.sweep("train.seed=1,2", "sweep.name=train.seed", status=1)
    assert page.is_dir()
    page.rmdir()
    project.sweep("train.seed=1,2", "sweep.name=train.seed")
    assert page.is_file()


@pytest.mark.slow
def test_an_edit_is_seen(project: Project) -> None:
    """A changed file of the configuration makes the sweep compose again: the points that it changes are built."""
    project.sweep("train.seed=1,2")
    path = project.folder / "experiments/train/default.yaml"
    path.write_text(path.read_text().replace("epochs: 8", "epochs: 5"))
    assert "5 stages: 2 ran, 3 up to date" in project.sweep("train.seed=1,2")


@pytest.mark.slow
def test_a_point_that_was_removed_comes_back(project: Project) -> None:
    """The folder is a view: what is missing there is shown again though nothing is built."""
    project.sweep("train.seed=1,2")
    point = project.folder / "sweeps/train.seed/points/seed1"
    for entry in point.iterdir():
        entry.unlink()
    point.rmdir()
    assert "5 up to date" in project.sweep("train.seed=1,2")
    assert (point / "last.txt").read_text() == "shared18"


def test_a_failing_point_takes_no_other_down(project: Project) -> None:
    """The other points are finished, the failure is told once, the exit status is 1, and the repeated sweep builds what is left."""
    project.write("fail/own2", "")
    said = project.sweep("train.seed=1,2,3", "train.epochs=1,2", status=1)
    assert said.count("failed: ValueError: own2 was told to fail") == 2  # as it happens, and in full at the end
    assert "6 points: 4 done, 2 failed; 10 stages: 7 ran, 1 failed, 2 skipped" in said
    assert project.status(NAME)["seed2-epochs1"] == "failed"
    (project.folder / "fail/own2").unlink()
    assert "10 stages: 3 ran, 7 up to date" in project.sweep("train.seed=1,2,3", "train.epochs=1,2")


@pytest.mark.slow
def test_a_sweep_can_stop_at_the_first_failure(project: Project) -> None:
    """With sweep.keep_going=false nothing is started after a failure."""
    project.write("fail/shared", "")
    said = project.sweep("train.seed=1,2", "sweep.keep_going=false", status=1)
    assert "2 points: 2 failed; 5 stages: 1 failed, 4 skipped" in said


def test_a_refused_point_takes_no_other_down(project: Project) -> None:
    """A DPU that does not fit the board is refused with its reason; the others are built."""
    said = project.sweep("dpu=b512,b4096", status=1)
    assert "does not fit" in said
    assert "2 points: 1 done, 1 refused; 3 stages: 3 ran" in said
    assert "b4096  refused" in said


def test_a_sweep_of_refused_points_leaves_no_folder(project: Project) -> None:
    """Neither when it is composed nor when it is known; and what a sweep of that name left before is not shown as its comparison."""
    refused = ("sweep.name=x", "dpu=b3136,b4096")
    for _ in range(2):
        assert "2 points: 2 refused; 0 stages: none" in project.sweep(*refused, status=1)
        assert not (project.folder / "sweeps/x").exists()
    assert "comparison: sweeps/x/index.html" in project.sweep("sweep.name=x", "dpu=b512")
    assert "comparison: " not in project.sweep(*refused, status=1)


def test_nothing_is_built_where_refusals_end_the_sweep(project: Project) -> None:
    """With sweep.keep_going=false every refusal is listed before anything is built."""
    said = project.sweep("dpu=b512,b4096,bogus", "sweep.keep_going=false", status=2)
    assert "b4096: " in said
    assert "bogus: " in said
    assert not project.ran()


def test_points_with_one_configuration_are_one(project: Project) -> None:
    """Words that mean the same make one point."""
    said = project.sweep("train.epochs=8", "train.learning_rate=0.05,0.050,5e-2")
    assert "1 point: 1 done; 3 stages" in said


def test_no_words_make_one_point(project: Project) -> None:
    """Without values to combine, the one experiment is built in the same way."""
    assert "1 point: 1 done; 3 stages: 3 ran" in project.sweep()
    assert project.points("default") == ["default"]


@pytest.mark.slow
def test_batches_share_what_they_build(project: Project) -> None:
    """With batches of one point, later ones find the stages of earlier ones."""
    said = project.sweep("train.seed=1,2,3", "hydra.sweeper.max_batch_size=1")
    assert "3 points: 3 done; 7 stages: 7 ran" in said


@pytest.mark.slow
def test_metrics_reach_hydra(project: Project) -> None:
    """A metric that no point has is told for each, with those that there are."""
    said = project.sweep("train.seed=1,2", "sweep.returns=own.nothing", "hydra/sweeper=basic", status=2)
    assert "has no metric 'own.nothing'" in said
    assert "own.seed" in said


def test_what_a_sweep_cannot_return_is_told(project: Project) -> None:
    """A metric that the flow does not make refuses the points before they are built; a stage's figure that it does not report, behind."""
    said = project.sweep("train.seed=1,2", "sweep.returns=fps", status=1)
    assert "seed1, seed2 refused" in said
    assert "does not tell fps" in said
    assert not project.ran()
    for _ in range(2):  # composed, then known
        said = project.sweep("train.seed=1,2", "sweep.returns=[own.seed,own.nothing]", status=1)
        assert "seed1 has no metric 'own.nothing'; it has: own.seed" in said
        assert "2 points: 2 done" in said
    assert "2 points: 2 done" in project.sweep("train.seed=1,2", "sweep.returns=own.seed")


def test_a_folder_that_cannot_be_written(project: Project) -> None:
    """What stands in the way of the results is an error that names what was built; the same words show all once it is gone."""
    words = ("train.seed=1", "train.epochs=1,2", "sweep.name=mine")
    obstacle = project.write("sweeps/mine/points", "in the way")
    said = project.sweep(*words, status=1)
    assert "2 points: 2 done" in said
    assert "the sweep's folder could not be written\n  where: sweeps/mine\n" in said
    assert re.search(r"epochs1: build/last\.txt/\S+/last\.txt\n", said)
    obstacle.unlink()
    assert "comparison: sweeps/mine/index.html" in project.sweep(*words)


CALLBACK = '''"""A callback of a user's."""

from pathlib import Path

from hydra.experimental.callback import Callback


class Notes(Callback):
    """Writes down what hydra tells."""

    def _note(self, text):
        with Path("notes.txt").open("a") as file:
            file.write(text + "\\n")

    def on_multirun_start(self, config, **kwargs):
        self._note("begin")

    def on_job_start(self, config, **kwargs):
        self._note(f"start {config.hydra.job.num} {config.train.seed}")

    def on_job_end(self, config, job_return, **kwargs):
        self._note(f"end {config.hydra.job.num} {job_return.status.name} {job_return.return_value['own.seed']}")

    def on_multirun_end(self, config, **kwargs):
        self._note("end")
'''


@pytest.mark.slow
def test_callbacks_of_hydra_are_called(project: Project) -> None:
    """A user's callback sees every point, as hydra composes it, and what came of it."""
    project.write("my_callbacks.py", CALLBACK)
    project.write("experiments/experiment/noted.yaml", "# @package _global_\nhydra: {callbacks: {notes: {_target_: my_callbacks.Notes}}}\n")
    project.sweep("experiment=noted", "train.seed=4,5")
    told = (project.folder / "notes.txt").read_text().splitlines()
    assert told == ["begin", "start 0 4", "start 1 5", "end 0 COMPLETED 4.0", "end 1 COMPLETED 5.0", "end"]


@pytest.mark.slow
def test_sweepers_of_hydra_end_in_a_table(project: Project) -> None:
    """Hydra's basic sweeper stops at a failure; what the points came to is shown all the same."""
    project.write("fail/own2", "")
    said = project.sweep("sweeper=basic", "train.seed=1,2", status=1)
    assert "2 points: 1 done, 1 failed" in said


def test_any_python_starts_it(tmp_path: Path) -> None:
    """A Python without the project's packages hands over to ./doitw, which sets up the environment; the words stay as they are."""
    shutil.copy(ROOT / "sweep.py", tmp_path)
    (tmp_path / "doitw").write_text('printf "%s\\n" "$@"\n')
    command = [sys._base_executable, "-S", str(tmp_path / "sweep.py"), "-m", "dpu=b512,b800", "name=a b"]  # type: ignore[attr-defined]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["sweep", "-m", "dpu=b512,b800", "name=a b"]

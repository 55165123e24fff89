"""Whole sweeps on a real Slurm, typed as a user does: with a job for each stage, and with hydra's own launcher."""

from pathlib import Path

import pytest
from slurm_cluster import Cluster
from slurm_project import Project

pytestmark = pytest.mark.slow

ONCE = ["own 1", "own 2", "own 3", "shared"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the project with small stages."""
    return Project(tmp_path / "project")


def test_a_sweep_of_three_points(cluster: Cluster, project: Project, tmp_path: Path) -> None:
    """Every stage is one job and runs once; products are those of the local executor; the second time nothing is submitted."""
    said = project.sweep("executor=slurm", "executor.poll=0.2")
    assert "handed 4 stages to Slurm" in said
    assert "3 points: 3 done" in said
    assert project.notes() == ONCE
    before = cluster.jobs("all")
    assert "4 up to date" in project.sweep("executor=slurm", "executor.poll=0.2")
    assert cluster.jobs("all") == before
    other = Project(tmp_path / "other")
    other.sweep()
    assert project.products() == other.products() != {}


def test_a_sweep_on_another_host(cluster: Cluster, project: Project) -> None:
    """What nodes with other names and records of their own have built is up to date here, too, at once and for the next run."""
    words = ("executor=slurm", "executor.poll=0.2", 'executor.setup=["export NET2BIT_HOST=node7"]')
    assert "3 points: 3 done" in project.sweep(*words)
    assert project.notes() == ONCE
    before = cluster.jobs("all")
    assert "4 up to date" in project.sweep(*words)
    assert cluster.jobs("all") == before


def test_a_cluster_of_ones_own(cluster: Cluster, project: Project) -> None:
    """A file of the group that builds on `slurm` sets what a site needs: its lines run in every job, its wishes reach sbatch."""
    own = "defaults: [slurm]\nname: ours\npoll: 0.2\nsetup: ['export SAID=yes']\nstages:\n  own: {time: 90min}\n"
    (project.folder / "experiments/executor/ours.yaml").write_text(own)
    assert "3 points: 3 done" in project.sweep("executor=ours", "cache.dir=shelf", "cache.enabled=true")
    assert len(list(project.folder.glob("shelf/ac/*/*"))) == 4  # paths are relative to the project on the nodes, too
    names = cluster.ask("squeue", "--noheader", "--states=all", "--format=%j").split()
    own = next(name for name in names if name.startswith("own.txt:own-"))  # told apart by its folder
    assert "TimeLimit=01:30:00" in cluster.ask("scontrol", "show", "job", cluster.job(own))


def test_a_job_for_each_point(cluster: Cluster, project: Project) -> None:
    """With hydra's launcher `submitit_slurm` a job builds one point, and what the points share is built once in all."""
    said = project.sweep("hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=5", NET2BIT_SHARED="1")
    assert "3 points: 3 done" in said
    assert project.notes() == ONCE
    assert len(cluster.ask("squeue", "--noheader", "--states=all", "--array", "--format=%A").split()) >= 3

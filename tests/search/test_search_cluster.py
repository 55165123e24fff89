"""Searches on a real Slurm of one node: the trials are those of this machine, and no stage runs twice."""

import sys
from pathlib import Path

import pytest
from search_project import CLOCKS, GOALS, WIDTHS, Project

from net2bit.slurm import trial

WORDS = (WIDTHS, CLOCKS, GOALS, "search.trials=4", "search.batch=2", 'search.limits=["resources.dsp <= 250"]')
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(trial.missing()), reason=f"no Slurm: {trial.missing()} is not installed (apt install slurm-wlm munge)"),
]


@pytest.mark.parametrize(
    "cluster",
    [
        pytest.param(("executor=slurm", "executor.poll=0.2"), id="a job for each stage"),
        pytest.param(("launcher=submitit_slurm", "hydra.launcher.timeout_min=5"), id="a job for each point"),
    ],
)
def test_a_search_on_a_cluster(tmp_path: Path, cluster: tuple[str, ...]) -> None:
    """The cluster's search ends in the trials of this machine's, pruned ones included; started again it builds and asks nothing."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    here, there = Project(tmp_path / "a"), Project(tmp_path / "b")
    assert here.run(*WORDS).returncode == 0
    for _ in range(2):
        command = [sys.executable, *there.command(*WORDS, *cluster)]
        done = there.python("-m", "net2bit.slurm.trial", "--cores=2", *command, NET2BIT_SHARED="1")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "looked at again" not in done.stdout
        assert there.told() == here.told()
        assert there.runs == here.runs
    assert {row["status"] for row in there.told()["trials"]} == {"done", "pruned"}

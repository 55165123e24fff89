"""Searches on a real Slurm of one node: the trials are those of this machine, and no stage runs twice."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from search_project import CLOCKS, WIDTHS, Project

from net2bit.slurm import trial

GOALS = "search.goals=[accuracy.int8.dice:max,fps:max,resources.dsp:min]"
WORDS = (WIDTHS, CLOCKS, GOALS, "search.trials=4", "search.batch=2", 'search.limits=["resources.dsp <= 250"]')
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(trial.missing()), reason=f"no Slurm: {trial.missing()} is not installed (apt install slurm-wlm munge)"),
]


def told(project: Project) -> dict[str, Any]:
    """Return what the last search wrote."""
    found: dict[str, Any] = json.loads((project.folder / "sweeps/s/search.json").read_text())
    return found


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
        assert told(there) == told(here)
        assert there.runs == here.runs
    assert {row["status"] for row in told(there)["trials"]} == {"done", "pruned"}

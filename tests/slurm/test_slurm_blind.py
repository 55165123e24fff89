"""A node that does not see the project, made with a mount of its own over the project's folder."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_cluster import Cluster
from slurm_graph import Graph

from net2bit.slurm import trial

pytestmark = pytest.mark.slow

HIDE = 'mount -t tmpfs none "$0" && exec "$@"'


@pytest.fixture
def blind(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster whose node has an empty folder in the project's place."""
    within = ["unshare", "--mount", "sh", "-c", HIDE, str(graph.root)]
    if trial.missing() or subprocess.run([*within, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no Slurm, or no right to mount")
    folder = Path(tempfile.mkdtemp(prefix="n2b-slurm-"))
    found = Cluster(folder, within)
    monkeypatch.setenv("SLURM_CONF", found.conf)
    yield found
    found.close()
    shutil.rmtree(folder)


def test_a_node_that_does_not_see_the_project(blind: Cluster, graph: Graph) -> None:
    """A job that finds no project names the node, and says what nodes need and how to leave this one out."""
    account = graph.add("base").add("last", ["base"]).run()
    assert account.how == {"base": "failed", "last": "skipped"}
    assert "base could not start: the node does not see the project" in account.error("base")
    assert "executor.options=[--exclude=trial]" in account.error("base")
    assert blind.jobs() == []

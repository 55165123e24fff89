"""Fixtures: a real Slurm of one node, and a project to build on it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_cluster import Cluster
from slurm_graph import Graph

from net2bit.slurm import trial


@pytest.fixture(scope="module")
def _cluster() -> Iterator[Cluster]:
    """A cluster for the tests of one file."""
    if trial.missing():
        pytest.skip(f"no Slurm: {trial.missing()} is not installed (apt install slurm-wlm munge)")
    folder = Path(tempfile.mkdtemp(prefix="n2b-slurm-"))  # short: a socket lies in it
    found = Cluster(folder)
    yield found
    found.close()
    shutil.rmtree(folder)


@pytest.fixture
def cluster(_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The file's cluster, found by Slurm's programs, with an empty queue."""
    monkeypatch.setenv("SLURM_CONF", _cluster.conf)
    yield _cluster
    _cluster.ask("scancel", *_cluster.jobs())


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    """A project without a cache and without stages."""
    return Graph(tmp_path / "project").make()

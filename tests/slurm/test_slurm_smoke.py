"""Graphs on a real Slurm: each stage is one job, in the right order, with the bytes that this machine would make."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slurm_cluster import Cluster
from slurm_graph import Account, Graph, settings

from net2bit.graph.execute import Executor
from net2bit.graph.merge import Node
from net2bit.graph.pools import Limits
from net2bit.graph.schedule import Local
from net2bit.slurm.executor import Slurm


def test_a_graph_runs_once_and_then_not_at_all(cluster: Cluster, graph: Graph) -> None:
    """Every stage runs exactly once, after what it needs; the second time nothing is submitted, and no folder is left behind."""
    account = graph.diamond().run()
    assert account.how == dict.fromkeys(["base", "left", "right", "last"], "ran")
    assert graph.ran() == ["base", "last", "left", "right"]
    assert (graph.notes()[:2], graph.notes()[-2:]) == (["begin base", "end base"], ["begin last", "end last"])
    before = sorted(map(int, cluster.jobs("all")))
    assert graph.notices == [f"handed 4 stages to Slurm: jobs {before[0]}-{before[-1]}"]
    assert graph.folders() == []
    assert set(graph.run().how.values()) == {"fresh"}
    assert sorted(map(int, cluster.jobs("all"))) == before


def test_the_bytes_are_those_of_the_local_executor(cluster: Cluster, graph: Graph, tmp_path: Path) -> None:
    """Products and their records are those that the local executor makes of the same graph."""
    graph.diamond().run()
    other = Graph(tmp_path / "other").make().diamond()
    with other.store() as store:
        Local(store, 2, Limits(2, 10**9, {})).run(other.merged, Account(), keep_going=True)
    for name in graph.nodes:
        assert graph.product(name) == other.product(name)
    with graph.store() as store:
        manifest = store.manifest(graph.nodes["last"].stage)
    assert manifest is not None
    assert manifest["took"]["metrics"] == {"letters": 21.0}
    assert cluster.jobs() == []


class Releasing(Account):
    """Lets the first stage go on once it was seen running while the other one waits for it."""

    def __init__(self, graph: Graph) -> None:
        """Watch *graph*."""
        super().__init__()
        self._graph = graph

    def heard(self, node: Node, event: Mapping[str, Any]) -> None:
        """Keep the event."""
        super().heard(node, event)
        if self.states("base")[-1:] == ["on trial"] and self.states("last"):
            self._graph.release()


def test_what_is_told_of_a_job(cluster: Cluster, graph: Graph) -> None:
    """The watcher hears that a stage waits and for what, that it begins when its job does, its events, and what the store says of it."""
    account = graph.add("base", until="go").add("last", ["base"]).run(Releasing(graph))
    assert account.begun == ["base", "last"]
    assert "queued (Dependency)" in account.states("last")
    heard = {event["event"] for name, event in account.events if name == "base"}
    assert {"start", "progress", "metric"} <= heard
    built = dict(account.ends)["base"].built
    assert built
    assert (built.how, dict(built.metrics)) == ("ran", {"letters": 0.0})
    assert Path(built.log).is_file()
    assert cluster.jobs() == []


def test_an_empty_graph_asks_slurm_nothing(cluster: Cluster, graph: Graph) -> None:
    """It is what a sweep takes for an executor, and with nothing to do it needs no controller."""
    before = cluster.jobs("all")
    with graph.store() as store:
        executor: Executor = Slurm(store, settings())
        assert executor.run(graph.merged, Account(), keep_going=True) == {}
    assert cluster.jobs("all") == before

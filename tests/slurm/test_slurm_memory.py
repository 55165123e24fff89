"""The memory that jobs ask for: enough for what the stage took before, no more than that, and what happens where no node has it."""

from dataclasses import replace
from pathlib import Path

import pytest
from slurm_cluster import Cluster
from slurm_graph import Graph, settings

from net2bit.graph.history import Peak
from net2bit.graph.stage import Stage
from net2bit.slurm import ending, memory, script
from net2bit.slurm.client import End, Job
from net2bit.slurm.settings import Settings

GB = 10**9
BESIDE = 2 * 10**8


class Peaks:
    """A history in which everything took *found*."""

    def __init__(self, found: Peak | None = None) -> None:
        """Keep it."""
        self._found = found

    def peak(self, stage: Stage) -> Peak | None:
        """Return it; what the user has said is not asked about."""
        assert "memory" not in stage.said
        return self._found


def _stage(graph: Graph, declared: int | None = None, said: int | None = None) -> Stage:
    """Return the stage `base`, added to *graph*; what is *said* is the user's word."""
    given = said if said is not None else declared
    node = graph.add("base", resources={} if given is None else {"memory": given}).nodes["base"]
    stage = replace(node.stage, said=() if said is None else ("memory",))
    graph.nodes["base"] = replace(node, stage=stage)
    return stage


@pytest.mark.parametrize(
    ("declared", "said", "peak", "least", "asked"),
    [
        (None, None, None, None, None),
        (GB, None, None, None, GB + BESIDE),
        (GB, None, Peak(2 * GB, same=True), None, 2_500_000_000 + BESIDE),
        (GB, None, Peak(GB // 5, same=True), None, GB // 4 + BESIDE),
        (GB, None, Peak(GB // 5, same=False), None, GB + BESIDE),
        (GB, None, None, "8GB", 8 * GB),
        (None, 3 * GB, Peak(2 * GB, same=True), "8GB", 3 * GB),
    ],
)
def test_what_a_job_asks_for(
    graph: Graph, declared: int | None, said: int | None, peak: Peak | None, least: str | None, asked: int | None
) -> None:
    """An estimate has room for the job's own Python and is at least `executor.memory`; the user's word is taken as it stands."""
    stage = memory.asking(_stage(graph, declared, said), Settings.of(settings(memory=least)), Peaks(peak))
    assert stage.resources.get("memory") == asked
    assert memory.estimated(stage) == (asked is not None and said is None)


def test_a_word_of_the_users_own_for_memory(graph: Graph) -> None:
    """Where further options speak of memory, nothing else does: sbatch refuses --mem beside --mem-per-cpu."""
    given = Settings.of(settings(options=["--mem-per-cpu=2G"]))
    words = script.words("base", _stage(graph, GB), Path("/p"), given)
    assert [word for word in words if word.startswith("--mem")] == ["--mem-per-cpu=2G"]


@pytest.mark.parametrize(
    ("asked", "had", "more"),
    [("1145M", " (1145M)", "3GB"), ("4G", " (4G)", "9GB"), ("1.5T", " (1.5T)", "3299GB"), ("0", "", "16GB"), ("", "", "16GB")],
)
def test_a_job_without_enough_memory_is_told_a_figure(graph: Graph, asked: str, had: str, more: str) -> None:
    """Whoever reads that the memory did not suffice reads how much it was, and what to try."""
    job = Job("17", "OUT_OF_MEMORY", "None", "node3", "/x", asked)
    error = ending.of(_stage(graph), "17", job, End(0, 0), "")
    assert error.what == f"base failed: its job needed more memory than it had asked for{had}"
    assert f"++resources.stages.base.memory={more}," in error.remedy


def _asked(cluster: Cluster, name: str) -> str:
    """Return what the last job of a stage asked for, as Slurm writes it."""
    return cluster.ask("squeue", "--noheader", "--states=all", "--sort=i", f"--name={name}", "--format=%m").split()[-1]


def test_jobs_ask_for_what_was_measured(cluster: Cluster, graph: Graph) -> None:
    """The first job asks for what is declared, the second for what the first one took: less, and never the whole node."""
    graph.add("base", resources={"memory": GB}).run()
    assert _asked(cluster, "base") == "1145M"
    with graph.store() as store:
        (took,) = store.history.runs(graph.nodes["base"].stage)
    again = graph.add("base", word="again", resources={"memory": GB}).run()
    assert again.how == {"base": "ran"}
    measured = int(_asked(cluster, "base").removesuffix("M")) * 2**20
    assert took.peak * 1.25 + BESIDE < measured < GB


def test_an_estimate_that_no_node_has(cluster: Cluster, graph: Graph) -> None:
    """A stage that is estimated to take more than any node has runs all the same, with all memory of its node, and a line says so."""
    account = graph.add("base", resources={"memory": 10**15}).run()
    assert account.how == {"base": "ran"}
    assert _asked(cluster, "base") == "0"
    assert any("base: no node has the 1000 TB of memory that it should have" in line for line in graph.notices)


def test_what_the_user_says_and_no_node_has(cluster: Cluster, graph: Graph) -> None:
    """A stage that needs, as the user says, more than any node has is refused in Slurm's words."""
    _stage(graph, said=10**15)
    account = graph.run()
    assert account.how == {"base": "failed"}
    assert "Slurm takes no job for base" in account.error("base")
    assert "resources.stages" in account.error("base")
    assert cluster.jobs() == []


def test_memory_for_each_core(cluster: Cluster, graph: Graph) -> None:
    """A site that gives memory by cores goes on to do so."""
    account = graph.add("base", resources={"memory": GB}).run(options=["--mem-per-cpu=100M"])
    assert account.how == {"base": "ran"}
    assert _asked(cluster, "base") == "100M"

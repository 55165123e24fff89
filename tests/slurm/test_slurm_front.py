"""Front ends that are killed, told to stop, or two at once, on a real Slurm: no stage runs twice, nothing finished is lost."""

import json
import signal
import subprocess

import pytest
from processes import alive, wait_for
from slurm_cluster import Cluster
from slurm_graph import Graph, ends

pytestmark = pytest.mark.slow


def _until(front: subprocess.Popen[str], event: str, node: str) -> None:
    """Read what a front end prints until it says *event* of *node*."""
    assert front.stdout
    for line in front.stdout:
        said = json.loads(line)
        if (said["event"], said["node"]) == (event, node):
            return
    raise AssertionError(front.communicate())


def _kill(front: subprocess.Popen[str]) -> None:
    front.kill()
    front.communicate()


def test_the_cluster_goes_on_without_a_front_end(cluster: Cluster, graph: Graph) -> None:
    """After a SIGKILL of the front end the jobs are built to the end, in their order; the next run finds everything up to date."""
    front = graph.diamond(until="go").front()
    _until(front, "started", "base")
    _kill(front)
    graph.release()
    wait_for(lambda: cluster.jobs() == [])
    assert graph.ran() == ["base", "last", "left", "right"]
    assert set(graph.run().how.values()) == {"fresh"}
    assert graph.folders() != []  # nothing was submitted, so nobody tidied up
    graph.add("more").run()
    assert graph.folders() == []


def test_the_next_run_takes_over_the_jobs(cluster: Cluster, graph: Graph) -> None:
    """After a SIGKILL of the front end the next one adopts the jobs in the queue, the running one too, and submits nothing again."""
    front = graph.diamond(until="go").front()
    _until(front, "started", "base")
    _kill(front)
    before = sorted(cluster.jobs("all"))
    second = graph.front()
    _until(second, "started", "base")
    graph.release()
    how, said = ends(second)
    assert how == dict.fromkeys(["base", "left", "right", "last"], "ran")
    assert graph.ran() == ["base", "last", "left", "right"]
    assert "took over what is in Slurm's queue already: jobs" in said
    assert sorted(cluster.jobs("all")) == before


def test_a_job_that_failed_meanwhile_is_built_again(cluster: Cluster, graph: Graph) -> None:
    """What failed while no front end lived is no result: the next run builds it anew."""
    graph.release("broken")
    front = graph.add("base", until="go", fails="broken").add("last", ["base"]).front()
    _until(front, "started", "base")
    _kill(front)
    graph.release()
    wait_for(lambda: cluster.jobs() == [])
    (graph.root / "broken").unlink()
    assert graph.run().how == {"base": "ran", "last": "ran"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_told_to_stop(cluster: Cluster, graph: Graph, number: signal.Signals, code: int) -> None:
    """Ctrl-C and SIGTERM cancel the jobs and say so; the stage's processes end, and the next run builds what is missing."""
    front = graph.add("first").add("base", ["first"], until="go").add("last", ["base"]).front()
    _until(front, "started", "base")
    worker = graph.running("base")
    front.send_signal(number)
    _, said = ends(front)
    assert front.returncode == code, said
    assert "cancelled jobs" in said
    assert "what is finished is kept" in said
    wait_for(lambda: cluster.jobs() == [] and not alive(worker))
    graph.release()
    assert graph.run().how == {"first": "fresh", "base": "ran", "last": "ran"}


def test_two_front_ends_at_once(cluster: Cluster, graph: Graph) -> None:
    """The second front end adopts the jobs of the first: each stage has one job, runs once, and both hear how it ended."""
    before = set(cluster.jobs("all"))
    first = graph.diamond(until="go").front()
    _until(first, "started", "base")
    second = graph.front()
    _until(second, "started", "base")
    graph.release()
    ended = [ends(front)[0] for front in (first, second)]
    assert ended == [dict.fromkeys(["base", "left", "right", "last"], "ran")] * 2
    assert graph.ran() == ["base", "last", "left", "right"]
    assert len(set(cluster.jobs("all")) - before) == 4


def test_two_front_ends_start_at_once(cluster: Cluster, graph: Graph) -> None:
    """Two front ends that start in the same moment submit each stage once between them."""
    before = set(cluster.jobs("all"))
    graph.diamond()
    ended = [ends(front)[0] for front in [graph.front(), graph.front()]]
    assert all(set(how.values()) <= {"ran", "fresh", "waited"} for how in ended)
    assert graph.ran() == ["base", "last", "left", "right"]
    assert len(set(cluster.jobs("all")) - before) == 4


def test_the_first_of_two_is_told_to_stop(cluster: Cluster, graph: Graph) -> None:
    """When the front end whose jobs a second one has adopted is told to stop, the second submits them again and gets its results."""
    first = graph.diamond(until="go").front()
    _until(first, "started", "base")
    second = graph.front()
    _until(second, "started", "base")
    first.send_signal(signal.SIGINT)
    ends(first)
    graph.release()
    how, _ = ends(second)
    assert how == dict.fromkeys(["base", "left", "right", "last"], "ran")
    assert graph.ran() == ["base", "last", "left", "right"]
    assert cluster.jobs() == []


def test_the_second_of_two_is_told_to_stop(cluster: Cluster, graph: Graph) -> None:
    """A front end that is told to stop leaves the jobs alone that it has adopted from one that lives."""
    first = graph.diamond(until="go").front()
    _until(first, "started", "base")
    second = graph.front()
    _until(second, "started", "base")
    second.send_signal(signal.SIGINT)
    ends(second)
    graph.release()
    assert ends(first)[0] == dict.fromkeys(["base", "left", "right", "last"], "ran")
    assert graph.ran() == ["base", "last", "left", "right"]
    assert cluster.jobs() == []

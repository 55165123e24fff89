"""Jobs that come to a bad end, on a real Slurm: each is told with its cause, nothing hangs, nothing else is lost."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from processes import alive, wait_for
from slurm_cluster import Cluster
from slurm_graph import Account, Graph

from net2bit.graph.execute import Done
from net2bit.graph.merge import Node
from net2bit.slurm.trial import NODE

pytestmark = pytest.mark.slow


class Doing(Account):
    """Does something once, when a stage's worker runs."""

    def __init__(self, stage: str, what: Any) -> None:
        """Call *what* at the first event of *stage* that only a running worker sends."""
        super().__init__()
        self._stage, self._what = stage, what

    def heard(self, node: Node, event: Mapping[str, Any]) -> None:
        """Keep the event."""
        super().heard(node, event)
        if self._what and node.name == self._stage and event["event"] == "progress":
            what, self._what = self._what, None
            what()


class Cancelling(Doing):
    """Cancels the job of `last` when `base` runs, and lets `base` end when `last` has."""

    def __init__(self, cluster: Cluster, graph: Graph) -> None:
        """Act on the jobs of *graph*."""
        super().__init__("base", lambda: cluster.ask("scancel", "--name=last"))
        self._graph = graph

    def ended(self, node: Node, done: Done) -> None:
        """Keep how it ended."""
        super().ended(node, done)
        if node.name == "last":
            self._graph.release()


def _parent(pid: int, generations: int) -> int:
    for _ in range(generations):
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid


def _builder(graph: Graph, name: str) -> int:
    """Return the process of the job itself: the parent of the worker's supervisor."""
    return _parent(graph.running(name), 2)


def test_a_failing_stage_takes_down_what_needs_it_alone(cluster: Cluster, graph: Graph) -> None:
    """With keep_going the other branch is built; the failure has the stage's own words, and what needs it is skipped with that error."""
    graph.release("broken")
    account = graph.add("base").add("left", ["base"], fails="broken").add("right", ["base"]).add("last", ["left", "right"]).run()
    assert account.how == {"base": "ran", "left": "failed", "right": "ran", "last": "skipped"}
    assert "left failed: RuntimeError: it was told to fail" in account.error("left")
    assert account.error("last") == account.error("left")
    assert cluster.jobs() == []
    (graph.root / "broken").unlink()
    again = graph.run()
    assert again.how == {"base": "fresh", "left": "ran", "right": "fresh", "last": "ran"}


def test_one_failure_ends_it_all(cluster: Cluster, graph: Graph) -> None:
    """Without keep_going what runs is finished, what waits is cancelled, and nothing is left in the queue."""
    graph.release("broken")
    graph.add("bad", until="go", fails="broken").add("other", until="seen").add("after", ["other"])
    account = graph.run(Doing("other", lambda: (graph.running("bad"), graph.release(), _when_cancelled(cluster, graph))), keep_going=False)
    assert account.how == {"bad": "failed", "other": "ran", "after": "skipped"}
    assert account.error("after") == account.error("bad")
    assert graph.ran() == ["other"]


def _when_cancelled(cluster: Cluster, graph: Graph) -> None:
    """Let the running stage end once the waiting one is cancelled."""

    def release() -> None:
        wait_for(lambda: cluster.ask("squeue", "--noheader", "--states=CANCELLED", "--name=after") != "")
        graph.release("seen")

    Thread(target=release, daemon=True).start()


def test_a_job_killed_with_sigkill(cluster: Cluster, graph: Graph) -> None:
    """A job that dies without a word has failed after a short grace, with its likely reason, and can be built again."""
    graph.add("base", until="go").add("last", ["base"])
    account = graph.run(Doing("base", lambda: os.kill(_builder(graph, "base"), signal.SIGKILL)))
    assert account.how == {"base": "failed", "last": "skipped"}
    assert "base failed: its job was killed (SIGKILL; when nobody did, the node ran out of memory)" in account.error("base")
    assert "on trial" in account.error("base")
    assert "++resources.stages.base.memory=" in account.error("base")
    graph.release()
    assert graph.run().how == {"base": "ran", "last": "ran"}
    assert cluster.jobs() == []


def test_a_worker_killed_with_sigkill(cluster: Cluster, graph: Graph) -> None:
    """When the stage itself is killed, the job tells it: no waiting for a grace."""
    account = graph.add("base", until="go").run(Doing("base", lambda: os.kill(graph.running("base"), signal.SIGKILL)), grace=600.0)
    assert account.how == {"base": "failed"}
    assert "killed (SIGKILL" in account.error("base")
    assert cluster.jobs() == []


def test_a_cancelled_job(cluster: Cluster, graph: Graph) -> None:
    """`scancel` ends the stage's processes; the stage has failed and says so, the other branch goes on."""
    graph.add("base", until="go").add("last", ["base"]).add("other")
    account = graph.run(Doing("base", lambda: cluster.ask("scancel", "--name=base")))
    assert account.how == {"base": "failed", "last": "skipped", "other": "ran"}
    assert "base failed: its job was cancelled (scancel)" in account.error("base")
    worker = graph.running("base")
    wait_for(lambda: not alive(worker))
    assert not (graph.root / "build/base/base").exists()
    assert list((graph.root / "build/.work").glob("*")) == []


def test_a_cancelled_job_that_waited(cluster: Cluster, graph: Graph) -> None:
    """`scancel` of a job whose need still runs ends its stage, and is no reason to submit it again."""
    account = Cancelling(cluster, graph)
    graph.add("base", until="go").add("last", ["base"]).run(account)
    assert account.how == {"base": "ran", "last": "failed"}
    assert "last failed: its job was cancelled (scancel)" in account.error("last")


def test_a_requeued_job(cluster: Cluster, graph: Graph) -> None:
    """A job that Slurm puts back into the queue is waited for: what it said when it was stopped counts no more."""

    def requeue() -> None:
        job, stepd = cluster.job("base"), _parent(graph.running("base"), 3)
        cluster.ask("scontrol", "requeue", job)
        wait_for(lambda: not alive(stepd) and job in cluster.jobs("PENDING"))
        graph.release()
        cluster.ask("scontrol", "update", f"JobId={job}", "StartTime=now+2")

    account = graph.add("base", until="go").add("last", ["base"]).run(Doing("base", requeue))
    assert account.how == {"base": "ran", "last": "ran"}, account.error("base")
    assert graph.notes().count("begin base") == 2
    assert cluster.jobs() == []


def test_a_node_that_fails(cluster: Cluster, graph: Graph) -> None:
    """Where Slurm does not put a job back into its queue, the stage is submitted again, with those that wait for it."""

    def fail() -> None:
        cluster.ask("scontrol", "update", f"NodeName={NODE}", "State=DOWN", "Reason=test")
        wait_for(lambda: any("is lost (NODE_FAIL); submitted again" in text for text in graph.notices))
        graph.release()
        cluster.ask("scontrol", "update", f"NodeName={NODE}", "State=RESUME")

    watching = Doing("base", lambda: Thread(target=fail, daemon=True).start())
    account = graph.add("base", until="go").add("last", ["base"]).run(watching, options=["--no-requeue"])
    assert account.how["base"] in {"ran", "waited", "fresh"}  # a node that is only said to be down may finish the stage all the same
    assert account.how["last"] == "ran"
    assert graph.ran() == ["base", "last"]
    assert cluster.jobs() == []


def test_a_held_job(cluster: Cluster, graph: Graph) -> None:
    """A job that somebody holds is waited for, and people are told once how to let it go."""

    def hold() -> None:
        job = cluster.job("last")
        cluster.ask("scontrol", "hold", job)
        graph.release()
        wait_for(lambda: any(f"`scontrol release {job}`" in text for text in graph.notices))
        cluster.ask("scontrol", "release", job)

    watching = Doing("base", lambda: Thread(target=hold, daemon=True).start())
    account = graph.add("base", until="go").add("last", ["base"]).run(watching)
    assert account.how == {"base": "ran", "last": "ran"}
    assert sum("is held" in text for text in graph.notices) == 1
    assert cluster.jobs() == []


def test_a_refused_job(cluster: Cluster, graph: Graph) -> None:
    """What sbatch refuses is an error in Slurm's own words, and nothing is submitted for what needs it."""
    account = graph.add("base").add("last", ["base"]).run(partition="nowhere")
    assert account.how == {"base": "failed", "last": "skipped"}
    assert "Slurm takes no job for base: Batch job submission failed: Invalid partition name specified" in account.error("base")
    assert "executor" in account.error("base")
    assert cluster.jobs() == []


def test_a_job_that_could_never_start(cluster: Cluster, graph: Graph) -> None:
    """A job that Slurm holds back for good (too many cores, too long) is no reason to wait for ever."""
    account = graph.add("base", resources={"cores": 1000}).add("last", ["base"]).run()
    assert account.how == {"base": "failed", "last": "skipped"}
    assert "base would wait for ever" in account.error("base")
    account = graph.add("base").run(time="30d")
    assert "PartitionTimeLimit" in account.error("base")
    wait_for(lambda: cluster.jobs() == [])


def test_a_broken_python(cluster: Cluster, graph: Graph) -> None:
    """A job that cannot even start net2bit shows what its shell said."""
    account = graph.add("base").run(python="/nowhere/python")
    assert "its job ended with status 127 before it could say more" in account.error("base")
    assert "/nowhere/python: not found" in account.error("base")
    assert "executor.python" in account.error("base")
    assert cluster.jobs() == []


def test_a_licence_pool(cluster: Cluster, graph: Graph) -> None:
    """Stages that take from a pool ask Slurm for that licence; a pool that Slurm does not know is refused, or left out on request."""
    account = graph.add("one", resources={"tool": 2}).add("two", resources={"tool": 1}).run()
    assert account.how == {"one": "ran", "two": "ran"}
    assert "Licenses=tool:2" in cluster.ask("scontrol", "show", "job", cluster.job("one"))
    graph.add("three", resources={"unknown": 1})
    assert "Invalid license specification" in graph.run().error("three")
    assert graph.run(licences={"unknown": None}).how["three"] == "ran"


def test_no_more_jobs_at_once_than_allowed(cluster: Cluster, graph: Graph) -> None:
    """With `jobs: 1` no two stages run at the same time, and a failure does not stop the ones behind it."""
    graph.release("broken")
    account = graph.add("one").add("two", fails="broken").add("three").add("four").run(jobs=1)
    assert account.how == {"one": "ran", "two": "failed", "three": "ran", "four": "ran"}
    begun = [note for note in graph.notes() if note != "begin two"]
    assert all(first.replace("begin", "end") == second for first, second in zip(begun[::2], begun[1::2], strict=True))
    assert cluster.jobs() == []


def test_a_job_at_its_time_limit(cluster: Cluster, graph: Graph) -> None:
    """A stage that reaches its time limit says so, and names the key."""
    account = graph.add("base", until="never").run(stages={"base": {"time": "1min"}})
    assert "base failed: its job reached the time limit" in account.error("base")
    assert "++executor.stages.base.time=12h" in account.error("base")
    assert cluster.jobs() == []

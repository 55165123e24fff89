"""Ends of jobs that left no result, and what Slurm's programs say, as people are told."""

from pathlib import Path

import pytest
from slurm_graph import Graph

from net2bit.errors import StoreError, ToolError
from net2bit.slurm import attempt, client, ending
from net2bit.slurm.client import End, Full, Job, Unreachable
from net2bit.slurm.outage import Outage
from net2bit.slurm.submit import named

NO_END = End(0, 0)


@pytest.mark.parametrize(
    ("state", "end", "what", "remedy"),
    [
        ("TIMEOUT", NO_END, "its job reached the time limit", "++executor.stages.base.time=12h"),
        ("OUT_OF_MEMORY", NO_END, "its job needed more memory than it had asked for", "++resources.stages.base.memory=16GB"),
        ("FAILED", End(0, 9), "its job was killed (SIGKILL", "++resources.stages.base.memory=16GB"),
        ("FAILED", End(0, 11), "its job was ended by signal 11", "the job's log"),
        ("FAILED", End(127, 0), "its job ended with status 127 before it could say more", "executor.python"),
        ("CANCELLED", NO_END, "its job was cancelled (scancel)", "what is finished is kept"),
        ("NODE_FAIL", NO_END, "its node failed", "executor.retries"),
        ("PREEMPTED", NO_END, "its job was preempted", "executor.retries"),
    ],
)
def test_an_end_is_told_with_its_remedy(graph: Graph, state: str, end: End, what: str, remedy: str) -> None:
    """Each way a job can end is named, with its number, its node, its last words, and the key that may help."""
    stage = graph.add("base").nodes["base"].stage
    error = ending.of(stage, "17", Job("17", state, "None", "node3", "/x"), end, "first\nlast words\n")
    assert error.what.startswith(f"base failed: {what}")
    assert "last words" in error.what
    assert error.where == "job 17 on node3"
    assert remedy in error.remedy


def test_a_job_that_is_gone(graph: Graph) -> None:
    """A job that Slurm has forgotten is told without a node."""
    error = ending.of(graph.add("base").nodes["base"].stage, "17", None, None, None)
    assert error.what == "base failed: its job is gone and left no result"
    assert error.where == "job 17"


def test_a_node_that_does_not_see_the_tree(graph: Graph) -> None:
    """A job that could not even open its log ran on a node without the project: the node is named, and how to leave it out."""
    job = Job("17", "FAILED", "JobLaunchFailure", "node3", "/x")
    error = ending.of(graph.add("base").nodes["base"].stage, "17", job, End(0, 53), None)
    assert isinstance(error, StoreError)
    assert "the node does not see the project" in error.what
    assert "executor.options=[--exclude=node3]" in error.remedy


def _sbatch(folder: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    (folder / "sbatch").write_text(f"#!/bin/sh\necho 'sbatch: error: {words}' >&2\nexit 1\n")
    (folder / "sbatch").chmod(0o755)


@pytest.mark.parametrize(
    "words",
    [
        "Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "Batch job submission failed: Socket timed out on send/recv operation",
        "If munged is up, restart with --num-threads=10",
    ],
)
def test_words_of_a_controller_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """What passes by itself is waited for: a controller that is away or restarts."""
    _sbatch(tmp_path, monkeypatch, words)
    with pytest.raises(Unreachable):
        client.submit([])


def test_words_of_a_full_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on submitted jobs passes by itself, too, and keeps nobody from asking how the jobs stand."""
    _sbatch(
        tmp_path,
        monkeypatch,
        "Batch job submission failed: Job violates accounting/QOS policy (job submit limit, users size or time limits)",
    )
    with pytest.raises(Full):
        client.submit([])


@pytest.mark.parametrize(
    "words", ["Batch job submission failed: Invalid qos specification", "Batch job submission failed: Invalid account"]
)
def test_words_of_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """What no waiting mends is an error, in Slurm's words."""
    _sbatch(tmp_path, monkeypatch, words)
    with pytest.raises(ToolError, match=words):
        client.submit([])


def test_a_job_within_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A front end that is itself a job does not pass its own job's figures on to its jobs."""
    for name in (
        "SLURM_CONF",
        "SLURM_JOB_ID",
        "SLURM_MEM_PER_NODE",
        "SLURM_CPUS_PER_TASK",
        "SBATCH_ACCOUNT",
        "SBATCH_WAIT",
        "SQUEUE_STATES",
    ):
        monkeypatch.setenv(name, "1")
    kept = {name for name in client.environment() if name.startswith(("SLURM", "SBATCH"))}
    assert kept == {"SLURM_CONF", "SBATCH_ACCOUNT"}


@pytest.mark.parametrize(
    ("numbers", "text"), [(["7"], "job 7"), (["9", "10", "11"], "jobs 9-11"), (["10", "9"], "jobs 9-10"), (["3", "7"], "jobs 3, 7")]
)
def test_jobs_are_named(numbers: list[str], text: str) -> None:
    """Jobs are told in the order of their numbers, neighbours as a range."""
    assert named(numbers) == text


def test_a_torn_line_of_news(tmp_path: Path) -> None:
    """What a node was writing as it died costs one line of its news, and no traceback."""
    job = attempt.Attempt.new(tmp_path, "ab" * 32)
    news = job.folder / attempt.EVENTS
    news.write_bytes(b'{"event": "running"}\n{"event": "prog\0\0{"event": "running"}\n{"event": "log"}\n{"event"')
    assert [event["event"] for event in job.events()] == ["running", "log"]
    with news.open("ab") as file:
        file.write(b': "late"}\n')
    assert [event["event"] for event in job.events()] == ["late"]


def test_an_outage_is_told_once() -> None:
    """However often Slurm does not answer, people read one line; the pauses grow; its return is told too."""
    told: list[str] = []
    outage = Outage("answers", 0.001, told.append)
    outage.over()
    for _ in range(3):
        outage.failed("connect failure")
    assert len(told) == 1
    assert outage._pause == pytest.approx(0.008)
    outage.over()
    outage.over()
    assert told[1:] == ["Slurm answers again"]
    assert not outage.waiting

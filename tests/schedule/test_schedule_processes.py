"""Several runs at once, in processes that are stopped and killed: stocks are counted over all of them, waits block nothing else."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from noted_graph import Account
from processes import python_path, wait_for
from schedule_project import Graph, limits

from net2bit.graph.cache import CacheSettings
from net2bit.graph.schedule import Local

Nodes = Sequence[tuple[str, Sequence[str], dict[str, Any]]]
LICENCE = {"resources": {"vivado": 1}}


class Run:
    """A run in a process of its own."""

    def __init__(self, root: Path, nodes: Nodes, *, cache: Path | None = None, workers: int = 2, host: str = "", **pools: int) -> None:
        """Start it."""
        spec = {"root": str(root), "nodes": nodes, "pools": pools, "workers": workers, "cache": str(cache) if cache else None}
        environment = {**os.environ, "PYTHONPATH": python_path(__file__), **({"NET2BIT_HOST": host, "NET2BIT_SHARED": "1"} if host else {})}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("schedule_driver.py")), json.dumps(spec)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def until(self, event: str, node: str = "") -> dict[str, Any]:
        """Read its lines until one tells of *event*."""
        assert self.process.stdout
        for line in self.process.stdout:
            said: dict[str, Any] = json.loads(line)
            if said["event"] == event and node in {"", said["node"]}:
                return said
        raise AssertionError(self.process.communicate()[1])

    def ends(self) -> dict[str, str]:
        """Wait for its end; returns how the nodes ended that did so since the last line read."""
        out, err = self.process.communicate(timeout=200)
        assert self.process.returncode == 0, err
        return {said["node"]: said["how"] for said in map(json.loads, out.splitlines()) if said["event"] == "ended"}


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    """Runs that are ended after the test."""
    started: list[Run] = []
    yield started
    for run in started:
        run.process.kill()
        run.process.communicate()


@pytest.mark.parametrize("host", ["", "far"])
def test_a_licence_is_counted_over_processes(graph: Graph, runs: list[Run], host: str) -> None:
    """Two runs, on one host or on two, never take two of `vivado: 1`; who waits says for which stock and for whom."""
    first = Run(graph.root, [("a", [], {"until": "go", **LICENCE})], vivado=1, host=host and "near")
    runs.append(first)
    wait_for(lambda: graph.notes() == ["begin a"])
    second = Run(graph.root, [("b", [], LICENCE)], vivado=1, host=host)
    runs.append(second)
    said = second.until("waiting", "b")
    assert (said["pool"], said["pid"], said["stage"]) == ("vivado", first.process.pid, "a")
    (graph.root / "go").touch()
    assert first.ends() == {"a": "ran"}
    assert second.ends() == {"b": "ran"}
    assert graph.notes() == ["begin a", "end a", "begin b", "end b"]


def test_a_licence_of_a_killed_run_is_free(graph: Graph, runs: list[Run]) -> None:
    """The licence of a run that was killed with SIGKILL comes back as soon as its stage is gone."""
    first = Run(graph.root, [("a", [], {"until": "never", **LICENCE})], vivado=1)
    runs.append(first)
    wait_for(lambda: graph.notes() == ["begin a"])
    second = Run(graph.root, [("b", [], LICENCE)], vivado=1)
    runs.append(second)
    second.until("waiting", "b")
    first.process.kill()
    assert second.ends() == {"b": "ran"}


def test_who_waits_for_another_process_blocks_nobody(graph: Graph, runs: list[Run]) -> None:
    """A node that another process builds gives its worker, cores and memory to the nodes behind it."""
    first = Run(graph.root, [("a", [], {"until": "b-done"})])
    runs.append(first)
    wait_for(lambda: graph.notes() == ["begin a"])
    whole = {"resources": {"cores": 8, "memory": 8 * 10**9}}
    mark = {"until": "b-go", **whole}
    second = Run(graph.root, [("a", [], {"until": "b-done"}), ("b", [], mark), ("c", ["a"], {})], workers=1)
    runs.append(second)
    second.until("started", "b")
    (graph.root / "b-go").touch()
    second.until("ended", "b")
    (graph.root / "b-done").touch()
    assert second.ends() == {"a": "waited", "c": "ran"}
    assert first.ends() == {"a": "ran"}
    assert graph.ran() == ["b", "a", "c"]


def test_who_waited_in_vain_runs_in_turn(graph: Graph, runs: list[Run]) -> None:
    """When the process that built it dies, a waiting node takes its share back before it runs: the limits hold."""
    first = Run(graph.root, [("a", [], {"until": "go"})])
    runs.append(first)
    supervisor = Path("/proc", str(first.until("start", "a")["pid"]), "stat")
    wait_for(lambda: graph.notes() == ["begin a"])
    second = Run(graph.root, [("a", [], {"until": "go"}), ("b", [], {"until": "go"})], workers=1)
    runs.append(second)
    second.until("started", "b")
    wait_for(lambda: "begin b" in graph.notes())
    first.process.kill()
    wait_for(lambda: not supervisor.exists() or " Z " in supervisor.read_text())
    (graph.root / "go").touch()
    assert second.ends() == {"a": "ran", "b": "ran"}
    assert graph.notes()[-4:] == ["begin b", "end b", "begin a", "end a"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop(graph: Graph, runs: list[Run], number: signal.Signals) -> None:
    """SIGINT and SIGTERM end a run with 128 + signal: running stages are ended, what waits is not started, what is finished stays."""
    nodes: Nodes = [("a", [], {}), ("b", ["a"], {"until": "never"}), ("c", ["a"], {"until": "never"}), ("d", ["b"], {})]
    run = Run(graph.root, nodes)
    runs.append(run)
    wait_for(lambda: {"begin b", "begin c"} <= set(graph.notes()))
    run.process.send_signal(number)
    _, err = run.process.communicate(timeout=120)
    assert run.process.returncode == 128 + number
    assert "Traceback" not in err
    assert graph.ran() == ["a"]
    graph.add("a")
    with graph.store() as store:
        assert store.check(graph.nodes["a"].stage).fresh
    assert list((graph.root / "build/.work").iterdir()) == []


def test_two_trees_with_one_cache_build_once(tmp_path: Path, runs: list[Run]) -> None:
    """Two clones that share a cache and build the same at once: one runs the stage, the other waits and takes the result."""
    shared = tmp_path / "shared"
    shared.mkdir()
    trees = [Graph(tmp_path / name).make() for name in ("one", "two")]
    for tree in trees:  # the same stage in both: it writes its notes to a common place
        (tree.root / "notes").symlink_to(shared / "notes")
        step = tree.root / "steplib/step.py"
        step.write_text(step.read_text().replace('Path(own["root"])', f"Path({str(shared)!r})"))
    nodes: Nodes = [("a", [], {"until": "go", "root": "/"})]
    first = Run(trees[0].root, nodes, cache=tmp_path / "cache")
    runs.append(first)
    wait_for(lambda: trees[0].notes() == ["begin a"])
    second = Run(trees[1].root, nodes, cache=tmp_path / "cache")
    runs.append(second)
    assert second.until("waiting", "a")["pid"] == first.process.pid
    (shared / "go").touch()
    assert first.ends() == {"a": "ran"}
    assert second.ends() == {"a": "waited"}
    assert trees[1].ran() == ["a"]
    assert (trees[1].root / "build/a/a").read_text() == "a\n"


def test_cache_that_does_not_lock_is_no_obstacle(tmp_path: Path) -> None:
    """Where no lock can be made in the cache, the stage is built all the same."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "locks").write_text("no folder")
    graph = Graph(tmp_path / "project", CacheSettings(dir=cache)).make().add("a")
    account = Account()
    with graph.store() as store:
        Local(store, 1, limits()).run(graph.merged, account, keep_going=False)
    assert account.how == {"a": "ran"}

"""A controller that is away, and one that has forgotten everything, on a real Slurm."""

import os
import shutil
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from processes import wait_for
from slurm_cluster import Cluster
from slurm_graph import Account, Graph
from test_slurm_failures import Doing

pytestmark = pytest.mark.slow


def test_a_controller_that_stops_in_mid_build(cluster: Cluster, graph: Graph) -> None:
    """While the controller is away there is one notice, results are still read, and the build goes on when it is back."""
    account = Account()

    def outage() -> None:
        cluster.stop_controller()
        graph.release()
        wait_for(lambda: account.ends != [] and any("waiting for Slurm" in text for text in graph.notices))
        cluster.start_controller()

    graph.add("base", until="go").add("last", ["base"])
    watching = Doing("base", lambda: Thread(target=outage, daemon=True).start())
    account.ends = watching.ends
    assert graph.run(watching).how == {"base": "ran", "last": "ran"}
    assert [text.partition(" (")[0] for text in graph.notices[1:]] == ["waiting for Slurm", "Slurm answers again"]
    assert graph.ran() == ["base", "last"]


def test_a_controller_that_is_away_at_first(cluster: Cluster, graph: Graph) -> None:
    """A build that begins while the controller is away waits for it, and submits then."""
    cluster.stop_controller()

    def back() -> None:
        wait_for(lambda: graph.notices != [])
        cluster.start_controller()

    Thread(target=back, daemon=True).start()
    assert graph.add("base").run().how == {"base": "ran"}
    assert graph.notices[0].startswith("waiting for Slurm (")
    assert graph.ran() == ["base"]


def test_a_queue_that_is_full(cluster: Cluster, graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Slurm takes no more jobs it is asked how those stand that it has; the others follow when it takes them."""
    account, full = Account(), tmp_path / "full"
    refuses = f"if [ -e {full} ]; then echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; exit 1; fi"
    (tmp_path / "sbatch").write_text(f'#!/bin/sh\n{refuses}\ntouch {full}\nexec {shutil.which("sbatch")} "$@"\n')
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def end() -> None:
        wait_for(lambda: any(state.startswith("on ") for state in account.states("one")))
        full.unlink()
        graph.release()

    Thread(target=end, daemon=True).start()
    assert graph.add("one", until="go").add("two").run(account).how == {"one": "ran", "two": "ran"}
    told = [text.partition(" (")[0] for text in graph.notices if not text.startswith("handed")]
    assert told == ["waiting for Slurm", "Slurm takes jobs again"]
    assert cluster.jobs() == []


def test_a_controller_that_lost_its_state(cluster: Cluster, graph: Graph) -> None:
    """Jobs that are gone without a trace are submitted again, once; without tries left they have failed."""

    def lose() -> None:
        cluster.stop_controller()
        cluster.start_controller("-c")
        wait_for(lambda: any("submitted again" in text for text in graph.notices))
        graph.release()

    def build(**other: Any) -> Account:
        return graph.run(Doing("base", lambda: Thread(target=lose, daemon=True).start()), **other)

    graph.add("base", until="go", word="one").add("last", ["base"])
    account = build(retries=0)
    assert account.how == {"base": "failed", "last": "skipped"}
    assert "its job is gone and left no result" in account.error("base")
    account = build(retries=1)
    assert account.how["base"] in {"ran", "waited", "fresh"}  # the lost job may still be at work: then the new one waits for it
    assert account.how["last"] == "ran"
    assert graph.ran() == ["base", "last"]
    assert any("is lost (gone); submitted again" in text for text in graph.notices)

"""The local executor with real stages: order, failures, limits, and what fresh nodes cost."""

import time

import pytest
from noted_graph import Account
from schedule_project import Graph, limits

from net2bit.errors import ConfigError
from net2bit.graph.fingerprint import TICK, sha256
from net2bit.graph.history import Peak
from net2bit.graph.memory import roomy
from net2bit.graph.schedule import Local
from net2bit.graph.store import Store


def run(graph: Graph, *, workers: int = 2, keep_going: bool = False, account: Account | None = None, **given: int) -> dict[str, str]:
    """Run the graph; returns how each node ended."""
    account = account or Account()
    with graph.store() as store:
        done = Local(store, workers, limits(**given)).run(graph.merged, account, keep_going=keep_going)
    assert {name: one.how for name, one in done.items()} == account.how
    assert list(done) == list(graph.nodes)
    return account.how


def test_diamond_runs_and_is_then_fresh(graph: Graph) -> None:
    """Every stage runs once, after what it needs; the second run starts nothing."""
    graph.add("a").add("b", ["a"]).add("c", ["a"]).add("d", ["b", "c"])
    assert set(run(graph).values()) == {"ran"}
    notes = graph.notes()
    assert notes.index("end a") < min(notes.index("begin b"), notes.index("begin c"))
    assert notes.index("begin d") > max(notes.index("end b"), notes.index("end c"))
    account = Account()
    assert set(run(graph, account=account).values()) == {"fresh"}
    assert account.begun == []


def test_one_failure_ends_it(graph: Graph) -> None:
    """Without keep_going nothing is started after a failure, and what was left out says what it owes that to."""
    graph.release("broken")
    graph.add("bad", fails="broken").add("good").add("user", ["bad"])
    account = Account()
    assert run(graph, workers=1, account=account) == {"bad": "failed", "good": "skipped", "user": "skipped"}
    errors = {str(done.error) for _, done in account.ends}
    assert len(errors) == 1
    assert "it was told to fail" in errors.pop()


def test_keep_going_skips_what_needs_it(graph: Graph) -> None:
    """With keep_going exactly what needs a failed stage is left out."""
    graph.release("broken")
    graph.add("bad", fails="broken").add("user", ["bad"]).add("last", ["user"]).add("good").add("also", ["good"])
    ended = run(graph, workers=1, keep_going=True)
    assert ended == {"bad": "failed", "user": "skipped", "last": "skipped", "good": "ran", "also": "ran"}


def test_what_can_never_run_is_refused_first(graph: Graph) -> None:
    """A stage that needs, as the user says, more memory than there is is refused before anything starts, with figures and keys to set."""
    graph.add("small").add("big", ["small"]).say("big", memory=64 * 10**9)
    with pytest.raises(ConfigError) as refusal:
        run(graph)
    text = str(refusal.value)
    assert "64 GB" in text
    assert "8 GB" in text
    assert "resources.memory" in text
    assert "resources.stages.big.memory" in text
    assert graph.notes() == []
    assert run(graph, keep_going=True) == {"small": "ran", "big": "failed"}


def test_an_estimate_that_does_not_fit_runs_alone(graph: Graph) -> None:
    """A stage that declares more memory than there is is not refused: it runs while nothing else does, and says why."""
    graph.add("big", resources={"memory": 64 * 10**9}).add("one").add("two")
    account = Account()
    assert set(run(graph, account=account, workers=3).values()) == {"ran"}
    notes = graph.notes()
    assert notes.index("end big") == notes.index("begin big") + 1
    assert ("big", {"event": "alone", "what": "64 GB of memory (declared)", "limit": "8 GB of memory"}) in account.events


def test_what_a_run_took_takes_the_place_of_what_is_declared(graph: Graph) -> None:
    """The second run of a stage is given what its first one took and a margin; what the user says comes before both."""
    graph.add("big", resources={"memory": 64 * 10**9})
    run(graph)
    stage = graph.nodes["big"].stage
    with graph.store() as store:
        (took,) = store.history.runs(stage)
        share = limits().share(stage, store.history)
        own = limits().share(graph.say("big", memory=64 * 10**9).nodes["big"].stage, store.history)
    assert share.source == "measured"
    assert took.peak < share.needs["memory"] == roomy(Peak(took.peak, same=True)) < 8 * 10**9
    assert own.needs["memory"] == 64 * 10**9
    graph.add("big", resources={"memory": 64 * 10**9}, word="other")
    account = Account()
    run(graph, account=account)
    assert "alone" not in {event["event"] for _, event in account.events}


def test_a_null_run_asks_no_history(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where everything is up to date nobody asks what earlier runs took."""
    graph.add("a").add("b", ["a"])
    run(graph)
    monkeypatch.setattr(Store, "history", property(lambda _store: pytest.fail("it was asked")))
    assert run(graph) == {"a": "fresh", "b": "fresh"}


def test_fresh_stages_need_no_resources(graph: Graph) -> None:
    """What is up to date is never refused: a laptop can look at what a server has built."""
    graph.add("big").say("big", memory=7 * 10**9)
    run(graph)
    assert run(graph, memory=10**9) == {"big": "fresh"}


def test_thousand_fresh_nodes_cost_little(graph: Graph) -> None:
    """A null run of 1,000 nodes is stats only: a second of CPU is far more than it takes, and no thread is started."""
    for number in range(1000):
        graph.add(f"n{number}", [f"n{number - 1}"] if number % 7 else [])
    _pretend_built(graph)
    account = Account()
    began = time.process_time()
    assert set(run(graph, account=account).values()) == {"fresh"}
    assert time.process_time() - began < 1.0
    assert account.begun == []


def _pretend_built(graph: Graph) -> None:
    """Write the products and records of all nodes, as if each had been built."""
    with graph.store() as store:
        rows = []
        for node in graph.nodes.values():
            path = graph.root / node.stage.outputs[0].path
            path.parent.mkdir(parents=True)
            path.write_text(node.name)
            base = store.keys.base(node.stage, store.inputs(node.stage))
            target = node.stage.outputs[0].path
            rows.append(("records", (base, base, "", sha256(path), target, node.name, node.name, 1.0, "{}")))
        store.records.write(rows)
    time.sleep(2 * TICK / 1e9)
    with graph.store() as store:  # remembers the digests
        assert all(store.check(node.stage).fresh for node in graph.nodes.values())

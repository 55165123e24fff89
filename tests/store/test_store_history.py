"""History and reasons: what people are told."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_project import Project, first, op, second, stage

from net2bit.errors import StageError
from net2bit.graph import memory, reasons
from net2bit.graph.history import Peak, row
from net2bit.graph.reasons import compare, flat
from net2bit.graph.stage import Stage

PARTS = {"config": {}, "inputs": {}, "tools": {}, "code": {}, "op": {}, "platform": {}, "environment": {}}
CONFIGS = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=6,
)


def test_no_estimate_without_history(project: Project) -> None:
    """What never ran has no estimate."""
    with project.store() as store:
        assert store.history.estimate(first()) is None
        assert store.history.runs() == []


def test_estimate_prefers_the_nearest_history(project: Project) -> None:
    """An estimate is the median of the last runs of the same target, else of the same name, else of the same op; restores do not count."""
    elsewhere = stage(first().op, places={"mid.txt": "build/x/mid.txt"})
    other = stage(op("first", "stagelib.first:run", ["other.txt"], ["src.txt"]))
    with project.store() as store:
        for seconds in (100.0, 3.0, 1.0, 2.0, 4.0, 5.0):
            took = {"seconds": seconds, "own": 0.0, "cpu": 0.0, "peak": 0}
            store.records.write([row(first(), "k", "ran", took, {})])
        store.records.write(
            [row(first(), "k", "restored", took | {"seconds": 0.01}, {}), row(elsewhere, "k", "ran", took | {"seconds": 9.0}, {})]
        )
        assert store.history.estimate(first()) == 3.0
        assert store.history.estimate(elsewhere) == 9.0
        assert store.history.estimate(stage(first().op, places={"mid.txt": "build/y/mid.txt"})) == 4.0
        assert store.history.estimate(other) == 4.0
        assert store.history.estimate(second()) is None


def test_peak_prefers_the_nearest_history(project: Project) -> None:
    """The memory of a stage is the most of the last runs of the same target, else of the same label, else of its name, else of its op."""

    def place(path: str, file: str = "mid.txt") -> Stage:
        return stage(op("first", "stagelib.first:run", [file], ["src.txt"]), places={file: f"build/{path}/{file}"})

    ran = [("net-w1-0a", 100), ("net-w1-0a", 70), ("net-w1-0b", 60), ("net-w2-0c", 200)]
    with project.store() as store:
        assert store.history.peak(place("net-w1-0a")) is None
        for path, peak in ran:
            store.records.write([row(place(path), "k", "ran", {"seconds": 1, "own": 1, "cpu": 1, "peak": peak}, {})])
        store.records.write([row(place("net-w1-0a"), "k", "restored", {"seconds": 1, "own": 0, "cpu": 0, "peak": 0}, {})])
        store.records.write([row(place("net-w1-0a"), "k", "failed", {"seconds": 1, "own": 0, "cpu": 0, "peak": 300}, {})])
        assert store.history.peak(place("net-w1-0b")) == Peak(60, same=True)
        assert store.history.peak(place("net-w1-0a")) == Peak(100, same=True)
        store.records.write([row(place("net-w1-0a"), "k", "killed", {"seconds": 1, "own": 0, "cpu": 0, "peak": 150}, {})])
        assert store.history.peak(place("net-w1-0a")) == Peak(150, same=True, killed=True)
        assert store.history.peak(place("net-w1-0d")) == Peak(100, same=False)
        assert store.history.peak(place("net-w3-0e")) == Peak(200, same=False)
        assert store.history.peak(place("net-w3-0e", "other.txt")) == Peak(200, same=False)
        assert store.history.peak(second()) is None


def test_old_peaks_are_forgotten(project: Project) -> None:
    """Only the last runs count: a stage that has become smaller is given less after a while."""
    with project.store() as store:
        for peak in (900, 10, 20, 10, 10, 10):
            store.records.write([row(first(), "k", "ran", {"seconds": 1, "own": 1, "cpu": 1, "peak": peak}, {})])
        assert store.history.peak(first()) == Peak(20, same=True)


def test_what_a_killed_stage_took_is_known(project: Project) -> None:
    """A stage that is killed for its memory is remembered with what it had, and its message says that starting again helps."""
    project.module("first", "import os\n\ndef run(job):\n    hold = bytearray(100_000_000)\n    os.kill(os.getpid(), 9)\n")
    with pytest.raises(StageError) as killed:
        project.build(first())
    assert "the machine ran out of memory" in killed.value.what
    assert "++resources.stages.first.memory" in killed.value.remedy
    with project.store() as store:
        peak = store.history.peak(first())
        assert peak is not None
        assert (peak.same, peak.killed) == (True, True)
        assert 100_000_000 < peak.amount < 1_000_000_000
        assert memory.of(first(), store.history) == (memory.roomy(peak), "measured")
        assert memory.roomy(peak) >= 2 * peak.amount


@given(st.integers(0, 10**13))
def test_margin(peak: int) -> None:
    """Law: what is given is a quarter more than what was taken, twice as much after a kill, and at most 50 MB beyond that."""
    assert 0 <= memory.roomy(Peak(peak, same=True)) - int(peak * 1.25) < 50_000_000
    assert 0 <= memory.roomy(Peak(peak, same=True, killed=True)) - 2 * peak < 50_000_000


@pytest.mark.parametrize(
    ("declared", "said", "peak", "given"),
    [
        (None, (), None, None),
        (900, (), None, (900, "declared")),
        (900_000_000, (), Peak(400_000_000, same=True), (500_000_000, "measured")),
        (900_000_000, (), Peak(400_000_000, same=False), (900_000_000, "declared")),
        (900_000_000, (), Peak(800_000_000, same=False), (1_000_000_000, "measured")),
        (None, (), Peak(400_000_000, same=False), (500_000_000, "measured")),
        (900, ("memory",), Peak(400_000_000, same=True), (900, "")),
        (0, ("memory",), Peak(400_000_000, same=True), (0, "")),
    ],
)
def test_which_figure_counts(declared: int | None, said: tuple[str, ...], peak: Peak | None, given: tuple[int, str] | None) -> None:
    """The user's word comes first, then what this very stage took, then the larger of what the like took and what is declared."""
    resources = {} if declared is None else {"memory": declared}
    given_stage = replace(first(), resources=resources, said=said)
    peaks = SimpleNamespace(peak=lambda _stage: peak)
    assert memory.of(given_stage, peaks) == given


def test_runs_are_remembered_newest_first(project: Project) -> None:
    """The history has one line per run, with how it went, when and with which tools; failed runs are in it."""
    before = time.time()
    project.build(first())
    project.module("second", "def run(job):\n    1 / 0\n")
    with pytest.raises(StageError):
        project.build(second())
    with project.store() as store:
        runs = store.history.runs()
        assert [run.stage for run in store.history.runs(first())] == ["mid.txt"]
    assert [(run.stage, run.how) for run in runs] == [("final.txt", "failed"), ("mid.txt", "ran")]
    assert before < runs[0].at < time.time()
    assert "python" in runs[1].tools


@given(CONFIGS, CONFIGS)
def test_config_reasons_are_exactly_the_differences(old: object, new: object) -> None:
    """Law: applying the reported changes to the old configuration's keys gives the new one's."""
    was, now = {"k": old}, {"k": new}
    found = list(compare(PARTS | {"config": was}, PARTS | {"config": now}))
    result = dict(flat(was))
    for reason in found:
        assert isinstance(reason, reasons.ConfigChanged)
        assert reason.old != reason.new or type(reason.old) is not type(reason.new)
        if reason.new is None:
            del result[reason.key]
        else:
            result[reason.key] = reason.new
    assert result == dict(flat(now))
    assert bool(found) == (dict(flat(was)) != dict(flat(now)))


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (reasons.NeverBuilt(), "never built"),
        (reasons.ConfigChanged("train.epochs", 3, 20), "train.epochs: 3 -> 20"),
        (reasons.ConfigChanged("a", None, [1, "x"]), 'a: null -> [1,"x"]'),
        (reasons.InputChanged("a.h5", "0" * 64, "1" * 64), "a.h5 changed: 00000000 -> 11111111"),
        (reasons.InputChanged("a.h5", "", "1" * 64), "new input a.h5"),
        (reasons.InputChanged("a.h5", "0" * 64, ""), "input a.h5 is no longer used"),
        (reasons.InputMissing("a.h5", "pack"), "input a.h5 is not there, pack makes it"),
        (reasons.ToolChanged("vivado", "2020.1", "2022.1"), "vivado: 2020.1 -> 2022.1"),
        (reasons.ToolChanged("vivado", "", "2022.1"), "vivado: not used -> 2022.1"),
        (reasons.CodeChanged(("a.py", "b.py")), "code changed: a.py, b.py"),
        (reasons.OpChanged("version", "1", "2"), "version of the op: 1 -> 2"),
        (reasons.TargetMissing("b/a.h5"), "b/a.h5 is missing"),
        (reasons.ForceRequested(), "asked for"),
    ],
)
def test_every_reason_has_its_sentence(reason: reasons.Reason, text: str) -> None:
    """Each cause reads as one line with the old and the new value."""
    assert reason.text() == text


def test_several_causes_are_all_named(project: Project) -> None:
    """When configuration, input and code changed at once, each is named, the configuration first."""
    project.build(first(), second())
    project.path("src.txt").write_text("new\n")
    project.build(first())
    project.module("second", "def run(job):\n    pass\n")
    found = project.reasons(second("B"))
    assert found[0] == "second.word: A -> B"
    assert found[1].startswith("build/mid.txt/mid.txt changed: ")
    assert found[2:] == ["code changed: stagelib/second.py"]


def test_variant_in_another_place_is_compared_with_the_last_one(project: Project) -> None:
    """A stage that was never built in its own place is compared with the last run of its name: the key that makes the difference."""
    project.build(first(), second("A"))
    other = stage(
        second().op, config={"second": {"word": "B"}}, trees=["pages"], places={"final.txt": "build/v/final.txt", "pages": "build/v/pages"}
    )
    assert project.reasons(other) == ["second.word: A -> B"]

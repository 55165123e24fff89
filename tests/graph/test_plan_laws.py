"""Laws that hold for every plan, tried on random graphs."""

import copy
import sys
from typing import Any

import pytest
from declared import composed, config, declarations, digests, op, planned, registry
from hypothesis import given, settings
from hypothesis import strategies as st

from net2bit.graph.kind import Op
from net2bit.graph.plan import Plan, plan

KEYS = ("a.x", "a.y", "b.x", "c")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[tuple[Op, ...], list[str]]:
    """Draw ops in random order, each needing products of earlier ones, some refining a product further; and goals."""
    ops: list[Op] = []
    kinds: list[str] = []
    for index in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.sampled_from(kinds), unique=True, max_size=3)) if kinds else []
        refines = bool(needs) and index % 3 == 2
        refined = draw(st.sampled_from([*needs, None])) if refines else None
        makes = [refined] if refined else [f"k{index}.{n}" for n in range(draw(st.integers(1, 3)))]
        if refined and _feeds(ops, refined, needs):
            continue
        reads = tuple(draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=3)))
        ops.append(op(f"o{index}", " ".join(makes), " ".join(needs), reads=reads, order=index))
        kinds += [kind for kind in makes if kind not in kinds]
    return tuple(draw(st.permutations(ops))), draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique=True))


def _feeds(ops: list[Op], kind: str, others: list[str]) -> bool:
    """Return whether any of *others* is made, directly or not, from *kind*: refining it with them would be a circle."""
    reached = {kind}
    grown = True
    while grown:
        new = {made for item in ops if reached & set(item.needs) for made in item.makes} - reached
        reached |= new
        grown = bool(new)
    return bool(reached & (set(others) - {kind}))


def experiment(**changed: Any) -> dict[str, Any]:
    """Return a configuration with the keys that the random ops read."""
    return {"a": {"x": 1, "y": [2, 3]}, "b": {"x": None}, "c": "text"} | changed


def made_from(graph: tuple[tuple[Op, ...], list[str]], **changed: Any) -> Plan:
    """Return the plan of a random graph."""
    return plan(config(graph[1], **experiment(**changed)), registry(*graph[0]))


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_a_plan_is_a_topological_order(graph: tuple[tuple[Op, ...], list[str]]) -> None:
    """Law: every input of a stage is a product of a stage before it, and every goal is made."""
    made: set[str] = set()
    result = made_from(graph)
    for stage in result.stages:
        assert {item.path for item in stage.inputs} <= made
        made |= {item.path for item in stage.outputs}
    assert {result.chosen[goal].path for goal in graph[1]} <= made


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_a_plan_holds_each_thing_once(graph: tuple[tuple[Op, ...], list[str]]) -> None:
    """Law: no two stages have the same name, no two products the same path, and no op runs twice."""
    stages = made_from(graph).stages
    assert len({stage.name for stage in stages}) == len(stages) == len({stage.op.name for stage in stages})
    paths = [item.path for stage in stages for item in stage.outputs]
    assert len(set(paths)) == len(paths)


@given(graphs(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_declarations_does_not_matter(graph: tuple[tuple[Op, ...], list[str]], random: Any) -> None:
    """Law: the same ops in another order give the same stages in the same places."""
    shuffled = list(graph[0])
    random.shuffle(shuffled)
    assert digests(made_from(graph)) == digests(made_from((tuple(shuffled), graph[1])))


@given(graphs(), st.sampled_from(KEYS))
@settings(max_examples=200, deadline=None)
def test_a_key_moves_exactly_what_it_decides(graph: tuple[tuple[Op, ...], list[str]], key: str) -> None:
    """Law: changing a key changes the digest of the stages that read it and of all behind them, and no other."""
    before = made_from(graph)
    group, _, leaf = key.partition(".")
    changed = experiment()
    if leaf:
        changed[group][leaf] = "other"
    else:
        changed[group] = "other"
    after = digests(made_from(graph, **changed))
    moved: set[str] = set()
    for stage in before.stages:
        if key in stage.op.reads or any(item.maker in moved for item in stage.inputs):
            moved.add(stage.name)
    assert {name for name, digest in digests(before).items() if after[name] != digest} == moved


@pytest.mark.parametrize("key", ["dpu.clock_mhz", "dpu.options.uram", "board.part", "cache.size", "flow.name", "verify.max_drop"])
def test_what_no_earlier_stage_reads_leaves_the_network_alone(key: str) -> None:
    """A key that training and quantization do not read changes none of their digests."""
    changed = copy.deepcopy(composed())
    *groups, leaf = key.split(".")
    place = changed
    for group in groups:
        place = place[group]
    place[leaf] = 0.5
    assert digests(planned())["unet_int.xmodel"] == digests(plan(changed, declarations()))["unet_int.xmodel"]


def test_two_experiments_share_what_they_share() -> None:
    """Another quantization method keeps data set, weights and frozen graph in the same place, and moves the rest."""
    one, two = digests(planned()), digests(planned("quant=non_overflow"))
    same = [name for name in one if one[name] == two[name]]
    assert same == ["target.json", "images", "dataset.h5", "weights.h5", "frozen.pb", "unet_float.xmodel", "curve.png", "arch.json"]


def _moved(*words: str) -> list[str]:
    """Return the stages of the default experiment that *words* put into another place."""
    one, two = digests(planned()), digests(planned(*words))
    return [name for name in one if one[name] != two.get(name)]


def test_another_dpu_moves_the_hardware_and_what_follows_from_it() -> None:
    """Another DPU keeps data, training and quantization in place: only its own files, the machine code and what is made of it move."""
    assert _moved("dpu=b1152") == ["target.json", "arch.json", "unet.xmodel", "simulation.json", "latency.json", "report.html"]


@pytest.mark.parametrize("word", ["dpu.clock_mhz=100", "board=kv260"])
def test_what_no_code_depends_on_compiles_nothing(word: str) -> None:
    """Clock and board decide the prediction only: the machine code and its simulation stay in place."""
    assert _moved(word) == ["target.json", "latency.json", "report.html"]


def test_planning_is_linear() -> None:
    """A plan of twice the stages takes at most 2.2 times the function calls: a thousand stages plan within milliseconds."""
    assert _calls(600) <= 2.2 * _calls(300)


def _calls(stages: int) -> int:
    """Return how many functions are called to plan chains of seven stages."""
    ops = [op(f"o{n}", f"k{n}", f"k{n - 1}" if n % 7 else "", reads=("a", "c"), label="{c}") for n in range(stages)]
    known, counted = registry(*ops), [0]

    def count(_frame: object, event: str, _arg: object) -> None:
        counted[0] += event == "call"

    asked = config([f"k{n}" for n in range(stages) if n % 7 == 6 or n == stages - 1], **experiment())
    sys.setprofile(count)
    try:
        plan(asked, known)
    finally:
        sys.setprofile(None)
    return counted[0]

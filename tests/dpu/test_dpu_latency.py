"""Predictions of latency: what they add up to, what governs, how they scale, and what is refused."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from net2bit.dpu.arch import standard
from net2bit.dpu.depend import depend
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, End, Instruction, Load, Save
from net2bit.dpu.latency import Memory, Prediction, predict
from net2bit.dpu.latency.intervals import intervals
from net2bit.dpu.timing import simulate
from net2bit.errors import ConfigError, ModelError

ARCH = standard("B4096")
KV260 = Memory(19.2)


def layer(groups: int, length: int, kernel: int, *, weights: bool = True, turns: int = 4) -> list[Instruction]:
    """Return a convolution's code: a row loaded and a row saved for each turn, weights of 16 outputs for each."""
    made: list[Instruction] = []
    for turn in range(turns):
        base = turn % 2 * length * groups
        made.append(Load(0, base, 2, 0, length, 16 * groups, 16 * groups, groups))
        if weights:
            made += [Load(ARCH.weight_bank + o, 0, 0, 0, kernel * kernel, 16 * groups, 16 * groups, groups) for o in range(16)]
        made.append(ConvInit(kernel, kernel, 1, groups, 1))
        made.append(Conv(0, base, 8, turn % 2 * length, 0, 0, length, groups, pad_right=kernel - 1, pad_bottom=kernel - 1))
        made.append(Save(8, turn % 2 * length, 3, 0, length, 16, 16))
    return made


def program(*parts: Sequence[Instruction]) -> tuple[list[Instruction], list[int]]:
    """Join parts, one layer each, with dependency bits; return the program and its layer map."""
    made = [instruction for part in parts for instruction in part]
    of = [index for index, part in enumerate(parts) for _ in part]
    depend([*made, last := End()], ARCH)
    return [*made, last], [*of, -1]


def predicted(code: tuple[list[Instruction], list[int]], names: Sequence[str] = ("a", "b"), **changes: object) -> Prediction:
    """Predict on one core of a KV260, with what is changed."""
    known: dict[str, object] = {"clock_mhz": 300.0, "cores": 1, "memory": KV260}
    return predict(code[0], code[1], names, ARCH, **(known | changes))  # type: ignore[arg-type]


TWO = program(layer(2, 60, 3), layer(1, 30, 1))


def test_layers_add_up() -> None:
    """The layers' cycles are parts of the whole: a page that lists them must not tell of more, or less, time than there is."""
    found = predicted(TWO)
    assert sum(part.cycles for part in found.layers) <= found.cycles <= sum(part.cycles for part in found.layers) + 8
    assert found.ddr_bytes == sum(part.ddr_bytes for part in found.layers)
    assert [part.name for part in found.layers] == ["a", "b"]


def test_macs_and_utilisation() -> None:
    """An op's own multiply-accumulates replace those of the data path, and utilisation stays a part of the peak."""
    found = predicted(TWO, macs={"a": 1000})
    assert found.layers[0].macs == 1000
    assert found.layers[1].macs == 4 * 30 * 16 * 16
    assert all(0 < part.utilisation <= 1 for part in found.layers)


def test_parts_of_one_op() -> None:
    """Layers of one name are one op's phases: they are counted together."""
    found = predicted(TWO, names=("a", "a"))
    assert [part.name for part in found.layers] == ["a"]
    assert found.layers[0].ddr_bytes == found.ddr_bytes


def test_dense_layer_is_bound_by_load() -> None:
    """A fully connected layer waits for its weights."""
    assert predicted(program(layer(100, 1, 1))).bound == "load"


def test_deep_convolution_is_bound_by_compute() -> None:
    """A 3x3 convolution over many channels keeps the multipliers busy."""
    found = predicted(program(layer(30, 60, 3, weights=False)))
    assert found.bound == "compute"


def test_depthwise_is_bound_by_compute() -> None:
    """The ALU's work counts as compute."""
    code: list[Instruction] = [AluInit(0, 3, 3, 100, 10, 10, 10), *(Alu(0, 0, 8, 0, 1, pad_bottom=2, pad_right=2) for _ in range(5))]
    found = predicted(program(code))
    assert found.bound == "compute"
    assert found.macs == 5 * 100 * 9 * 10 * 16


def test_engines_that_wait_for_each_other() -> None:
    """Where no engine works through, the bound is the dependency."""
    assert predicted(program(layer(1, 1000, 1, weights=False, turns=1))).bound == "dependency"


def test_clock_and_memory() -> None:
    """A faster clock never takes longer, nor a slower memory less; a layer bound by compute follows the clock alone."""
    deep = program(layer(30, 60, 3, weights=False))
    slow, fast = (predicted(deep, clock_mhz=clock) for clock in (150.0, 300.0))
    assert slow.cycles == pytest.approx(fast.cycles, rel=0.05)
    assert slow.ms > 1.5 * fast.ms
    times = [predicted(TWO, memory=Memory(rate)).cycles for rate in (1.0, 4.0, 19.2)]
    assert times == sorted(times, reverse=True)
    assert times[0] > 1.5 * times[-1]
    assert predicted(TWO, memory=Memory(19.2, 64)).cycles > predicted(TWO).cycles


def test_cores_share_the_memory() -> None:
    """More cores give more pictures, but never more than as many times as one gives."""
    rates = predicted(TWO, cores=4, memory=Memory(4.0)).fps
    assert len(rates) == 4
    assert all(rate <= rates[0] * count * (1 + 1e-9) for count, rate in enumerate(rates, 1))
    assert list(rates) == sorted(rates)


def test_it_says_what_it_is() -> None:
    """Every prediction carries its error band and says that it is none but a prediction."""
    found = predicted(TWO)
    assert found.low_ms < found.ms < found.high_ms
    assert found.text.startswith("Predicted, not measured")
    assert f"{found.error.median:.0%}" in found.text


def test_depthwise_layers_widen_the_band() -> None:
    """A program whose time goes into depthwise layers is predicted with the error that such networks had, and says so."""
    deep: list[Instruction] = []
    for _ in range(8):
        deep += [Load(0, 0, 2, 0, 60, 32, 32, 2), AluInit(0, 3, 3, 58, 2, 2, 2), Alu(0, 0, 8, 0, 1), Save(8, 0, 3, 0, 58, 32, 32, 2)]
    found, plain = predicted(program(deep), names=("a",)), predicted(TWO)
    assert found.error.band > plain.error.band
    assert found.high_ms / found.ms > plain.high_ms / plain.ms
    assert "depthwise" in found.text
    assert "depthwise" not in plain.text


def test_json_is_the_same_every_time() -> None:
    """The stage's artifact depends on the program alone, and is plain JSON."""
    first, second = (json.dumps(predicted(TWO).to_json(), allow_nan=False) for _ in range(2))
    assert first == second
    assert {"layers", "timeline", "points", "roof", "fps", "text"} <= json.loads(first).keys()


def test_roofline_points_lie_below_the_roofs() -> None:
    """No layer computes faster than the peak, nor moves its bytes faster than the memory."""
    found = predicted(TWO)
    assert found.points
    for point in found.points:
        assert point.gops <= found.roof.gops
        assert point.gops <= found.roof.gbytes_per_second * point.ops_per_byte * 1.01


def test_timeline_is_small_and_keeps_the_busy_time() -> None:
    """A long program's timeline is cut to what a picture can show, with each engine as busy as it is."""
    code, of = program(*(layer(2, 60, 3, turns=20) for _ in range(20)))
    run = simulate(code, ARCH)
    found = intervals(run, np.asarray(of, np.intp), most=100)
    for lane, busy in zip(found, run.busy, strict=True):
        assert len(lane) <= 100
        assert sum(interval.end - interval.start for interval in lane) == pytest.approx(busy, abs=run.total / 50)
        assert all(one.end <= two.start for one, two in pairwise(lane))


def test_program_without_layer_map() -> None:
    """A vendor's program carries no layer map: it is predicted as a whole."""
    found = predict(TWO[0], [], [], ARCH, clock_mhz=300, memory=KV260)
    assert found.layers == ()
    assert found.cycles == predicted(TWO).cycles


@pytest.mark.parametrize(("changes", "words"), [({"clock_mhz": 0}, "0 MHz"), ({"cores": 0}, "0 cores")])
def test_impossible_board(changes: dict[str, int], words: str) -> None:
    """A clock of zero, or no core, is a mistake of the configuration, and said so."""
    with pytest.raises(ConfigError, match=words):
        predicted(TWO, **changes)


def test_impossible_memory() -> None:
    """A memory without bandwidth, and ports that no DPU has, are refused by name."""
    with pytest.raises(ConfigError, match="bandwidth"):
        Memory(0)
    with pytest.raises(ConfigError, match="32 bits"):
        replace(KV260, ports_bits=32)


def test_layer_map_of_another_program() -> None:
    """A layer map that is not this program's is refused: a wrong one would put times to wrong names."""
    with pytest.raises(ModelError, match="3 entries"):
        predicted((TWO[0], [0, 0, 0]))
    with pytest.raises(ModelError, match="layer 1 of 1"):
        predicted(TWO, names=("a",))

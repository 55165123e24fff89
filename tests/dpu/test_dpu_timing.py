"""The clock of the four engines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from drawn_programs import B512, B2304, programs
from hypothesis import given
from hypothesis import strategies as st

from net2bit.dpu import tokens
from net2bit.dpu.arch import Arch
from net2bit.dpu.depend import depend, serialize
from net2bit.dpu.isa import ENGINES, Alu, AluInit, Conv, ConvInit, Elew, ElewInit, End, Instruction, Load, Save
from net2bit.dpu.model import load
from net2bit.dpu.steps import Step, steps
from net2bit.dpu.timing import REFERENCE, Costs, Timeline, Transfer, Work, moved, simulate
from net2bit.errors import ProgramError

LOAD, SAVE, CONV, MISC = range(4)


def test_vendor_program(reference: Path) -> None:
    """The vendor's MNIST program takes the cycles that the reference timing gives it, with its own bits and with serial ones."""
    (one,) = load(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
    program = one.program
    timeline = simulate(program, one.arch)
    assert (timeline.total, *timeline.busy) == (46_021, 45_795, 13, 3_624, 484)
    serialize(program)
    assert simulate(program, one.arch).total == 49_916


def _one(instruction: Instruction, *inits: Instruction, costs: Costs = REFERENCE) -> float:
    return costs.cycles(list(steps([*inits, instruction]))[-1], B512)


def _load(length: int, channel: int, jump: int) -> Load:
    return Load(bank_id=0, bank_addr=0, reg_id=0, ddr_addr=0, length=length, channel=channel, jump_read=jump)


def test_cycles_of_moves() -> None:
    """A pixel takes whole beats; packed, what touches in DDR is one run; pixels apart may cost a gap; no pixel is free."""
    assert _one(_load(10, 33, 64)) == 8 + 10 * 3
    assert _one(_load(10, 3, 3)) == 8 + 10
    packed = Costs(load=Transfer(width=16, overhead=5, gap=4, pack=True))
    assert _one(_load(100, 24, 24), costs=packed) == 5 + 150
    assert _one(_load(100, 24, 32), costs=packed) == 5 + 100 * (2 + 4)
    assert _one(_load(100, 3, 3), costs=packed) == 5 + 100
    save = Save(bank_id=0, bank_addr=0, reg_id=0, ddr_addr=0, length=7, channel=17, jump_write=17)
    assert _one(save) == 8 + 7 * 2


def test_cycles_of_work() -> None:
    """CONV takes length x kernel x channel groups whatever its rows, ALU the same for all groups, ELEW its operands' groups."""
    bank = {"bank_id_in": 0, "bank_addr_in": 0, "bank_id_out": 0, "bank_addr_out": 0}
    init = ConvInit(kernel_h=3, kernel_w=2, valid_pixel_parallel=4, jump_read=1, jump_write=1)
    assert _one(Conv(**bank, bank_addr_weights=0, bank_addr_bias=0, length=11, channel_group=5), init) == 16 + 11 * 6 * 5
    alu = AluInit(exec_mode=0, kernel_h=3, kernel_w=3, length=9, channel_group=4, jump_read=4, jump_write=4)
    assert _one(Alu(**bank, valid_pixel_parallel=2), alu) == 16 + 9 * 9 * 4
    assert _one(Alu(**bank, valid_pixel_parallel=2), alu, costs=Costs(alu=Work(rate=2, overhead=0))) == 9 * 9 * 4 / 2
    operand = ElewInit(id=0, bank_id_in=0, bank_addr_in=0, jump_read=1)
    elew = Elew(bank_id_out=0, bank_addr_out=0, num=2, length=6, valid_pixel_parallel=1, channel_group=3, jump_write=3)
    assert _one(elew, operand, operand) == 16 + 6 * 3 * 2
    assert _one(elew, operand, operand, costs=Costs(elew=Work(pixel=20))) == 16 + 6 * 20


def _check(timeline: Timeline, program: list[Instruction]) -> None:
    """Every start is the latest end of what the instruction follows, and its cause ends there."""
    paired = tokens.pair(program)
    ranks: dict[int, int] = {}
    for index, engine in enumerate(paired.engine.tolist()):
        before = [source for source in paired.source[index].tolist() if source >= 0] + ([ranks[engine]] if engine in ranks else [])
        ranks[engine] = index
        assert timeline.start[index] == pytest.approx(max((timeline.end[one] for one in before), default=0))
        cause = timeline.cause[index]
        assert cause in before or (cause == -1 and not before)
        assert cause < 0 or timeline.end[cause] == pytest.approx(timeline.start[index])


@given(programs(B512), st.booleans())
def test_starts_at_the_latest_token(program: list[Instruction], serial: bool) -> None:  # noqa: FBT001 - drawn
    """An instruction starts when its queue and all its tokens let it, no later and no earlier, and the cause is named."""
    serialize(program) if serial else depend(program, B512)
    timeline = simulate(program, B512)
    _check(timeline, program)
    if serial:
        assert timeline.total == pytest.approx(sum(timeline.busy))


@given(programs(B2304))
def test_critical_chain_makes_the_total(program: list[Instruction]) -> None:
    """The chain of causes from the first start to the last end has no holes: its lengths add up to the total."""
    depend(program, B2304)
    timeline = simulate(program, B2304)
    lengths = timeline.end - timeline.start
    assert lengths[timeline.critical()].sum() == pytest.approx(timeline.total)


@given(programs(B2304))
def test_busy_and_waiting_fill_the_time(program: list[Instruction]) -> None:
    """Until its last end, an engine works or waits for another engine, and the cycles of both are told."""
    depend(program, B2304)
    timeline = simulate(program, B2304)
    for x in range(4):
        ends = timeline.end[timeline.engine == x]
        assert timeline.busy[x] + timeline.waits()[x].sum() == pytest.approx(ends.max(initial=0))


@given(programs(B512))
def test_wide_memory_changes_nothing(program: list[Instruction]) -> None:
    """A shared path to DDR that carries everything gives the times of engines that do not share it."""
    depend(program, B512)
    alone, shared = simulate(program, B512), simulate(program, B512, replace(REFERENCE, shared=1e6))
    assert np.allclose(alone.start, shared.start)
    assert np.allclose(alone.end, shared.end)
    _check(shared, program)


@given(programs(B512), st.floats(0.5, 30))
def test_narrow_memory_holds_its_limit(program: list[Instruction], limit: float) -> None:
    """LOAD and SAVE together never move more than the shared path carries, and nobody gets faster by it."""
    depend(program, B512)
    alone, shared = simulate(program, B512), simulate(program, B512, replace(REFERENCE, shared=limit))
    assert shared.total * limit >= sum(moved(step) for step in steps(program)) * (1 - 1e-9)
    assert (shared.end >= alone.end - 1e-6).all()
    _check(shared, program)


def test_two_moves_share_the_path() -> None:
    """A LOAD and a SAVE at once, each wanting 16 bytes a cycle, take twice as long on a path of 16; one alone does not."""
    costs = Costs(load=Transfer(overhead=0), save=Transfer(overhead=0), init=0, shared=16)
    program = [
        replace(_load(100, 16, 16), on=1, by=1),
        Save(bank_id=9, bank_addr=0, reg_id=1, ddr_addr=0, length=50, channel=16, jump_write=16, on=2, by=2),
    ]
    timeline = simulate(program, B512, costs)
    assert timeline.end.tolist() == [150, 100]
    assert simulate(program[:1], B512, costs).total == 100


@dataclass(frozen=True)
class _Constant:
    """Another model of the engines."""

    init: float = 1
    shared: float = 0

    def cycles(self, step: Step, arch: Arch) -> float:
        """Every instruction takes as long as its index."""
        return step.index + arch.pp


def test_costs_are_pluggable() -> None:
    """Any object that says what an instruction costs can stand for the engines."""
    program = [_load(1, 1, 1), _load(1, 1, 1), End()]
    depend(program, B512)
    assert simulate(program, B512, _Constant()).end.tolist() == [4, 9, 10]


def test_no_instructions() -> None:
    """An empty program takes no time."""
    assert simulate([], B512, replace(REFERENCE, shared=1)).total == 0
    timeline = simulate([], B512)
    assert timeline.total == 0
    assert timeline.critical() == []
    assert timeline.waits().sum() == 0


def test_endless_program_is_refused() -> None:
    """A program that waits for ever has no latency: the instruction is named."""
    with pytest.raises(ProgramError, match="never ends") as error:
        simulate([replace(_load(1, 1, 1), on=5, by=1)], B512)
    assert error.value.where == "instruction 0"


def test_queue_names() -> None:
    """Indices into busy and waits are those of the queues."""
    assert [engine.name for engine in ENGINES] == ["LOAD", "SAVE", "CONV", "MISC"]
    assert (LOAD, SAVE, CONV, MISC) == (0, 1, 2, 3)

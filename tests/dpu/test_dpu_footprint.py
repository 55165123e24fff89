"""What instructions touch."""

from __future__ import annotations

from drawn_programs import B512, B2304, Place, programs, touched
from hypothesis import given
from hypothesis import strategies as st

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.footprint import Box, Footprint, Span, boxes, footprint, footprints
from net2bit.dpu.isa import Instruction, Load, Save
from net2bit.dpu.steps import steps


def _lines(found: tuple[Box, ...]) -> set[Place]:
    return {
        ("bank", bank, box.line + run * box.step + line)
        for box in found
        for bank in range(box.bank, box.bank + box.banks)
        for run in range(box.runs)
        for line in range(box.lines)
    }


def _bytes(span: Span | None) -> set[Place]:
    if span is None:
        return set()
    return {("reg", span.reg, span.start + run * span.step + byte) for run in range(span.runs) for byte in range(span.size)}


def _places(found: Footprint) -> tuple[set[Place], set[Place]]:
    return _lines(found.reads) | _bytes(found.fetches), _lines(found.writes) | _bytes(found.stores)


def _same(program: list[Instruction], arch: Arch) -> None:
    for step in steps(program):
        assert _places(footprint(step, arch)) == touched(step, arch), program[step.index]


@given(programs(B512, 4))
def test_every_line_and_byte_of_small_groups(program: list[Instruction]) -> None:
    """Footprints are those of a walk row by row and line by line, where a window goes round its group of four banks."""
    _same(program, B512)


@given(programs(B2304, 4))
def test_every_line_and_byte_of_large_groups(program: list[Instruction]) -> None:
    """Footprints are those of a walk row by row and line by line, in groups of eight banks."""
    _same(program, B2304)


@given(st.integers(-5000, 5000), st.integers(0, 40), st.integers(0, 900), st.integers(1, 300))
def test_boxes_wrap(line: int, runs: int, step: int, size: int) -> None:
    """However far runs of lines reach, they come back modulo 2,048 lines and no box leaves its bank."""
    found = boxes(3, 1, line, runs, step, size)
    assert _lines(found) == {("bank", 3, (line + run * step + at) % DEPTH) for run in range(runs) for at in range(size)}
    assert all(box.step == box.lines for box in found if box.runs == 1)
    assert all(box.line >= 0 and box.line + (box.runs - 1) * box.step + box.lines <= DEPTH for box in found)


def test_constant_moves_read_nothing() -> None:
    """A constant load does not read DDR, a constant save does not read its bank: neither may wait for data."""
    load = Load(bank_id=0, bank_addr=0, reg_id=1, ddr_addr=0, length=4, channel=8, jump_read=8, broadcast=7)
    save = Save(bank_id=0, bank_addr=0, reg_id=1, ddr_addr=0, length=4, channel=8, jump_write=8, const_en=1)
    (_, first), (_, second) = footprints([load, save], B512)
    assert first.fetches is None
    assert not second.reads
    assert second.stores == Span(1, 0, 4, 8, 8)


def test_argmax_saves_one_byte_a_pixel() -> None:
    """An argmax writes one byte of each pixel, so that its neighbours are not taken as overwritten."""
    save = Save(bank_id=0, bank_addr=0, reg_id=1, ddr_addr=7, length=3, channel=21, jump_write=2, argmax=2)
    ((_, found),) = footprints([save], B512)
    assert found.stores == Span(1, 7, 3, 2, 1)

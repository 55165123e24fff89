"""Address fields of CONV and ALU, against the vendor's own choices where those are public."""

from __future__ import annotations

import pytest

from net2bit.dpu.compiler.banks import Ring
from net2bit.dpu.compiler.parts import Axis, Buffer, Read, Turns, spans
from net2bit.dpu.compiler.schedule import FitError
from net2bit.dpu.compiler.windows import MARGIN, reach, source, target


def ring(height: int, width: int, grouping: int = 1, lines: int = 1, visits: int = 9) -> Ring:
    """A whole map at line 0 of image group 0, PP 8."""
    span = -(-height // (8 * grouping)) * 8 * grouping
    return Ring(
        Buffer("m", height, width, lines, grouping, columns=[(0, width)], pitch=width * lines, span=span, visits=visits), 8, 0, 0, visits
    )


def read(rows: Axis, columns: Axis) -> Read:
    """All channels of a buffer."""
    return Read(0, 0, 1, 16, rows, columns, Turns([], []), (), single=False)


def test_padding_on_all_sides() -> None:
    """A padded 3x3 over 8x8 begins in the bank of row -1, one column and one visit before the map."""
    found = source(ring(8, 8), read(Axis(3, 1, 1), Axis(3, 1, 1)), 0, (0, 8), (0, 8), MARGIN)
    assert (found.bank, found.top, found.left, found.bottom, found.right) == (7, 1, 1, 1, 1)
    assert found.lines[1] == 2047
    assert (found.offset, found.stride) == (0, 1)


def test_stride_two_needs_two_rows_to_a_bank() -> None:
    """A stride of two starts in the second row of bank 7 for row -1, and needs no padding below."""
    found = source(ring(16, 16, 2), read(Axis(3, 2, 1), Axis(3, 2, 1)), 0, (0, 8), (0, 8), MARGIN)
    assert (found.bank, found.offset, found.stride) == (7, 1, 2)
    assert (found.bottom, found.right) == (2, 2)
    assert found.lines[1] == 2047


def test_pad_bottom_counts_rows_that_exist() -> None:
    """pad_bottom is the last valid row inside the last window: 15 where more rows follow (CONV), the kernel's last (ALU)."""
    look = read(Axis(3, 1, 0), Axis(1, 1, 0))
    assert source(ring(28, 26), look, 0, (0, 8), (0, 26), MARGIN).bottom == 15
    assert source(ring(28, 26), look, 0, (8, 16), (0, 26), MARGIN).bottom == 12
    assert source(ring(28, 26), look, 0, (8, 16), (0, 26), 0).bottom == 2
    assert source(ring(28, 26), look, 0, (16, 24), (0, 26), MARGIN).lines[:2] == (52, 78)


def test_the_ring_wraps_where_the_window_does() -> None:
    """The addresses of a window's visits follow the ring past its end."""
    found = source(ring(28, 10, visits=2), read(Axis(3, 1, 0), Axis(1, 1, 0)), 0, (8, 16), (0, 10), MARGIN)
    assert found.lines[:2] == (10, 0)


def test_a_window_spans_four_visits_at_most() -> None:
    """Rows of one instruction are few enough for four visits of the banks."""
    tall = Ring(Buffer("m", 40, 4, 1, 1, columns=[(0, 4)], pitch=4, span=40), 4, 0, 0, 10)
    assert reach(tall, Axis(13, 1, 0), 0, 8) == 4
    assert reach(tall, Axis(13, 1, 0), 3, 8) == 1
    assert spans(Axis(16, 1, 0), 1, 1, 4) == 4
    assert spans(Axis(16, 1, 0), 1, 2, 4) == 5
    with pytest.raises(FitError):
        source(tall, read(Axis(16, 1, 0), Axis(1, 1, 0)), 0, (3, 4), (0, 4), MARGIN)


def test_rows_are_written_two_to_a_bank() -> None:
    """A write for a reader of stride two: second half of a visit, first row's parity, and the jump only where it is used."""
    out = target(ring(32, 10, 2), 0, 8, 8, 0, 3)
    assert (out.bank, out.line, out.stride, out.offset, out.endl) == (4, 3, 2, 0, 10)
    assert target(ring(32, 10), 0, 8, 8, 0, 0).endl == 1
    assert target(ring(32, 10), 0, 6, 4, 0, 0).endl == 10


def test_a_single_row_is_addressed_directly() -> None:
    """One row goes to its line, whatever the grouping."""
    out = target(ring(64, 10, 8), 0, 13, 1, 4, 0)
    assert (out.bank, out.line, out.stride, out.offset) == (1, 54, 1, 0)


def test_a_window_beyond_the_map_is_refused() -> None:
    """A window that sees nothing but padding has no field for it."""
    with pytest.raises(FitError, match="padding"):
        source(ring(8, 8), read(Axis(1, 1, 0), Axis(1, 1, 0)), 0, (0, 9), (0, 8), MARGIN)

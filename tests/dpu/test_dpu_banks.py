"""Lines of the banks: rings of rows that wrap, buffers that do not overlap while they live, weights that stay."""

from __future__ import annotations

import numpy as np

from net2bit.dpu.arch import DEPTH
from net2bit.dpu.compiler.banks import Image, Lines, Ring
from net2bit.dpu.compiler.layout import pack
from net2bit.dpu.compiler.parts import Buffer


def ring(grouping: int, visits: int, pitch: int = 10) -> Ring:
    """A ring at line 100 of image group 1, PP 8."""
    return Ring(Buffer("m", 100, 5, 2, grouping, pitch=pitch, columns=[(0, 5), (3, 5)]), 8, 1, 100, visits)


def test_rows_go_round_the_banks() -> None:
    """Row r lies in bank r // grouping modulo PP, visit by visit, and the ring begins again after its last visit."""
    rows = ring(1, 2)
    assert [rows.bank(row) for row in (0, 7, 8, 17)] == [8, 15, 8, 9]
    assert [rows.line(row) for row in (0, 7, 8, 15, 16)] == [100, 100, 110, 110, 100]
    pairs = ring(2, 3)
    assert [(pairs.bank(row), pairs.line(row)) for row in (0, 1, 2, 16, 47, 48)] == [
        (8, 100),
        (8, 110),
        (9, 100),
        (8, 120),
        (15, 150),
        (8, 100),
    ]


def test_columns_count_from_the_tile() -> None:
    """A column's lines count from the first column of its tile, into the padding before it too."""
    assert ring(1, 2).column(0, -1) == -2
    assert ring(1, 2).column(1, 4) == 2


def test_a_write_stops_at_the_end_of_the_ring() -> None:
    """Rows that one instruction may write end with the ring, and with the visit where no jump reaches the next."""
    assert ring(1, 2).left(3, 1024) == 13
    assert ring(1, 2, pitch=1025).left(3, 1024) == 5
    assert ring(2, 3).left(50, 1024) == 46


def overlaps(places: list[tuple[int, int]], sizes: list[int], life: list[tuple[int, int]]) -> bool:
    """Whether two buffers share lines while both live."""
    for a in range(len(sizes)):
        for b in range(a):
            lines = places[a][0] == places[b][0] and places[a][1] < places[b][1] + sizes[b] and places[b][1] < places[a][1] + sizes[a]
            if lines and life[a][0] <= life[b][1] and life[b][0] <= life[a][1]:
                return True
    return False


def test_living_buffers_do_not_overlap() -> None:
    """Both ways of placing buffers keep apart whatever lives at the same time, and stay within the banks."""
    random, image = np.random.default_rng(3), Image(2)
    for _ in range(60):
        sizes = random.integers(1, 900, 8).tolist()
        life = [tuple(sorted(random.integers(0, 20, 2).tolist())) for _ in sizes]
        for places in (pack(sizes, life, 2), image.place(sizes, life, 20)):
            if places is not None:
                assert not overlaps(places, sizes, life)
                assert all(0 <= line <= DEPTH - size for (_, line), size in zip(places, sizes, strict=True))


def test_new_buffers_take_idle_lines() -> None:
    """A group's buffers lie where the group before has no business any more, so that neither waits for the other."""
    image = Image(2)
    assert image.place([2000], [(0, 5)], 6) == [(0, 0)]
    assert image.place([2000], [(0, 5)], 6) == [(1, 0)]
    assert image.place([2000], [(0, 5)], 6) == [(0, 0)]


def test_too_large_a_buffer_finds_no_room() -> None:
    """A buffer that no image group holds is refused, not cut."""
    assert pack([DEPTH + 1], [(0, 0)], 3) is None
    assert Image(3).place([DEPTH + 1], [(0, 0)], 1) is None


def test_weights_run_on_and_what_stays_is_not_overwritten() -> None:
    """The ring continues across groups modulo the depth; lines that a group keeps are never handed out in it."""
    lines = Lines()
    assert lines.keep(0) == 0
    assert [lines.take(900) for _ in range(4)] == [0, 900, 1800, 652]
    first = lines.keep(500)
    kept = {(first + at) % DEPTH for at in range(500)}
    for _ in range(20):
        start = lines.take(700)
        assert not kept & {(start + at) % DEPTH for at in range(700)}

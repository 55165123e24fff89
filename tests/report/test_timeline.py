"""The engine timeline: what is condensed keeps its cycles, and what is drawn is readable and whole."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.report import timeline

CLOCK = 150.0
NAMES = ["first", "a <b> & c", "last"]


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[int], list[float], list[float], list[int]]:
    """Draw instructions, in order on each engine, as a program has them."""
    free = [0.0] * 4
    found: tuple[list[int], list[float], list[float], list[int]] = ([], [], [], [])
    for _ in range(draw(st.integers(0, 60))):
        lane, gap, length = draw(st.integers(0, 3)), draw(st.integers(0, 50)), draw(st.integers(1, 400))
        row = (lane, free[lane] + gap, free[lane] + gap + length, draw(st.integers(-1, 2)))
        free[lane] = row[2]
        for column, value in zip(found, row, strict=True):
            column.append(value)  # type: ignore[arg-type]
    return found


@given(runs())
def test_the_overview_keeps_the_busy_cycles(run: tuple[list[int], list[float], list[float], list[int]]) -> None:
    """Law: in slices times busyness, an engine's lane comes to the cycles it works, rounded up by less than a step a slice."""
    found = timeline.condense(*run)
    width = found["cycles"] / timeline.SLICES
    for lane, name in enumerate(timeline.ENGINES):
        busy = sum(end - start for at, start, end, _ in zip(*run, strict=True) if at == lane)
        drawn = [(count, level) for _, count, _, level in found["overview"]["lanes"].get(name, ())]
        shown = sum(count * level for count, level in drawn) * width / timeline.LEVELS
        assert busy - 1e-6 * found["cycles"] <= shown + width * 1e-3 * timeline.SLICES
        assert shown <= busy + (sum(count for count, _ in drawn) + 1) * width / timeline.LEVELS


@given(runs())
def test_slices_lie_side_by_side(run: tuple[list[int], list[float], list[float], list[int]]) -> None:
    """Law: the runs of a lane follow each other without overlap, inside of the picture."""
    for lane in timeline.condense(*run)["overview"]["lanes"].values():
        ends = [at + count for at, count, _, _ in lane]
        assert all(begin >= end for (begin, *_), end in zip(lane[1:], ends, strict=False))
        assert not ends or ends[-1] <= timeline.SLICES


def test_a_short_run_is_shown_instruction_by_instruction() -> None:
    """Every instruction of a program below the limit is in the zoom, with its own start, end and layer; END is not."""
    found = timeline.condense([0, 1, 3, -1], [0, 10, 30, 40], [10, 30, 40, 41], [0, 0, 1, -1])
    assert found["zoom"]["lanes"] == {"LOAD": [[0, 10, 0]], "CONV": [[10, 30, 0]], "MISC": [], "SAVE": [[30, 40, 1]]}


def test_a_long_run_is_cut_where_it_is_still_readable() -> None:
    """The zoom of a long program ends where enough instructions are done, and nothing in it reaches beyond."""
    count = 10 * timeline.MOST
    found = timeline.condense([1] * count, list(range(count)), list(range(1, count + 1)), [0] * count)
    assert found["zoom"]["cycles"] == timeline.MOST
    assert len(found["zoom"]["lanes"]["CONV"]) == timeline.MOST
    assert max(end for _, end, _ in found["zoom"]["lanes"]["CONV"]) <= timeline.MOST


def test_an_empty_run_has_no_picture_but_an_axis() -> None:
    """No instructions: both pictures are drawn all the same, empty."""
    found = timeline.condense([], [], [], [])
    assert timeline.overview(found, NAMES, CLOCK).count("<rect") == len(timeline.ENGINES)


def test_pictures_are_well_formed_and_say_what_a_bar_is() -> None:
    """The SVG parses, and each bar's title names its layer, whatever is in the name."""
    found = timeline.condense([0, 1, 2, 3], [0, 40, 90, 120], [40, 90, 120, 150], [0, 1, 2, -1])
    whole = ET.fromstring(timeline.picture(found, NAMES, CLOCK, "a < b"))  # noqa: S314 - our own text
    titles = [item.text for item in whole.iter("{http://www.w3.org/2000/svg}title")]
    assert {"first", "a <b> & c", "last", "no layer"} <= set(titles)


@pytest.mark.parametrize(("cycles", "unit"), [(1500, "µs"), (15_000_000, "ms")])
def test_the_axis_has_the_unit_that_suits(cycles: int, unit: str) -> None:
    """Short runs are measured in microseconds, long ones in milliseconds, with a handful of round ticks."""
    found = timeline.condense([1], [0], [cycles], [0])
    ticks = re.findall(r'class="tick-name"[^>]*>([\d.]+) ([^<]+)<', timeline.overview(found, NAMES, CLOCK))
    assert {name for _, name in ticks} == {unit}
    assert 3 <= len(ticks) <= 12


def test_neighbouring_layers_are_told_apart() -> None:
    """No two of eight layers in a row have the same colour; what works for no layer is grey."""
    assert len({timeline.colour(layer) for layer in range(8)}) == 8
    assert "hsl" not in timeline.colour(-1)

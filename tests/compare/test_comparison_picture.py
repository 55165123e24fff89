"""The geometry of the Pareto pictures."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from points_sample import METRICS, point, sweep

from net2bit.report import comparison
from net2bit.report.charts import LogScale
from net2bit.report.comparison_ink import LIGHT, TINTS, Mark, Path, Words, box, meet, png, room, svg
from net2bit.report.comparison_plot import HIGH, TOP, WIDE, Plot, grouping, plots, scale, shorten, steps, tick, ticks
from net2bit.report.comparison_points import ordered, parse

NUMBERS = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-9)


def drawn(count: int) -> Plot:
    """Return the first picture of a sweep."""
    return plots(parse(sweep(*(point(number) for number in range(count)))))[0]


def marks(plot: Plot) -> list[Mark]:
    """Return the dots, without those of the legend."""
    return [shape for shape in plot.picture.shapes if isinstance(shape, Mark) and shape.link]


def labels(plot: Plot, count: int) -> list[Words]:
    """Return the labels of points, without the words of the legend, which stand above."""
    names = set(shorten(parse(sweep(*(point(number) for number in range(count))))).values())
    return [shape for shape in plot.picture.shapes if isinstance(shape, Words) and shape.text in names and shape.at[1] > TOP]


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_an_axis_holds_its_values(values: list[float]) -> None:
    """Law: every value lies on the axis, between 0 and 100 per cent, and the axis has no more than a dozen ticks."""
    axis = scale(values)
    assert all(-0.01 <= axis.at(value) <= 100.01 for value in values)
    assert len(ticks(axis)) <= 12


def test_an_axis_is_logarithmic_where_values_span_much() -> None:
    """A span of twenty times is drawn logarithmically, less is not, and nothing is that holds zero or less."""
    assert isinstance(scale([1.0, 20.0]), LogScale)
    assert not isinstance(scale([1.0, 19.0]), LogScale)
    assert not isinstance(scale([0.0, 1000.0]), LogScale)
    assert not isinstance(scale([-5.0, 1000.0]), LogScale)


@pytest.mark.parametrize("count", [1, 2, 16, 120, 500])
def test_labels_overlap_nothing(count: int) -> None:
    """From 1 to 500 points, the labels of the front stay within the picture and overlap neither each other nor a dot."""
    plot = drawn(count)
    rooms = [room(words) for words in labels(plot, count)]
    dots = [box(mark) for mark in marks(plot)]
    assert rooms
    for place, one in enumerate(rooms):
        assert one[0] >= 0
        assert one[1] >= 0
        assert one[2] <= WIDE
        assert one[3] <= HIGH
        assert not meet(one, [*rooms[:place], *dots])


@pytest.mark.parametrize("count", [16, 120, 500])
def test_labels_are_their_points(count: int) -> None:
    """A label is nearer to its own point, or at the end of a line to it, than to any other that has one: nobody mistakes it."""
    plot = drawn(count)
    named = shorten(parse(sweep(*(point(number) for number in range(count)))))
    strong = {mark.link: mark for mark in marks(plot) if mark.strong}
    for words in labels(plot, count):
        owners = [mark for link, mark in strong.items() if named[int(link[2:])] == words.text]
        assert min(apart(mark, words) for mark in owners) <= min(apart(mark, words) for mark in strong.values()) + 1e-6


def apart(mark: Mark, words: Words) -> float:
    """Return the distance of a label from a dot's edge."""
    left, top, right, bottom = room(words)
    near = (min(max(mark.at[0], left), right), min(max(mark.at[1], top), bottom))
    return math.dist(mark.at, near) - mark.radius


def test_points_in_one_place_share_a_label() -> None:
    """Points that lie on one another have one label, which says how many they are; a hundred of them are drawn at once."""
    same = point(0)["metrics"]
    (plot, _) = plots(parse(sweep(*(point(number, metrics=same) for number in range(100)))))
    said = [shape.text for shape in plot.picture.shapes if isinstance(shape, Words) and shape.text.endswith("and 99 more")]
    assert len(said) == 1


def test_a_front_of_five_hundred() -> None:
    """Of a front that holds every point as many are labelled as can be read, the rest is counted below."""
    line = [point(number, metrics={"fps": 1000.0 - number, "accuracy.int8.dice": 0.5 + number / 2000}) for number in range(500)]
    (plot,) = plots(parse(sweep(*line)))
    assert any("of the places on it without a label" in note for note in plot.notes)
    assert sum(mark.strong for mark in marks(plot)) == 500


def test_every_point_is_drawn_once() -> None:
    """Each point with both figures has one dot, which leads to its line and says its figures."""
    plot = drawn(40)
    assert sorted(mark.link for mark in marks(plot)) == sorted(f"#p{number}" for number in range(40))
    assert all("Dice, int8: 0." in mark.title for mark in marks(plot))


def test_the_line_joins_the_front() -> None:
    """The line begins and ends at the outermost points of the front, passes through all of them, and is level or upright between them."""
    plot = drawn(40)
    (line,) = [shape for shape in plot.picture.shapes if isinstance(shape, Path) and shape.look == "front"]
    strong = {mark.at for mark in marks(plot) if mark.strong}
    assert strong <= set(line.spots)
    assert {line.spots[0], line.spots[-1]} <= strong
    for one, other in zip(line.spots, line.spots[1:], strict=False):
        assert one[0] == other[0] or one[1] == other[1]


def test_steps_bound_what_the_front_dominates() -> None:
    """Between two points the line keeps to what can be had: where more is better it first goes down, where less is it goes across."""
    assert steps([(0, 0), (4, 2)], down=True) == [(0, 0), (0, 2), (4, 2)]
    assert steps([(0, 0), (4, 2)], down=False) == [(0, 0), (4, 0), (4, 2)]
    assert steps([], down=True) == []


def test_points_are_grouped_by_the_choice_with_fewest_values() -> None:
    """Colours tell apart the values of the choice with the fewest, never those of numbers, and nothing where there are too many."""
    eight = parse(sweep(*(point(number) for number in range(8))))
    assert grouping(eight) == ("model", {"unet": 0, "separable_unet": 1})
    numbers = [point(number, choices={"model.width": str(number)}) for number in range(4)]
    assert grouping(parse(sweep(*numbers))) == ("", {})
    many = [point(number, choices={"dpu": f"b{number}"}) for number in range(9)]
    assert grouping(parse(sweep(*many))) == ("", {})


def test_points_that_were_not_finished_do_not_count() -> None:
    """A pruned point is drawn hollow, is on no front, and has no best figure: it breaks a limit."""
    best = {"fps": 1e6, "accuracy.int8.dice": 1.0, "resources.dsp": 1.0, "utilisation": 1.0}
    pruned = point(0, status="pruned", error="resources.dsp is 1", metrics=best)
    data = parse(sweep(pruned, point(1), point(2)))
    plot = plots(data)[0]
    assert [(mark.link, mark.strong) for mark in marks(plot) if mark.hollow] == [("#p0", False)]
    assert "Hollow: not finished, and not weighed (1 of 3 points)." in plot.notes
    found = dict(comparison.contents(data))
    assert b'<b class="top">1.0' not in found["index.html"]
    assert found["table.csv"].decode().splitlines()[1].count("true") == 0


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (("b1024", "b512", "b800", "b512"), ["b512", "b800", "b1024"]),
        (("0.5", "0.25", "10"), ["0.25", "0.5", "10"]),
        (("unet", "separable_unet"), ["unet", "separable_unet"]),
        (("b512", "none", "b1"), ["b512", "none", "b1"]),
        ((), []),
    ],
)
def test_values_are_ordered_by_their_numbers(texts: tuple[str, ...], order: list[str]) -> None:
    """Values with numbers stand in the order of these, others in that of the sweep."""
    assert ordered(texts) == order


def test_labels_say_what_differs() -> None:
    """A label is made of the values that differ, is cut where it is long, and is the whole label where nothing differs."""
    eight = parse(sweep(*(point(number) for number in range(8))))
    assert shorten(eight)[4] == "b512 separable_unet"
    assert shorten(parse(sweep(point(0))))[0].startswith("dpu=b512,model=unet")
    long = parse(sweep(point(0, choices={"x": "y" * 99}), point(1, choices={"x": "z"})))
    assert len(shorten(long)[0]) == 30


@given(st.floats(1e-9, 1e15))
def test_numbers_on_axes_are_readable(value: float) -> None:
    """Law: a tick says its value to four digits without a power of ten."""
    text = tick(value)
    assert "e" not in text
    assert math.isclose(float(text.replace(",", "")), value, rel_tol=6e-4, abs_tol=6e-10)


def test_colours_are_told_apart_by_brightness_too() -> None:
    """Of the first colours each two differ in brightness or are a known safe pair, and all of them can be seen on white."""
    tints = [tuple(int(tint[at : at + 2], 16) for at in (1, 3, 5)) for tint in TINTS.values()]
    assert len(set(tints)) == len(tints)
    light = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in tints]
    assert max(light[:3]) < 150
    assert LIGHT["paper"] == "#ffffff"


def test_a_picture_with_letters_of_any_language() -> None:
    """Labels may hold any letters; both forms of the picture are drawn."""
    odd = [point(0, choices={"x": "größe→日本"}), point(1, choices={"x": "b"})]
    (plot, _) = plots(parse(sweep(*odd, metrics=METRICS)))
    assert "größe→日本" in svg(plot.picture, alone=True)
    assert png(plot.picture).startswith(b"\x89PNG")

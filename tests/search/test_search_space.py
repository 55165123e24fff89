"""The space of a search: how it is written, and what it refuses."""

from collections.abc import Sequence
from typing import Any

import pytest

from net2bit.errors import ConfigError
from net2bit.sweep.search.axes import Choice, Real, Steps, Whole
from net2bit.sweep.search.space import read


class Fixed:
    """Draws what it is told to: a place within the range, from 0 to 1."""

    def __init__(self, place: float) -> None:
        """Remember the place."""
        self.place = place

    def suggest_categorical(self, _name: str, choices: Sequence[Any]) -> Any:
        """Draw one of *choices*."""
        return choices[round(self.place * (len(choices) - 1))]

    def suggest_int(self, _name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Draw a whole number."""
        return low + step * round(self.place * (high - low) / step) * (1 + 0 * log)

    def suggest_float(self, _name: str, low: float, high: float, *, log: bool = False) -> float:
        """Draw a number."""
        return low + self.place * (high - low) * (1 + 0 * log)


@pytest.mark.parametrize(
    ("word", "axis"),
    [
        ("dpu=b512,b800", Choice("dpu", ("b512", "b800"))),
        ("dpu=shuffle(choice(b512,b800))", Choice("dpu", ("b512", "b800"))),
        ("model.width=interval(0.25,1)", Real("model.width", 0.25, 1.0)),
        ("train.rate=tag(log,interval(0.001,1))", Real("train.rate", 0.001, 1.0, log=True)),
        ("a=int(interval(1,8))", Whole("a", 1, 8)),
        ("a=tag(int,log,interval(1,8))", Whole("a", 1, 8, log=True)),
        ("a=range(8,33,8)", Whole("a", 8, 32, 8)),
        ("a=range(9,0,-3)", Whole("a", 3, 9, 3)),
        ("a=range(0.1,0.5,0.1)", Steps("a", ("0.1", "0.2", "0.3", "0.4"))),
        ("train.epochs=interval(1,5)", Whole("train.epochs", 1, 5)),
    ],
)
def test_a_word_is_an_axis(word: str, axis: object) -> None:
    """Every form of hydra's grammar for values becomes the axis that it describes; a key that is a whole number stays one."""
    assert read([word], {}, {"train": {"epochs": 3}}).axes == (axis,)


def test_words_go_before_the_file() -> None:
    """A word takes the place of the file's values for its key, also where it fixes the value."""
    found = read(["dpu=b512", "model.width=0.5,1"], {"dpu": ["b800", "b1152"], "quant": "xint8,refined", "board": "kv260"})
    assert [axis.key for axis in found.axes] == ["quant", "model.width"]
    assert found.fixed == ("board=kv260", "dpu=b512")
    assert found.size == 4


@pytest.mark.parametrize("place", [0.0, 1 / 3, 1.0])
def test_drawn_numbers_are_short_and_within(place: float) -> None:
    """A number from an interval has four digits, and rounding never takes it out of the interval."""
    (word,) = read(["w=interval(0.123456,0.234567)"], {}).draw(Fixed(place))
    value = float(word.removeprefix("w="))
    assert 0.123456 <= value <= 0.234567
    assert value in {0.123456, 0.1605, 0.234567, 0.2346} or len(repr(value)) <= 6


@pytest.mark.parametrize(("place", "value"), [(0.0, "0.125"), (0.2, "0.140625"), (1.0, "0.25")])
@pytest.mark.parametrize("form", ["interval(0.12,0.26)", "tag(log,interval(0.12,0.26))"])
def test_a_key_with_a_grid_is_drawn_on_it(form: str, place: float, value: str) -> None:
    """Where the schema takes multiples of a number only, nothing else is drawn, and the space has a size."""
    found = read([f"w={form}"], {}, grid=lambda _key: 1 / 64)
    assert found.draw(Fixed(place)) == (f"w={value}",)
    assert found.size == 9
    assert found.axes[0].ends == ("0.125", "0.25")


def test_an_interval_between_two_steps_is_refused() -> None:
    """An interval that holds no value that the key takes is told as such."""
    with pytest.raises(ConfigError, match=r"holds no multiple of 0\.015625"):
        read(["w=interval(0.126,0.128)"], {}, grid=lambda _key: 1 / 64)


def test_ends_are_values() -> None:
    """The ends of an axis are overrides that hold."""
    axes = read(["a=x,y", "b=range(1,4)", "c=interval(1,2)", "d=range(0.5,2,0.5)"], {}).axes
    assert [axis.ends for axis in axes] == [("x", "y"), ("1", "3"), ("1.0", "2.0"), ("0.5", "1.5")]


def test_no_end_of_points() -> None:
    """A space with an interval has no size."""
    assert read(["c=interval(1,2)", "a=1,2"], {}).size is None


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("a=interval(3,1)", "is empty"),
        ("a=range(1,1)", "is empty"),
        ("a=range(0.5,0.5,0.1)", "is empty"),
        ("a=range(1,10,0)", "no step"),
        ("a=tag(log,interval(0,1))", "must begin above 0"),
        ("a=tag(log,range(0,9))", "must begin above 0"),
        ("a=tag(log,range(0.1,1,0.1))", "use tag(log,interval(...))"),
        ("train.epochs=interval(0.5,2)", "is a whole number"),
        ("a=1", "nothing to search"),
        ("a=)(", "cannot be read"),
    ],
)
def test_a_range_that_is_none_is_refused(word: str, says: str) -> None:
    """The error says what is wrong with the range, and how one is written."""
    with pytest.raises(ConfigError) as caught:
        read([word], {}, {"train": {"epochs": 3}})
    assert says in caught.value.what + caught.value.remedy


def test_a_key_given_twice_is_refused() -> None:
    """Two ranges for one key are no space."""
    with pytest.raises(ConfigError, match="given twice"):
        read(["a=1,2", "a=3,4"], {})

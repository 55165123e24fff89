"""What a fingerprint says about the machine."""

from __future__ import annotations

import pytest

from net2bit.dpu.arch import arch, standard
from net2bit.dpu.target.configuration import PARALLELISM
from net2bit.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "high", "banks"),
    [
        ("B512", False, (8, 16, 17, 18)),
        ("B2304", False, (16, 28, 29, 30)),
        ("B4096", True, (24, 40, 41, 42)),
        ("B800", True, (12, 22, 23, 24)),
    ],
)
def test_banks_are_numbered_without_gaps(name: str, high: bool, banks: tuple[int, ...]) -> None:  # noqa: FBT001 - a case
    """Image groups, weights, the ALU's weights and biases follow one another (the published table of bank numbers)."""
    one = standard(name, high=high)
    assert (one.weight_bank, one.alu_bank, one.bias_bank, one.banks) == banks


@pytest.mark.parametrize("name", PARALLELISM)
def test_peak_is_the_name(name: str) -> None:
    """An architecture's number is its operations per cycle (B3136: 3,136)."""
    assert standard(name).peak == int(name[1:])
    assert standard(name).name == name


def test_vendor_fingerprint() -> None:
    """The fingerprint of the vendor's B4096 models says what that machine is."""
    one = arch(0x101000056010407)
    assert (one.name, one.pp, one.cp, one.groups, one.alu_pp) == ("B4096", 8, 16, 2, 4)
    assert (one.augmentation, one.leaky, one.alu_leaky, one.argmax) == (True, True, False, True)


def test_pixels_take_whole_lines() -> None:
    """A pixel's channels start on a line of their own."""
    assert [standard("B2304").lines(channels) for channels in (1, 12, 13, 24, 25)] == [1, 1, 2, 2, 3]


@pytest.mark.parametrize("fingerprint", [0, 0x1000020F6014407, 0x101000016010408, 0x101000014010407, 0x101000016010007])
def test_no_such_machine(fingerprint: int) -> None:
    """A fingerprint of another generation, or of no known configuration, is refused."""
    with pytest.raises(ConfigError):
        arch(fingerprint)


def test_near_miss() -> None:
    """A mistyped architecture gets the near one named."""
    with pytest.raises(ConfigError) as error:
        standard("B2303")
    assert error.value.suggestion == "B2304"

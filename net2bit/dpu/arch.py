"""What a DPUCZDX8G ISA1 fingerprint says about the machine: parallelism, banks and options (PG338; target_factory's bit layout)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from net2bit.dpu.target.configuration import PARALLELISM
from net2bit.errors import ConfigError, near

DEPTH: Final = 2048
"""Lines of every bank."""

VISITS: Final = 4
"""How often a window may come round to the first bank of its group: CONV and ALU have fields for four line addresses."""

_TYPE_ISA1: Final = 0x0101


@dataclass(frozen=True, slots=True)
class Arch:
    """One DPUCZDX8G ISA1 configuration.

    Banks are numbered without gaps: ``groups`` image groups of ``pp`` banks, then ``cp`` convolution weight banks, one bank for the
    weights of the ALU and one for biases; each has 2,048 lines of ``cp`` bytes.
    """

    fingerprint: int
    name: str
    pp: int
    """Rows that one CONV computes at most."""
    cp: int
    """Channels of a group: bytes of a bank line, input and output channels of one CONV."""
    groups: int
    """Image bank groups: 2 (RAM_USAGE_LOW) or 3 (RAM_USAGE_HIGH)."""
    alu_pp: int
    """Rows that one ALU or ELEW computes at most."""
    augmentation: bool
    leaky: bool
    alu_leaky: bool
    argmax: bool

    @property
    def weight_bank(self) -> int:
        """The first of ``cp`` convolution weight banks."""
        return self.groups * self.pp

    @property
    def alu_bank(self) -> int:
        """The bank of the ALU's (depthwise) weights."""
        return self.weight_bank + self.cp

    @property
    def bias_bank(self) -> int:
        """The bank of biases, for CONV and ALU."""
        return self.alu_bank + 1

    @property
    def banks(self) -> int:
        """The number of banks."""
        return self.bias_bank + 1

    @property
    def peak(self) -> int:
        """Operations (two per multiply-accumulate) in one DPU clock cycle."""
        return 2 * self.pp * self.cp * self.cp

    def lines(self, channels: int) -> int:
        """Bank lines that one pixel of so many channels takes."""
        return -(-channels // self.cp)


def arch(fingerprint: int) -> Arch:
    """The machine behind a fingerprint.

    Raises:
        ConfigError: the fingerprint is not that of a DPUCZDX8G with ISA1, or its index names no architecture this compiler knows.
    """
    names = list(PARALLELISM)
    index, groups, alu = fingerprint & 0xF, fingerprint >> 24 & 0x3, fingerprint >> 8 & 0xF
    if fingerprint >> 48 != _TYPE_ISA1:
        raise ConfigError(
            f"{fingerprint:#x} is no DPUCZDX8G with instruction set ISA1 (DPU IP 4.x)",
            where="fingerprint",
            remedy="`net2bit arch FINGERPRINT` says what it is",
        )
    if index >= len(names) or groups < 2 or not alu:  # noqa: PLR2004 - two groups are the least that exist
        raise ConfigError(
            f"{fingerprint:#x} describes no known configuration", where="fingerprint", remedy="`net2bit arch` lists the known ones"
        )
    pp, cp = PARALLELISM[names[index]]
    bits = [bool(fingerprint >> bit & 1) for bit in (26, 28, 29, 30)]
    return Arch(fingerprint, names[index], pp, cp, groups, alu, *bits)


def standard(name: str, *, high: bool = False) -> Arch:
    """The ISA1 configuration that DPU-PYNQ 2.5.1 builds of an architecture (augmentation, leaky ReLU, no argmax).

    Raises:
        ConfigError: there is no such architecture.
    """
    if name not in PARALLELISM:
        raise ConfigError(
            f"there is no architecture {name}", where="dpu", remedy=f"one of {', '.join(PARALLELISM)}", suggestion=near(name, PARALLELISM)
        )
    pp, _ = PARALLELISM[name]
    return arch(0x0101_0000_1401_0000 | (1 << 25) | (int(high) << 24) | (pp // 2) << 8 | list(PARALLELISM).index(name))

"""What a DPU takes of an FPGA, against what a device has.

DSP slices, block RAM and UltraRAM follow the formulas that the IP itself shows (`DPUCZDX8G_v3_3.gtcl`, `dpuczdx8g_v3_4.gtcl`; for 4.x the
ALU's DSP count and the banks alone, which give the tables "RAM Usage" and "DepthwiseConv (ALU)" of PG338 4.1 and a routed design): these
are exact. LUTs and flip-flops come from tables of PG338 and are estimates: within 4 % of two routed designs with IP 4.1; for IP 3.x, whose
options have fewer published figures, perhaps 10 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from net2bit.dpu.target.configuration import NO_BANKS, PARALLELISM, USUAL_URAM, Banks, Configuration, alu_default
from net2bit.dpu.target.fingerprints import depthwise_parallel
from net2bit.errors import ConfigError


class Bare(NamedTuple):
    """A core without depthwise convolution, average pooling, ReLU6 and leaky ReLU (PG338 1.2, Resources of Different DSP Usage)."""

    lut: int
    ff: int


BARE: Final = {
    "high": {
        "B512": Bare(20177, 31782),
        "B800": Bare(20617, 35065),
        "B1024": Bare(27377, 46241),
        "B1152": Bare(28698, 46906),
        "B1600": Bare(30877, 56267),
        "B2304": Bare(34379, 67481),
        "B3136": Bare(38555, 79867),
        "B4096": Bare(40865, 92630),
    },
    "low": {
        "B512": Bare(20759, 33572),
        "B800": Bare(21050, 33752),
        "B1024": Bare(29155, 49823),
        "B1152": Bare(30043, 49588),
        "B1600": Bare(33130, 60739),
        "B2304": Bare(37055, 72850),
        "B3136": Bare(41714, 86132),
        "B4096": Bare(44583, 99791),
    },
}
"""DSP48 usage -> architecture -> LUTs and flip-flops."""


class Extra(NamedTuple):
    """LUTs that options add."""

    augmentation: int
    conv_leaky: int
    alu_leaky: int
    depthwise: int
    """Of ISA0; PG338 3.4, DepthwiseConv. The others are of PG338 4.1: Channel Augmentation, ReLU Type, Argmax and Max."""
    argmax: int
    argmax_ff: int


EXTRA: Final = {
    "B512": Extra(3121, 465, 493, 1734, 422, 556),
    "B800": Extra(2624, 502, 747, 2293, 399, 547),
    "B1024": Extra(3133, 636, 643, 2744, 460, 546),
    "B1152": Extra(1744, 1038, 896, 2365, 503, 631),
    "B1600": Extra(2476, 831, 658, 3392, 590, 640),
    "B2304": Extra(1710, 460, 439, 3943, 803, 442),
    "B3136": Extra(1946, 812, 1051, 4269, 832, 758),
    "B4096": Extra(1701, 746, 947, 4930, 735, 389),
}

# PG338 4.1, "DepthwiseConv (ALU)", B4096: LUTs and flip-flops grow by these for each pixel and channel of the ALU, over a core that is
# smaller than 1.2's by these factors. The other architectures are taken to behave alike.
_ALU_LUT, _ALU_FF = 148, 206
_CORE_LUT, _CORE_FF = 0.966, 0.917

SOFTMAX: Final[dict[str, float]] = {"lut": 9580, "ff": 8019, "bram36": 4, "uram": 0, "dsp": 14}
"""A softmax core (PG338, Softmax)."""

TITLES: Final = {"dsp": "DSP slices", "bram36": "block RAMs", "uram": "UltraRAMs", "lut": "LUTs", "ff": "flip-flops"}
EXACT: Final = ("dsp", "bram36", "uram")
"""Figures that follow from formulas; the others are estimates."""

FULL: Final = 0.9
"""Share of a device from which routing and timing are known to get hard."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources of a device, or taken of it."""

    lut: float
    ff: float
    bram36: float
    uram: float
    dsp: float

    def as_dict(self) -> dict[str, float]:
        """Return the figures under their names; whole ones as whole numbers."""
        values = {name: getattr(self, name) for name in ("lut", "ff", "bram36", "uram", "dsp")}
        return {name: int(value) if value == int(value) else value for name, value in values.items()}


def need(c: Configuration) -> Resources:
    """Return what all cores of a configuration and softmax take; the rest of a design (interconnect, clocks) is not in it."""
    one = {"lut": _lut(c), "ff": _ff(c), "bram36": _bram(c), "uram": _uram(c), "dsp": _dsp(c)}
    return Resources(**{name: c.cores * value + (SOFTMAX[name] if c.softmax else 0) for name, value in one.items()})


def _dsp(c: Configuration) -> int:
    conv = c.pp * c.cp * c.cp // 4 + (c.pp * c.cp if c.dsp48 == "high" else 0)
    return 2 + conv + (c.pp // 2 + c.alu_parallel * c.cp if c.generation == "ISA1" else depthwise_parallel(c) * c.cp * 3 // 4)


def banks(c: Configuration) -> Banks:
    """Return the number of image, weight and bias banks of a core; ISA1 always has one for the ALU's weights."""
    return c.bank_groups * c.pp, c.cp + int(c.generation == "ISA1" or c.depthwise), 1


def _bram(c: Configuration) -> float:
    left = sum(max(0, all_ - uram - dram) for all_, uram, dram in zip(banks(c), c.uram, c.dram, strict=True))
    queue = math.ceil((12 + math.ceil(math.log2(banks(c)[0])) + 8 * c.cp) / 36) / 2 if c.generation == "ISA0" else 0
    return left * math.ceil(8 * c.cp / 9) / 2 + queue


def _uram(c: Configuration) -> int:
    return sum(min(all_, uram) for all_, uram in zip(banks(c), c.uram, strict=True)) * math.ceil(8 * c.cp / 72)


def _lut(c: Configuration) -> int:
    extra = EXTRA[c.architecture]
    core = BARE[c.dsp48][c.architecture].lut + extra.augmentation * c.channel_augmentation + extra.conv_leaky * c.leaky
    core += sum(c.dram) * 2048 * 8 * c.cp // 64  # a LUT holds 64 bits
    if c.generation == "ISA0":
        return core + extra.depthwise * c.depthwise
    return round(_CORE_LUT * core + _ALU_LUT * c.alu_parallel * c.cp) + extra.alu_leaky * c.alu_leaky + extra.argmax * c.argmax


def _ff(c: Configuration) -> int:
    bare = BARE[c.dsp48][c.architecture].ff
    if c.generation == "ISA0":
        return bare
    return round(_CORE_FF * bare + _ALU_FF * c.alu_parallel * c.cp) + EXTRA[c.architecture].argmax_ff * c.argmax


class Shortage(NamedTuple):
    """A resource of which a device has too little."""

    name: str
    needed: float
    there: float

    def __str__(self) -> str:
        about = "" if self.name in EXACT else "about "
        return f"{about}{self.needed:,g} of {self.there:,g} {TITLES[self.name]}"


def capacity(given: Mapping[str, Any]) -> Resources:
    """Return the resources of a board's configuration."""
    return Resources(**{name: float(given[name]) for name in ("lut", "ff", "bram36", "uram", "dsp")})


def shortages(c: Configuration, there: Resources) -> list[Shortage]:
    """Return the resources that a configuration needs more of than there are, in the order of `TITLES`."""
    needed = need(c)
    found = (Shortage(name, getattr(needed, name), getattr(there, name)) for name in TITLES)
    return [one for one in found if one.needed > one.there]


def tight(c: Configuration, there: Resources) -> list[Shortage]:
    """Return the resources that fit, but of which more than `FULL` is taken."""
    needed = need(c)
    found = (Shortage(name, getattr(needed, name), getattr(there, name)) for name in TITLES)
    return [one for one in found if FULL * one.there < one.needed <= one.there]


Choice = Literal["low", "high", "auto"]


def usual_uram(c: Configuration) -> Banks:
    """Return the banks that `URAM_ENABLE` moves, not more than there are."""
    images, weights, biases = (min(all_, usual) for all_, usual in zip(banks(c), USUAL_URAM, strict=True))
    return images, weights, biases


def chosen(c: Configuration, there: Resources | None, *, dsp48: Choice = "auto", uram: bool | Literal["auto"] = "auto") -> Configuration:
    """Return a configuration with `auto` resolved as the boards' published designs have it.

    Accumulators go to DSP slices where the device has enough of these, otherwise to LUTs; banks go to UltraRAM where block RAM alone does
    not suffice. Without a device: DSP slices, and no UltraRAM.
    """
    if dsp48 == "auto":
        high = replace(c, dsp48="high")
        dsp48 = "low" if there and need(high).dsp > there.dsp else "high"
    c = replace(c, dsp48=dsp48, uram=NO_BANKS)
    if uram == "auto":
        uram = bool(there and there.uram and need(c).bram36 > there.bram36)
    return replace(c, uram=usual_uram(c)) if uram else c


def largest(c: Configuration, there: Resources) -> Configuration | None:
    """Return the largest architecture that fits with the options of *c*, `dsp48` and `uram` as they fit best; None where none does."""
    for name in reversed(PARALLELISM):
        alu = alu_default(name) if c.generation == "ISA1" else 0
        other = chosen(replace(c, architecture=name, alu_parallel=alu, uram=NO_BANKS), there)
        if not shortages(other, there):
            return other
    return None


def require(c: Configuration, there: Resources, device: str) -> None:
    """Refuse a configuration that a device cannot hold.

    Args:
        c: The configuration.
        there: The device's resources.
        device: What to call it: board and part.

    Raises:
        ConfigError: It does not fit; with the figures and the largest architecture that does.
    """
    short = shortages(c, there)
    if short:
        raise ConfigError(
            f"{described(c)} does not fit {device}: it needs {', '.join(map(str, short))}", where="dpu, board", remedy=way_out(c, there)
        )


def described(c: Configuration) -> str:
    """Return a configuration in a few words: cores, architecture and the options that decide its size."""
    options = [f"RAM usage {c.ram_usage}", f"DSP48 usage {c.dsp48}", "UltraRAM" if any(c.uram) else "no UltraRAM"]
    cores = f"{c.cores} DPU cores" if c.cores > 1 else "a DPU"
    return f"{cores} {c.architecture} ({', '.join(options)}{', softmax' if c.softmax else ''})"


def way_out(c: Configuration, there: Resources) -> str:
    """Return what to choose instead of a configuration that does not fit."""
    best = largest(c, there)
    if best is not None and PARALLELISM[best.architecture] == PARALLELISM[c.architecture]:
        return f"it fits with dpu.options.dsp48={best.dsp48} and dpu.options.uram={str(any(best.uram)).lower()} (or auto)"
    if best is not None:
        return f"the largest that fits is dpu={best.architecture.lower()}: {described(best)} takes {_figures(best, there)}"
    single = largest(replace(c, cores=1, softmax=False, ram_usage="low"), there)
    if single is not None:
        return f"with dpu.cores=1, no softmax and RAM usage low, dpu={single.architecture.lower()} fits: {_figures(single, there)}"
    return "no DPUCZDX8G fits this device: take a larger board"


def _figures(c: Configuration, there: Resources) -> str:
    needed = need(c)
    return ", ".join(str(Shortage(name, getattr(needed, name), getattr(there, name))) for name in ("dsp", "bram36", "lut"))

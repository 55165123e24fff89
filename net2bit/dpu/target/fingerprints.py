"""The fingerprint: 64 bits that say what a DPU can execute, of which a compiled network must have the same.

Bit layout: Vitis AI's target factory (`create_target_v2.cpp` for ISA0, `create_target_DPUCZDX8G_ISA1.cpp`) and the IP's own generator
(`fingerprint_json.ttcl` of DPUCZDX8G 3.3 and 3.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from net2bit.dpu.target.configuration import LEAKY, PARALLELISM, Configuration, Relu, alu_default
from net2bit.errors import ConfigError

TYPES: Final = {
    1: "DPUCZDX8G",
    2: "DPUCAHX8H",
    3: "DPUCAHX8L",
    4: "DPUCZDI4G",
    5: "DPUCVDX8H",
    6: "DPUCVDX8G",
    7: "DPUCADF8H",
    8: "IPU_PHX",
    9: "DPUCV2DX8G",
}
"""Bits 56 to 63: the kind of DPU."""

SMALL: Final = {8: (4, 4), 9: (2, 6), 10: (2, 8), 11: (2, 4)}
"""Architectures that the target factory knows and the product guide does not: index -> pixel and channel parallelism."""

_ZDX8G, _INDEX = 1, 0xF
_WIDTH = 64
# Bits that have a meaning, each generation's own.
_USED = {"ISA0": 0x0100_0030_FF0F_FF0F, "ISA1": 0x0101_000F_7F0F_0F0F}


def dpu_type(fingerprint: int) -> str:
    """Return the name of the kind of DPU, "" where it is none that is known."""
    return TYPES.get(fingerprint >> 56, "")


def isa(fingerprint: int) -> int:
    """Return the version of the instruction set, in bits 48 to 55."""
    return fingerprint >> 48 & 0xFF


def shown(fingerprint: int) -> str:
    """Return a fingerprint as it is written: `0x101000016010405`."""
    return f"{fingerprint:#x}"


def fingerprint(c: Configuration) -> int:
    """Return the fingerprint of a configuration."""
    index = list(PARALLELISM).index(c.architecture)
    shared = index | c.bank_groups << 24 | c.channel_augmentation << 26 | c.image_mean << 27 | c.leaky << 28
    return shared | (_isa1(c) if c.generation == "ISA1" else _isa0(c))


def _isa1(c: Configuration) -> int:
    return 0x0101 << 48 | c.alu_parallel << 8 | 1 << 16 | c.alu_leaky << 29 | c.argmax << 30


def _isa0(c: Configuration) -> int:
    parallel = depthwise_parallel(c)
    value = 0x0100 << 48 | pool_parallel(c) << 8 | parallel << 12 | 1 << 16
    value |= c.relu.endswith("relu6") << 29 | c.average_pool << 30 | (c.depthwise and c.alu_relu.endswith("relu6")) << 31
    return value | c.elementwise_multiply << 36 | 1 << 37


def depthwise_parallel(c: Configuration) -> int:
    """Return `DWCV_PARALLEL`: half the pixels, 0 without depthwise convolution."""
    return alu_default(c.architecture) if c.depthwise else 0


def pool_parallel(c: Configuration) -> int:
    """Return the pixels pooled at once: half of all, 1 without depthwise convolution."""
    return alu_default(c.architecture) if c.depthwise else 1


def from_fingerprint(value: int) -> Configuration:
    """Return the configuration behind a fingerprint; what it does not say (cores, clock, RAM kinds) stands at its default.

    Raises:
        ConfigError: It is no DPUCZDX8G's, or matches no configuration; it names the fields that are off.
    """
    if not 0 <= value < 1 << _WIDTH:
        raise _wrong(value, ["a fingerprint has 64 bits"])
    if value >> 56 != _ZDX8G:
        kind = dpu_type(value)
        raise ConfigError(
            f"{shown(value)} is the fingerprint of {f'a {kind}' if kind else 'no DPU that is known'}, not of a DPUCZDX8G",
            where="fingerprint, bits 56 to 63 (type)",
            remedy="the fingerprint of a DPUCZDX8G begins with 0x100 (ISA0) or 0x101 (ISA1)",
        )
    problems = list(faults(value))
    if problems:
        raise _wrong(value, problems)
    return _decoded_isa1(value) if isa(value) == 1 else _decoded_isa0(value)


def _wrong(value: int, problems: list[str]) -> ConfigError:
    return ConfigError(
        f"{shown(value)} matches no configuration of a DPUCZDX8G: {'; '.join(problems)}",
        where="fingerprint",
        remedy="read it again from the arch.json beside the hardware design, or make it from the .hwh with `net2bit arch DESIGN.hwh`",
    )


def faults(value: int) -> Iterator[str]:
    """Yield each field of a DPUCZDX8G's fingerprint that no configuration has, with what it could be."""
    if isa(value) > 1:
        yield f"bits 48-55 (instruction set) are {isa(value)}, where 0 and 1 exist"
        return
    index, groups = value & _INDEX, value >> 24 & 3
    if index >= len(PARALLELISM):
        small = f" (a {SMALL[index][0]} x {SMALL[index][1]} core that no product has)" if index in SMALL else ""
        yield f"bits 0-3 (architecture) are {index}{small}, where 0 (B512) to 7 (B4096) exist"
        return
    if groups not in {2, 3}:
        yield f"bits 24-25 (image bank groups) are {groups}, where 2 (RAM usage low) and 3 (high) exist"
    name = list(PARALLELISM)[index]
    yield from _faults_isa1(value, name) if isa(value) else _faults_isa0(value, name)
    unused = value & ~_USED["ISA1" if isa(value) else "ISA0"]
    if unused:
        bits = [bit for bit in range(_WIDTH) if unused >> bit & 1]
        several = len(bits) > 1
        listed = ", ".join(map(str, bits))
        yield f"bits {listed} are set and mean nothing" if several else f"bit {listed} is set and means nothing"


def _faults_isa1(value: int, name: str) -> Iterator[str]:
    alu = value >> 8 & 0xF
    possible = [n for n in (1, 2, 4, 8) if n <= PARALLELISM[name][0]]
    if alu not in possible:
        yield f"bits 8-11 (ALU parallelism) are {alu}, where {name} has {', '.join(map(str, possible))}"
    if value >> 16 & 0xF != 1:
        yield f"bits 16-19 are {value >> 16 & 0xF}, always 1 with ISA1"
    if value >> 32 & 0xF:
        yield f"bits 32-35 (parallel writes of convolution and ALU) are {value >> 32 & 0xF}, where all published designs have 0"


def _faults_isa0(value: int, name: str) -> Iterator[str]:
    pool, depthwise, half = value >> 8 & 0xF, value >> 12 & 0xF, alu_default(name)
    if depthwise not in {0, half}:
        yield f"bits 12-15 (depthwise parallelism) are {depthwise}, where {name} has {half}, or 0 without depthwise convolution"
    elif pool != (depthwise or 1):
        yield f"bits 8-11 (pooling parallelism) are {pool}, which goes with this depthwise parallelism as {depthwise or 1}"
    if value >> 16 & 0xF != 1:
        yield f"bits 16-19 (elementwise parallelism) are {value >> 16 & 0xF}, always 1"
    if value >> 31 & 1 and not depthwise:
        yield "bit 31 (ReLU6 of depthwise convolution) is set, without depthwise convolution"
    if not value >> 37 & 1:
        yield "bit 37 (pooling) is 0, always 1 with ISA0"


def _relu(*, six: bool, leaky: bool) -> Relu:
    if leaky:
        return LEAKY if six else "relu_leakyrelu"
    return "relu_relu6" if six else "relu"


def _decoded_isa1(value: int) -> Configuration:
    return Configuration(
        generation="ISA1",
        architecture=list(PARALLELISM)[value & _INDEX],
        ram_usage="high" if value >> 24 & 1 else "low",
        channel_augmentation=bool(value >> 26 & 1),
        image_mean=bool(value >> 27 & 1),
        elementwise_multiply=True,
        relu=_relu(six=True, leaky=bool(value >> 28 & 1)),
        alu_relu=_relu(six=True, leaky=bool(value >> 29 & 1)),
        alu_parallel=value >> 8 & 0xF,
        argmax=bool(value >> 30 & 1),
    )


def _decoded_isa0(value: int) -> Configuration:
    depthwise = bool(value >> 12 & 0xF)
    return Configuration(
        generation="ISA0",
        architecture=list(PARALLELISM)[value & _INDEX],
        ram_usage="high" if value >> 24 & 1 else "low",
        channel_augmentation=bool(value >> 26 & 1),
        image_mean=bool(value >> 27 & 1),
        depthwise=depthwise,
        average_pool=bool(value >> 30 & 1),
        elementwise_multiply=bool(value >> 36 & 1),
        relu=_relu(six=bool(value >> 29 & 1), leaky=bool(value >> 28 & 1)),
        alu_relu="relu_relu6" if value >> 31 & 1 or not depthwise else "relu",
    )

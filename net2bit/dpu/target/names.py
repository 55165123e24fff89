"""Target names: what the vendor's compilers call the DPUs they know, and what they call the others.

Source: the target lists of Vitis AI 1.3 to 3.5 (`target_factory`, predefined and expired targets).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from net2bit.dpu.target.configuration import LEAKY, PARALLELISM, Configuration, standard
from net2bit.dpu.target.fingerprints import SMALL, dpu_type, fingerprint, isa
from net2bit.errors import ConfigError, near

OTHERS: Final[dict[str, tuple[int, ...]]] = {
    "AMD_AIE2_1x4_Overlay": (
        0x20500FFFFFE,
        0x20500270D12,
    ),
    "AMD_AIE2_4x4_Overlay": (0x20C244,),
    "AMD_AIE2_4x5_Overlay": (0x20C23F,),
    "AMD_AIE2_5x4_Overlay": (0x205001C5E05,),
    "AMD_AIE2_Nx4_Overlay": (
        0x20C243,
        0x8000205000C5E05,
    ),
    "DPUCADF8H_ISA0": (0x700000000000000,),
    "DPUCAHX8H_ISA2": (
        0x20200000000002A,
        0x20200000010002A,
    ),
    "DPUCAHX8H_ISA2_DWC": (
        0x20200000000002B,
        0x20200000010002B,
    ),
    "DPUCAHX8H_ISA2_ELP2": (0x20200000000002E,),
    "DPUCAHX8L_ISA0": (0x30000000000001D,),
    "DPUCAHX8L_ISA0_SP": (0x30000000000101D,),
    "DPUCV2DX8G_ISA0_C16M4B1": (0x900000004000414,),
    "DPUCV2DX8G_ISA1_C20B1": (0x901400044000144,),
    "DPUCV2DX8G_ISA1_C20B14": (0x901400044000E44,),
    "DPUCVDX8G_ISA0_B16384C64B1": (0x600000076080812,),
    "DPUCVDX8G_ISA0_B16384C64B1_DW": (0x6000000F6088812,),
    "DPUCVDX8G_ISA0_B4096C16B1_DW_QT": (0x6000004F2022210,),
    "DPUCVDX8G_ISA0_B4096C16B3_DW": (0x6000000F6088830,),
    "DPUCVDX8G_ISA0_B8192C32B1": (0x600000076080811,),
    "DPUCVDX8G_ISA0_B8192C32B1_ELP4": (0x600000076040411,),
    "DPUCVDX8G_ISA0_B8192C32B3": (0x600000076080831,),
    "DPUCVDX8G_ISA0_B8192C32B3_ALU": (0x6000130F6088831,),
    "DPUCVDX8G_ISA0_B8192C32B3_DW": (0x6000000F6088831,),
    "DPUCVDX8G_ISA0_B8192C32B3_I4W8B2": (0x600000276080831,),
    "DPUCVDX8G_ISA0_B8192C32B3_I8W4B2": (0x600000376080831,),
    "DPUCVDX8G_ISA0_B8192C32B3_I8W8B2": (0x600000176080831,),
    "DPUCVDX8G_ISA1_C16B1_QT": (0x601001432022110,),
    "DPUCVDX8G_ISA1_C32B3": (0x601001036088131,),
    "DPUCVDX8G_ISA2_C32B3": (0x602001036088231,),
    "DPUCVDX8G_ISA3_C32B1": (
        0x603000B16011811,
        0x603000B56011811,
    ),
    "DPUCVDX8G_ISA3_C32B3": (
        0x603000B16011831,
        0x603000B56011831,
    ),
    "DPUCVDX8G_ISA3_C32B3_PSMNET": (0x603000B16026831,),
    "DPUCVDX8G_ISA3_C32B6": (
        0x603000B16011861,
        0x603000B56011861,
    ),
    "DPUCVDX8G_ISA3_C64B1": (
        0x603000B16011812,
        0x603000B56011812,
    ),
    "DPUCVDX8G_ISA3_C64B3": (
        0x603000B16011832,
        0x603000B56011832,
    ),
    "DPUCVDX8G_ISA3_C64B5": (
        0x603000B16011852,
        0x603000B56011852,
    ),
    "DPUCVDX8H_ISA0": (0x5000000000007EE,),
    "DPUCVDX8H_ISA0_1STLAYER": (0x500000000000436,),
    "DPUCVDX8H_ISA0_6PE": (0x50000000000042E,),
    "DPUCVDX8H_ISA1_F1W2": (0x501000000007FF6,),
    "DPUCVDX8H_ISA1_F2W2": (0x501000000000FEE,),
    "DPUCVDX8H_ISA1_F2W2_6PE": (0x501000000000C2E,),
    "DPUCVDX8H_ISA1_F2W2_6PE_NONCASCADE": (0x50100000000082E,),
    "DPUCVDX8H_ISA1_F2W2_8PE": (0x501000000140FEE,),
    "DPUCVDX8H_ISA1_F2W4_4PE": (0x5010000001E082F,),
    "DPUCVDX8H_ISA1_F2W4_6PE": (0x501000000020C2E,),
    "DPUCVDX8H_ISA1_F2W4_6PE_DWC": (0x501000000020C2F,),
    "DPUCVDX8H_ISA1_F2W4_6PE_aieDWC": (0x501000000160C2F,),
    "DPUCVDX8H_ISA1_F2W4_6PE_aieMISC": (0x5010000001E082E,),
    "DPUCVDX8H_ISA1_F3W0": (0x501000000029C36,),
    "DPUCVDX8H_ISA1_F3W1": (0x501000000031C36,),
    "DPUCVDX8H_ISA1_F4W2": (0x501000000002C36,),
    "DPUCVDX8H_ISA1_F8W2": (0x501000000006C36,),
    "DPUCZDI4G_ISA0_B4096_DEMO_SSD": (0x400002003220206,),
    "DPUCZDI4G_ISA0_B8192D8_DEMO_SSD": (0x400002003220207,),
    "V70_2x3_Overlay": (
        0x20C242,
        0x80000000020C242,
    ),
}
"""DPUs other than the DPUCZDX8G: name -> its fingerprints, of the earliest release first."""

BIG: Final = ("B2304", "B3136", "B4096")
"""Architectures of which ISA0 had names with RAM usage low (`_BG2`)."""


class Known(NamedTuple):
    """A name that the vendor gave."""

    name: str
    fingerprint: int
    releases: str
    """The releases of Vitis AI that compile for it."""


def _full(architecture: str, **options: object) -> Configuration:
    return Configuration(generation="ISA0", architecture=architecture, ram_usage="high", relu=LEAKY, **options)  # type: ignore[arg-type]


def _plainest(architecture: str) -> Configuration:
    return Configuration(
        generation="ISA0",
        architecture=architecture,
        channel_augmentation=False,
        depthwise=False,
        average_pool=False,
        relu="relu_relu6",
    )


def _zdx8g() -> list[Known]:
    found: list[Known] = []
    for name in PARALLELISM:
        found.append(Known(f"DPUCZDX8G_ISA1_{name}", fingerprint(standard(name)), "2.5"))
        found.append(Known(f"DPUCZDX8G_ISA1_{name}", fingerprint(standard(name, argmax=True)), "3.0 and 3.5"))
        found.append(Known(f"DPUCZDX8G_ISA0_{name}_MAX", fingerprint(_full(name)), "1.3 to 2.0"))
        found.append(Known(f"DPUCZDX8G_ISA0_{name}_MIN", fingerprint(_plainest(name)), "1.3 to 2.0"))
    for name in BIG:
        low = Configuration(generation="ISA0", architecture=name)
        found.append(Known(f"DPUCZDX8G_ISA0_{name}_MAX_BG2", fingerprint(low), "1.3 to 2.0"))
    found.append(Known("DPUCZDX8G_ISA0_B4096_MAX_EM", fingerprint(_full("B4096", elementwise_multiply=True)), "1.3 to 2.0"))
    return found


ZDX8G: Final = tuple(_zdx8g())
"""The DPUCZDX8G's names. An ISA1 name stands for one fingerprint in Vitis AI 2.5 and for another, with argmax, from 3.0 on."""


def target_name(value: int) -> str:
    """Return the name that the vendor's tools give a fingerprint: a published one, or a synthetic one with all its digits."""
    for known in ZDX8G:
        if known.fingerprint == value:
            return known.name
    for name, values in OTHERS.items():
        if value in values:
            return name
    return synthetic(value)


def synthetic(value: int) -> str:
    """Return the name of a fingerprint that is no published target, as the target factory composes it."""
    kind = dpu_type(value)
    sizes = [*PARALLELISM.values(), *SMALL.values()]
    if kind == "DPUCZDX8G" and value & 0xF < len(sizes):
        pixels, channels = sizes[value & 0xF]
        return f"{kind}_ISA{isa(value)}_B{2 * pixels * channels * channels}_{value:016X}"
    return f"{kind or 'UNKNOWN'}_ISA{isa(value)}_{value:016X}"


def releases(value: int) -> str:
    """Return the releases of Vitis AI that have a name for the fingerprint, "" where none has (or it is no DPUCZDX8G)."""
    return next((known.releases for known in ZDX8G if known.fingerprint == value), "")


_SYNTHETIC = re.compile(r"(?P<head>.+)_(?P<digits>[0-9A-Fa-f]{16})")


def by_name(name: str) -> tuple[int, ...]:
    """Return the fingerprints that a target name stands for, the one of the earliest release first. A size alone means ISA1.

    Raises:
        ConfigError: There is no such target; with the near miss.
    """
    wanted = name.strip().upper()
    wanted = f"DPUCZDX8G_ISA1_{wanted}" if wanted in PARALLELISM else wanted
    names = {known.name for known in ZDX8G} | set(OTHERS)
    match = next((known for known in names if known.upper() == wanted), "")
    if match:
        return tuple(known.fingerprint for known in ZDX8G if known.name == match) or OTHERS[match]
    written = _SYNTHETIC.fullmatch(wanted)
    if written:
        return (_of_synthetic(name, written),)
    raise ConfigError(
        f"there is no DPU target {name!r}",
        where="target name",
        remedy="names are like DPUCZDX8G_ISA1_B4096, or a size alone (B4096); a fingerprint is like 0x101000016010407",
        suggestion=_near(wanted, names),
    )


def _of_synthetic(name: str, written: re.Match[str]) -> int:
    value = int(written["digits"], 16)
    right = synthetic(value)
    if right.upper() != name.strip().upper():
        raise ConfigError(
            f"the target name {name!r} contradicts itself: its digits are those of {right}",
            where="target name",
            remedy="take either the name or the fingerprint from the hardware's arch.json",
            suggestion=right,
        )
    return value


def _near(wanted: str, names: set[str]) -> str:
    """Return the name that was meant; for one without its kind (`B409`, `ISA1_B4096`) the kind is added."""
    short = {known.name.removeprefix("DPUCZDX8G_"): known.name for known in ZDX8G}
    shorter = {size: f"DPUCZDX8G_ISA1_{size}" for size in PARALLELISM}
    close = near(wanted, sorted({*short, *shorter}))
    return near(wanted, sorted(names)) or short.get(close) or shorter.get(close, "")

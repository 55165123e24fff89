"""What works with what: releases of DPU-PYNQ, Vitis AI, the DPU's IP, Vivado and the board's image.

Sources: the release notes and `boards/README.md` of DPU-PYNQ, "IP and Tools Compatibility" of Vitis AI 3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from net2bit.dpu.target.configuration import GENERATIONS, Generation
from net2bit.errors import ConfigError, ToolError, near


@dataclass(frozen=True, slots=True)
class Release:
    """A release of DPU-PYNQ and what belongs to it."""

    dpu_pynq: str
    date: str
    vivado: str
    """Of Vivado, Vitis and XRT."""
    vitis_ai: str
    ip: str
    """Of the DPUCZDX8G."""
    pynq: str
    """Of the image on the board's card."""
    python: str

    @property
    def generation(self) -> Generation:
        """Return the instruction set of the IP."""
        return "ISA1" if int(self.ip.partition(".")[0]) >= FIRST_ISA1_IP else "ISA0"

    def as_dict(self) -> dict[str, str]:
        """Return the row under its columns' names, ready for JSON."""
        return asdict(self) | {"generation": self.generation}


FIRST_ISA1_IP: Final = 4

RELEASES: Final = {
    row.dpu_pynq: row
    for row in (
        Release("1.1.1", "2020-08", "2019.2", "1.1", "3.2", "2.5", "3.6"),
        Release("1.2.0", "2020-12", "2020.1", "1.2", "3.2", "2.6", "3.6"),
        Release("1.3.0", "2021-03", "2020.2", "1.3", "3.3", "2.6", "3.6"),
        Release("1.3.2", "2021-05", "2020.2", "1.3.2", "3.3", "2.6", "3.6"),
        Release("1.4.0", "2022-01", "2021.1", "1.4", "3.3", "2.7", "3.8"),
        Release("2.5.0", "2022-10", "2022.1", "2.5", "4.0", "3.0", "3.10"),
        Release("2.5.1", "2022-11", "2022.1", "2.5", "4.0", "3.0", "3.10"),
        Release("design_contest_3.5", "2023-11", "2023.1", "3.5", "4.1", "3.0", "3.10"),
    )
}
"""DPU-PYNQ's releases, oldest first."""

IPS: Final = (
    ("2019.1", "3.1", "1.0"),
    ("2019.2", "3.2", "1.1"),
    ("2020.1", "3.2", "1.2"),
    ("2020.2", "3.3", "1.3"),
    ("2021.1", "3.3", "1.4"),
    ("2021.2", "3.4", "2.0"),
    ("2022.1", "4.0", "2.5"),
    ("2022.2", "4.1", "3.0"),
    ("2023.1", "4.1", "3.5"),
)
"""Vivado, DPU IP and Vitis AI that belong together, DPU-PYNQ or not."""

TWO_WAYS: Final = (
    "either put an image with DPU-PYNQ 2.5.1 or later on the board (dpu.release=2.5.1; Ultra96 v2 and KV260 alike), or compile with the "
    "vendor's toolchain of that release"
)
"""What someone with an ISA0 DPU can do."""


def release(name: str) -> Release:
    """Return a release of DPU-PYNQ.

    Raises:
        ConfigError: There is none of that name; with the near miss.
    """
    if name not in RELEASES:
        raise ConfigError(
            f"there is no DPU-PYNQ release {name!r}",
            where="dpu.release",
            remedy=f"choose one of {', '.join(RELEASES)}",
            suggestion=near(name, RELEASES),
        )
    return RELEASES[name]


def refuse_isa0(generation: Generation, where: str, besides: str = "") -> None:
    """Refuse to make machine code for ISA0.

    Args:
        generation: The instruction set that is asked for.
        where: What asks for it.
        besides: A further way out.

    Raises:
        ConfigError: *generation* is ISA0; it names the two ways out.
    """
    if generation == "ISA0":
        raise ConfigError(
            f"the open compiler writes machine code of instruction set ISA1 only, and this DPU has {GENERATIONS['ISA0']}",
            where=where,
            remedy=f"{TWO_WAYS}{besides}",
        )


def check_tools(wanted: Release, found: Mapping[str, str]) -> list[str]:
    """Compare the versions of installed tools with a release's.

    Args:
        wanted: The row of the table that is built for.
        found: `vivado`, `vitis_ai`, `ip`, `pynq`, `python` -> the version that is there; what is not there is left out.

    Returns:
        A sentence for each version that differs where a difference is known to work, or is only suspicious.

    Raises:
        ToolError: A version with which the build or the board fails: it names the row that the version belongs to.
    """
    notes = []
    for tool, version in found.items():
        right = getattr(wanted, tool, None)
        if right is None:
            raise ToolError(f"the compatibility table has no column {tool!r}", remedy="vivado, vitis_ai, ip, pynq, python")
        if _same(version, right):
            continue
        if tool in _EXACT:
            raise ToolError(
                f"{_TITLES[tool]} {version} does not go with DPU-PYNQ {wanted.dpu_pynq}, which needs {right}",
                where="compatibility table (docs of DPU-PYNQ and Vitis AI)",
                remedy=f"install {_TITLES[tool]} {right}{_others(tool, version)}",
            )
        notes.append(f"{_TITLES[tool]} {version}: DPU-PYNQ {wanted.dpu_pynq} was made with {right}")
    return notes


_EXACT = ("vivado", "vitis_ai", "ip")
_TITLES = {"vivado": "Vivado", "vitis_ai": "Vitis AI", "ip": "the DPU IP", "pynq": "the PYNQ image", "python": "Python"}


def _same(version: str, wanted: str) -> bool:
    """Return whether the version is the wanted one; further digits do not matter (2.5.0 is 2.5)."""
    return (version.strip().lower().removeprefix("v") + ".").startswith(wanted + ".")


def _others(tool: str, version: str) -> str:
    rows = [row.dpu_pynq for row in RELEASES.values() if _same(version, getattr(row, tool))]
    return f", or build for a release that goes with {version}: {', '.join(rows)}" if rows else ""


def matching_ip(vivado: str) -> tuple[str, str]:
    """Return the DPU IP and the Vitis AI that belong to a Vivado, ("", "") where none is known."""
    return next(((ip, ai) for tool, ip, ai in IPS if _same(vivado, tool)), ("", ""))

"""How DPU-PYNQ's designs differ from board to board and from release to release: clocks, ports, strategies of its `prj_config` files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from net2bit.dpu.target.compat import release
from net2bit.errors import ConfigError

PLATFORM_CLOCKS: Final = {150: 0, 300: 1, 75: 2, 100: 3, 200: 4, 400: 5, 600: 6}
"""MHz -> number of the clock, of platforms whose clocks are numbered."""

PORTS: Final = (("HPC0", "HP0", "HP1"), ("HPC0", "HP2", "HP3"), ("HP0", "HP3", "HP3"))
"""Of each core: the processor's ports for instructions and for the two data ports."""

MASTERS: Final = ("M_AXI_GP0", "M_AXI_HP0", "M_AXI_HP2")
"""A core's AXI ports: instructions, and twice data."""


@dataclass(frozen=True, slots=True)
class Design:
    """What a design has besides its DPU."""

    kernel: str = "DPUCZDX8G"
    numbered_clocks: bool = False
    """Whether the platform's clocks are chosen by number; otherwise by frequency."""
    ports: tuple[tuple[str, str, str], ...] = PORTS
    counted: bool = True
    """Whether the number of cores is written; it is 1 where not."""
    output: str = ""
    """What else v++ makes."""
    strategy: str = "Performance_Explore"
    part_placer_off: bool = False


_OLD: Final = Design(numbered_clocks=True, output="sd_card", part_placer_off=True)
_SMALL: Final = Design(numbered_clocks=True, strategy="Performance_ExploreWithRemap")
_SPECIAL: Final = {
    ("1.4.0", "ultra96v2"): _SMALL,
    ("1.4.0", "kv260"): Design(ports=(("HP1", "HP1", "HPC1"),), counted=False, output="hw_export"),
    ("2.5.0", "ultra96v2"): _SMALL,
    ("2.5.1", "ultra96v2"): _SMALL,
    ("2.5.1", "zuboard_1cg"): _SMALL,
}


def design(release_name: str, board: str) -> Design:
    """Return what DPU-PYNQ's design of a release for a board has; for a board that it has no design for, what its others have.

    Raises:
        ConfigError: There is no such release.
    """
    row = release(release_name)
    if (release_name, board) in _SPECIAL:
        return _SPECIAL[release_name, board]
    if row.generation == "ISA1":
        return Design()
    return replace(_OLD, kernel="dpu_xrt_top") if row.vitis_ai == "1.1" else _OLD


def clock(made: Design, mhz: float, pin: str) -> str:
    """Return the line that connects a clock of so many MHz to a core's pin.

    Raises:
        ConfigError: The platform has no such clock.
    """
    if not made.numbered_clocks:
        return f"freqHz={round(mhz * 1e6)}:{pin}"
    if mhz not in PLATFORM_CLOCKS:
        pairs = [f"{one:g}" for one in sorted(PLATFORM_CLOCKS) if 2 * one in PLATFORM_CLOCKS]
        raise ConfigError(
            f"the board's platform has no clock of {mhz:g} MHz",
            where="dpu.clock_mhz",
            remedy=f"the DPU needs a clock and one of twice its frequency: {', '.join(pairs)} MHz are possible",
        )
    return f"id={PLATFORM_CLOCKS[int(mhz)]}:{pin}"

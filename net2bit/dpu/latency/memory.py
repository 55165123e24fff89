"""How fast a core's ports and the board's DRAM move bytes."""

from __future__ import annotations

from dataclasses import dataclass

from net2bit.errors import ConfigError

MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Memory:
    """The DRAM of a board, and what a core reaches it through."""

    gbytes_per_second: float
    """Peak bandwidth of the DRAM: bus width times transfer rate."""
    ports_bits: int = 128
    """Width of one AXI port of the core (ARCH_HP_BW); a core has two for data."""

    def __post_init__(self) -> None:
        """Refuse what no board has.

        Raises:
            ConfigError: A bandwidth that is not positive, or a port that is neither 64 nor 128 bits wide.
        """
        if not self.gbytes_per_second > 0:
            raise ConfigError(
                f"a memory bandwidth of {self.gbytes_per_second} GB/s", where="board.memory", remedy="give the DRAM's peak, as 19.2"
            )
        if self.ports_bits not in {64, 128}:
            raise ConfigError(f"AXI ports of {self.ports_bits} bits", where="board.memory", remedy="a DPUCZDX8G has 64 or 128")

    def share(self, clock_mhz: float, cores: int, efficiency: float) -> float:
        """Return the bytes per DPU clock cycle that the DRAM gives each of *cores* cores that all ask for data."""
        return efficiency * self.gbytes_per_second * 1e9 / (clock_mhz * MEGA) / cores

    @property
    def port(self) -> float:
        """Return the bytes per clock cycle that one port can carry."""
        return self.ports_bits / 8

"""The board."""

from typing import Literal

from pydantic import Field

from schemas.base import Count, Model, Name
from schemas.dpu import Release


class Resources(Model):
    """What the programmable logic of a device holds."""

    lut: int = Field(ge=0, description="Look-up tables.")
    ff: int = Field(ge=0, description="Flip-flops.")
    bram36: int = Field(ge=0, description="Block RAMs of 36 kbit.")
    uram: int = Field(ge=0, description="UltraRAMs of 288 kbit.")
    dsp: int = Field(ge=0, description="DSP slices.")


class Memory(Model):
    """The DRAM beside the device, and how a DPU reaches it."""

    kind: str = Field(description="What it is: type, width in bits and transfers per second.")
    bits: Count = Field(description="Width of its bus in bits.")
    megatransfers: Count = Field(description="Million transfers per second on each wire.")
    gbytes_per_second: float = Field(gt=0, description="Peak bandwidth in GB/s, which is width times transfers.")
    ports_bits: Literal[64, 128] = Field(description="Width in bits of one of a DPU's AXI data ports; a core has two, at the DPU's clock.")
    source: str = Field(description="Where this is written.")


class BoardConfig(Model):
    """The board to build for."""

    name: Name = Field(description="Names the board in paths and reports.")
    title: str = Field(description="The board's full name.")
    part: str = Field(description="The device, as the vendor's tools name it.")
    family: Literal["zynq_ultrascale_plus", "zynq_7000"] = Field(description="The device's family.")
    resources: Resources | None = Field(description="The device's resources; null where not recorded, then nothing is checked.")
    memory: Memory = Field(description="The DRAM.")
    dpu_pynq: tuple[Release, ...] = Field(description="The releases of DPU-PYNQ with a design for the board.")

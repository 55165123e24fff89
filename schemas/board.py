"""The board."""

from pydantic import Field

from schemas.base import Model, Name


class Resources(Model):
    """What the programmable logic of a device holds."""

    lut: int = Field(ge=0, description="Look-up tables.")
    ff: int = Field(ge=0, description="Flip-flops.")
    bram36: int = Field(ge=0, description="Block RAMs of 36 kbit.")
    uram: int = Field(ge=0, description="UltraRAMs of 288 kbit.")
    dsp: int = Field(ge=0, description="DSP slices.")


class BoardConfig(Model):
    """The board to build for."""

    name: Name = Field(description="Names the board in paths and reports.")
    title: str = Field(description="The board's full name.")
    part: str = Field(description="The device, as the vendor's tools name it.")
    resources: Resources | None = Field(description="The device's resources; null where not recorded.")

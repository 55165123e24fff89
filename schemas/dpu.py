"""The DPU: AMD's convolution engine for Zynq UltraScale+ (DPUCZDX8G)."""

from typing import Literal

from pydantic import Field

from schemas.base import Count, Model, Name

Size = Literal["b512", "b800", "b1024", "b1152", "b1600", "b2304", "b3136", "b4096"]
Release = Literal["1.1.1", "1.2.0", "1.3.0", "1.3.2", "1.4.0", "2.5.0", "2.5.1", "design_contest_3.5"]
Relu = Literal["relu_relu6", "relu_leakyrelu_relu6"]


class DpuOptions(Model):
    """The switches of the core's configuration (PG338). The last five do not change what it can execute."""

    ram_usage: Literal["low", "high"] = Field(description="On-chip memory for feature maps: two or three groups of banks.")
    channel_augmentation: bool = Field(description="Better use of the first layer, whose input has few channels.")
    depthwise: bool = Field(description="Depthwise convolution. A choice up to release 1.4; later DPUs always have it.")
    average_pool: bool = Field(description="Average pooling. A choice up to release 1.4; later DPUs always have it.")
    elementwise_multiply: bool = Field(
        description="Elementwise multiplication, besides addition. A choice up to release 1.4; later DPUs always have it."
    )
    relu: Relu = Field(description="The activations a convolution can end in.")
    alu_relu: Relu = Field(description="The activations of everything else; from release 2.5 on.")
    alu_parallel: Literal["default", 1, 2, 4, 8] = Field(
        description="Pixels at once in all but convolutions; the default is half of a convolution's. From release 2.5 on."
    )
    argmax: bool = Field(description="Argmax while saving; from DPU IP 4.1 on, which is release design_contest_3.5.")
    dsp48: Literal["low", "high", "auto"] = Field(
        description="Accumulators of DSP slices (high) or of LUTs (low); auto takes DSP slices where the board has enough."
    )
    uram: bool | Literal["auto"] = Field(
        description="UltraRAM in place of block RAM, on devices that have it; auto where block RAM does not suffice."
    )
    low_power: bool = Field(description="Clock gating.")
    softmax: bool = Field(description="A softmax core beside the DPU.")


class DpuConfig(Model):
    """The DPU to build for."""

    name: Name = Field(description="Names the configuration in paths and reports.")
    size: Size = Field(description="Peak operations per clock.")
    release: Release = Field(
        description="The release of DPU-PYNQ whose hardware is built; up to 1.4 that is instruction set ISA0, from 2.5 on ISA1."
    )
    cores: int = Field(ge=1, le=4, description="DPU cores.")
    clock_mhz: float = Field(ge=50, le=400, description="Clock in MHz; the DSP slices run at twice this.")
    max_subgraphs: Count | None = Field(
        description="Greatest number of parts of the network on the DPU, with the processor computing in between; more fail the build, "
        "null allows any."
    )
    options: DpuOptions = Field(description="The core's switches.")

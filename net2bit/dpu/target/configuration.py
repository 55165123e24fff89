"""One DPUCZDX8G as it is configured: every option of `dpu_conf.vh`, in the field's words.

Source: PG338 (Product Specification), the `dpu_conf.vh` files of Vitis AI 1.1 to 3.5.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from net2bit.errors import ConfigError, near

Generation = Literal["ISA0", "ISA1"]
Level = Literal["low", "high"]
Relu = Literal["relu", "relu_relu6", "relu_leakyrelu", "relu_leakyrelu_relu6"]
Device = Literal["mpsoc", "zynq7000"]
Banks = tuple[int, int, int]
"""Numbers of image, weight and bias banks."""

LEAKY: Final[Relu] = "relu_leakyrelu_relu6"
NO_BANKS: Final[Banks] = (0, 0, 0)
USUAL_URAM: Final[Banks] = (5, 17, 1)
"""Banks that `URAM_ENABLE` moves to UltraRAM, in all published designs."""

PARALLELISM: Final = {
    "B512": (4, 8),
    "B800": (4, 10),
    "B1024": (8, 8),
    "B1152": (4, 12),
    "B1600": (8, 10),
    "B2304": (8, 12),
    "B3136": (8, 14),
    "B4096": (8, 16),
}
"""Architecture -> pixel and channel parallelism (input = output), in the order of the fingerprint's index (PG338, Architecture)."""

GENERATIONS: Final = {
    "ISA0": "instruction set ISA0: DPU IP up to 3.x, Vitis AI up to 2.0, DPU-PYNQ up to 1.4",
    "ISA1": "instruction set ISA1: DPU IP 4.x, Vitis AI from 2.5, DPU-PYNQ from 2.5",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One kind of DPU core, how many of it, and how they are built.

    Options that a generation does not have stand at the value its hardware fixes: ISA1 always has depthwise convolution, average
    pooling and elementwise multiplication, in one ALU; ISA0 has no argmax and no leaky ReLU outside convolutions.
    """

    generation: Generation
    architecture: str
    """A key of `PARALLELISM`."""
    cores: int = 1
    clock_mhz: float | None = None
    """Clock of the AXI side; the DSP slices run at twice this. None where unknown."""
    ram_usage: Level = "low"
    """Two (low) or three (high) groups of image banks."""
    channel_augmentation: bool = True
    image_mean: bool = False
    """Subtraction of a mean while loading; no published design has it."""
    depthwise: bool = True
    average_pool: bool = True
    elementwise_multiply: bool = False
    relu: Relu = LEAKY
    """Activations of a convolution."""
    alu_relu: Relu = "relu_relu6"
    """Activations of the ALU (ISA1); of depthwise convolution (ISA0), where leaky ReLU is none of them."""
    alu_parallel: int = 0
    """Pixels that the ALU works on at once (ISA1); 0 on ISA0."""
    argmax: bool = False
    """Argmax while saving (ISA1, from Vitis AI 3.0)."""
    dsp48: Level = "high"
    """Accumulators of DSP slices (high) or of LUTs (low)."""
    uram: Banks = NO_BANKS
    """Banks in UltraRAM."""
    dram: Banks = NO_BANKS
    """Banks in distributed RAM."""
    low_power: bool = False
    """Gating of the doubled clock."""
    device: Device = "mpsoc"
    softmax: bool = False
    """A softmax core beside the DPU."""

    def __post_init__(self) -> None:
        """Refuse what no DPU can be.

        Raises:
            ConfigError: An unknown architecture, or an option outside its range or not of this generation.
        """
        problem = _problem(self)
        if problem:
            raise ConfigError(problem, where="the DPU's configuration", remedy="PG338, Product Specification, lists what can be chosen")

    @property
    def pp(self) -> int:
        """Pixel parallelism."""
        return PARALLELISM[self.architecture][0]

    @property
    def cp(self) -> int:
        """Channel parallelism, of inputs and of outputs."""
        return PARALLELISM[self.architecture][1]

    @property
    def bank_groups(self) -> int:
        """Groups of image banks."""
        return 3 if self.ram_usage == "high" else 2

    @property
    def peak(self) -> int:
        """Operations of one core in one clock; a multiplication and an addition count as two."""
        return 2 * self.pp * self.cp * self.cp

    @property
    def leaky(self) -> bool:
        """Whether a convolution can end in leaky ReLU."""
        return "leakyrelu" in self.relu

    @property
    def alu_leaky(self) -> bool:
        """Whether what the ALU does can end in leaky ReLU."""
        return "leakyrelu" in self.alu_relu

    def as_dict(self) -> dict[str, Any]:
        """Return all options under their names, ready for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def architecture(name: str) -> str:
    """Return the architecture that *name* means, in whatever case it is written.

    Raises:
        ConfigError: There is none; with the near miss.
    """
    if name.upper() not in PARALLELISM:
        raise ConfigError(
            f"there is no DPU architecture {name!r}",
            remedy=f"choose one of {', '.join(PARALLELISM)}",
            suggestion=near(name.upper(), PARALLELISM),
        )
    return name.upper()


def alu_default(name: str) -> int:
    """Return the ALU parallelism of `ALU_PARALLEL_DEFAULT`: half the pixels (PG338 recommends it)."""
    return PARALLELISM[name][0] // 2


def standard(name: str, *, argmax: bool = False) -> Configuration:
    """Return the ISA1 configuration of an architecture as DPU-PYNQ 2.5.1 (or, with *argmax*, Vitis AI 3.0 and later) builds it.

    Raises:
        ConfigError: There is no such architecture.
    """
    found = architecture(name)
    return Configuration(generation="ISA1", architecture=found, elementwise_multiply=True, alu_parallel=alu_default(found), argmax=argmax)


def differences(one: Configuration, two: Configuration, *, model_only: bool = True) -> list[tuple[str, Any, Any]]:
    """Return option, first and second value of each option that differs.

    Args:
        one: The first configuration.
        two: The second.
        model_only: Only options that change what a compiled network looks like, which are those in a fingerprint.
    """
    names = RELATED_TO_MODEL if model_only else tuple(field.name for field in fields(Configuration))
    return [(name, getattr(one, name), getattr(two, name)) for name in names if getattr(one, name) != getattr(two, name)]


RELATED_TO_MODEL: Final = (
    "generation",
    "architecture",
    "ram_usage",
    "channel_augmentation",
    "image_mean",
    "depthwise",
    "average_pool",
    "elementwise_multiply",
    "relu",
    "alu_relu",
    "alu_parallel",
    "argmax",
)
"""Options whose change makes compiled networks invalid ("relates to model" in `dpu_conf.vh`)."""

_MOST_CORES = 4


def _problem(c: Configuration) -> str:
    if c.architecture not in PARALLELISM:
        return f"there is no DPU architecture {c.architecture!r}: one of {', '.join(PARALLELISM)}"
    if not 1 <= c.cores <= _MOST_CORES:
        return f"{c.cores} DPU cores: 1 to {_MOST_CORES} are possible"
    return _problem_isa1(c) if c.generation == "ISA1" else _problem_isa0(c)


def _problem_isa1(c: Configuration) -> str:
    possible = [n for n in (1, 2, 4, 8) if n <= c.pp]
    if c.alu_parallel not in possible:
        return f"an ALU parallelism of {c.alu_parallel}: {c.architecture} can have {', '.join(map(str, possible))}"
    if not (c.depthwise and c.average_pool and c.elementwise_multiply):
        return "the ALU of a DPU with ISA1 always has depthwise convolution, average pooling and elementwise multiplication"
    if not (c.relu.endswith("relu6") and c.alu_relu.endswith("relu6")):
        return "a DPU with ISA1 always has ReLU6"
    if c.device != "mpsoc":
        return "a DPU with ISA1 (IP 4.x) runs on Zynq UltraScale+ only"
    return ""


def _problem_isa0(c: Configuration) -> str:
    if c.alu_parallel:
        return "a DPU with ISA0 has no ALU, so no ALU parallelism"
    if c.argmax:
        return "a DPU with ISA0 has no argmax: it came with IP 4.1"
    if c.alu_leaky:
        return "a DPU with ISA0 has leaky ReLU in convolutions only"
    return ""

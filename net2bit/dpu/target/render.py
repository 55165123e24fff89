"""The two files that DPU-PYNQ's build takes from a board's folder: `dpu_conf.vh` (the DPU) and `prj_config` (how it is connected)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from net2bit.dpu.target import compat, designs
from net2bit.dpu.target.configuration import NO_BANKS, Configuration, Relu, alu_default
from net2bit.dpu.target.resources import described, usual_uram
from net2bit.errors import ConfigError

TEMPLATES: Final = Path(__file__).parents[3] / "templates" / "dpu"
USUAL_DRAM: Final = (1, 1, 1)
SOFTMAX: Final = "sfm_xrt_top"

_RELU: Final[dict[Relu, str]] = {"relu_relu6": "RELU_RELU6", "relu_leakyrelu_relu6": "RELU_LEAKYRELU_RELU6"}


def dpu_conf(c: Configuration, release: str) -> str:
    """Return the `dpu_conf.vh` of a configuration, with the options that the release knows.

    Raises:
        ConfigError: The configuration is of the other generation, or has what `dpu_conf.vh` cannot say.
    """
    row = _row(c, release)
    if {c.relu, c.alu_relu} - set(_RELU):
        raise ConfigError("dpu_conf.vh knows no DPU without ReLU6", where="dpu.options.relu", remedy="take relu_relu6, or the Vivado flow")
    return _render(
        "dpu_conf.vh.j2",
        title=described(c),
        release=release,
        ip=row.ip,
        architecture=c.architecture,
        uram_enabled=c.uram != NO_BANKS,
        uram=c.uram if c.uram != NO_BANKS else usual_uram(c),
        has_dram=row.ip >= "3.3",
        dram_enabled=c.dram != NO_BANKS,
        dram=c.dram if c.dram != NO_BANKS else USUAL_DRAM,
        switches=list(_switches(c, row)),
    )


def prj_config(c: Configuration, release: str, board: str) -> str:
    """Return the `prj_config` of a configuration on a board.

    Raises:
        ConfigError: The configuration is of the other generation, the platform lacks its clock, or no design has so many cores.
    """
    _row(c, release)
    made = designs.design(release, board)
    if c.cores > len(made.ports):
        raise ConfigError(
            f"no design for {board} connects {c.cores} DPU cores: {len(made.ports)} is the most",
            where="dpu.cores",
            remedy="take fewer cores",
        )
    if c.clock_mhz is None:
        raise ConfigError("the DPU's clock is not known", where="dpu.clock_mhz", remedy="give it one")
    return _render(
        "prj_config.j2",
        title=f"{described(c)} on {board} at {c.clock_mhz:g} MHz",
        release=release,
        clocks=list(_clocks(c, made, c.clock_mhz)),
        connectivity=list(_connectivity(c, made)),
        output=made.output,
        strategy=made.strategy,
        part_placer_off=made.part_placer_off,
    )


def _row(c: Configuration, release: str) -> compat.Release:
    row = compat.release(release)
    if row.generation != c.generation:
        raise ConfigError(
            f"DPU-PYNQ {release} builds DPUs with {row.generation}, and this one has {c.generation}",
            where="dpu.release",
            remedy=compat.TWO_WAYS,
        )
    return row


def _switches(c: Configuration, row: compat.Release) -> Iterator[tuple[str, str]]:
    yield "Groups of image banks, two or three (model)", f"RAM_USAGE_{c.ram_usage.upper()}"
    yield "First layers with few channels (model)", _switch("CHANNEL_AUGMENTATION", on=c.channel_augmentation)
    yield from _isa1(c, row) if c.generation == "ISA1" else _isa0(c, row)
    yield "Accumulators of DSP slices or of LUTs", f"DSP48_USAGE_{c.dsp48.upper()}"
    if row.vitis_ai != "1.1":
        yield "Clock gating", _switch("LOWPOWER", on=c.low_power)
        yield "Family of the device", c.device.upper()


def _isa1(c: Configuration, row: compat.Release) -> Iterator[tuple[str, str]]:
    parallel = "DEFAULT" if c.alu_parallel == alu_default(c.architecture) else str(c.alu_parallel)
    yield "Pixels at once in the ALU (model)", f"ALU_PARALLEL_{parallel}"
    yield "Activations of convolutions (model)", f"CONV_{_RELU[c.relu]}"
    yield "Activations of the ALU (model)", f"ALU_{_RELU[c.alu_relu]}"
    if row.ip >= "4.1":
        yield "Argmax while saving (model)", _switch("SAVE_ARGMAX", on=c.argmax)


def _isa0(c: Configuration, row: compat.Release) -> Iterator[tuple[str, str]]:
    yield "Depthwise convolution (model)", _switch("DWCV", on=c.depthwise)
    yield "Average pooling (model)", _switch("POOL_AVG", on=c.average_pool)
    if row.ip >= "3.3":
        yield "Elementwise multiplication (model)", _switch("ELEW_MULT", on=c.elementwise_multiply)
    yield "Activations (model)", _RELU[c.relu]


def _switch(name: str, *, on: bool) -> str:
    return f"{name}_{'ENABLE' if on else 'DISABLE'}"


def _clocks(c: Configuration, made: designs.Design, mhz: float) -> Iterator[str]:
    for core in range(1, c.cores + 1):
        yield designs.clock(made, mhz, f"{made.kernel}_{core}.aclk")
        yield designs.clock(made, 2 * mhz, f"{made.kernel}_{core}.ap_clk_2")
    if c.softmax:
        yield designs.clock(made, mhz, f"{SOFTMAX}_1.aclk")


def _connectivity(c: Configuration, made: designs.Design) -> Iterator[str]:
    for core, ports in enumerate(made.ports[: c.cores], start=1):
        for master, port in zip(designs.MASTERS, ports, strict=True):
            yield f"sp={made.kernel}_{core}.{master}:{port}"
    if c.softmax:
        yield f"sp={SOFTMAX}_1.M_AXI:HPC0"
    if made.counted:
        yield f"nk={made.kernel}:{c.cores}"
    if c.softmax:
        yield f"nk={SOFTMAX}:1"


def _render(template: str, **values: Any) -> str:
    import jinja2  # noqa: PLC0415 - the schemas import this package, and nothing that they import needs jinja2

    made = jinja2.Environment(  # noqa: S701 - Verilog and INI files, no HTML
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return made.get_template(template).render(**values)

"""The hardware hand-off file of a design (`.hwh`): which DPU it holds.

Both flows are read. The Vitis flow has one module for each core (`xilinx.com:RTLKernel:dpu_xrt_top`, later `DPUCZDX8G`); the Vivado flow
has one module for all cores (`xilinx.com:ip:dpuczdx8g`, formerly `dpu_eu`) with their number in a parameter, and may write `7.0` for 7.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from net2bit.dpu.target.configuration import PARALLELISM, Configuration, Relu, alu_default
from net2bit.errors import ConfigError

IPS: Final = frozenset({"dpu_xrt_top", "dpuczdx8g", "dpu_eu"})
"""Names of the DPUCZDX8G in a module's VLNV, in lower case."""

SOFTMAX: Final = "sfm_xrt_top"
FIRST_ISA1: Final = 0x40
"""`SYS_IP_VER` of the first IP with ISA1, 4.0."""

NEEDED: Final = (
    *("ARCH_HP_BW", "ARCH_IMG_BKGRP", "ARCH_PP", "ARCH_ICP", "ARCH_OCP"),
    *("RAM_DEPTH_MEAN", "RAM_DEPTH_BIAS", "RAM_DEPTH_WGT", "RAM_DEPTH_IMG"),
    *("LOAD_PARALLEL", "LOAD_AUGM", "SAVE_PARALLEL", "CONV_WR_PARALLEL", "CONV_LEAKYRELU", "CONV_RELU6", "VER_TARGET"),
)
"""Parameters without which nothing can be said of a DPU."""

# Parameters in which the cores of one design may differ.
_OWN = ("INSTANCE", "Component_Name", "C_BASEADDR", "C_HIGHADDR", "VER_DPU_NUM")
_REMEDY = "export it again from Vivado (File, Export, Export Hardware), or take the .hwh that was made with the bitstream"


@dataclass(frozen=True, slots=True)
class Design:
    """What a hardware hand-off file says about its DPU."""

    file: str
    configuration: Configuration
    instances: tuple[str, ...]
    """The modules' names in the design."""
    parameters: Mapping[str, str]
    """All parameters of the first module, as they are written."""
    vivado: str
    board: str
    device: str

    def number(self, name: str, default: int = 0) -> int:
        """Return a parameter as a number, *default* where the design does not have it.

        Raises:
            ConfigError: It is none.
        """
        return number(self.parameters, name, self.file, default)

    @property
    def ip_version(self) -> str:
        """Return the version of the DPU's IP, such as `3.2`; "" where the design does not say."""
        value = self.number("SYS_IP_VER")
        return f"{value >> 4 & 0xF}.{value & 0xF}" if value else ""

    @property
    def target_version(self) -> str:
        """Return the version of the target, such as `1.4.1`."""
        value = self.number("VER_TARGET")
        return f"{value >> 8}.{value >> 4 & 0xF}.{value & 0xF}"

    @property
    def port_bits(self) -> int:
        """Return the width of an AXI data port."""
        return 16 << self.number("ARCH_HP_BW")

    @property
    def made(self) -> str:
        """Return when the IP was made, as the vendor's dlet names its file: month, day, year, hour, minute."""
        parts = {name: self.number(f"TIME_{name}") for name in ("MONTH", "DAY", "YEAR", "HOUR", "QUARTER")}
        date = f"{parts['MONTH']:02}-{parts['DAY']:02}-{2000 + parts['YEAR'] % 2000}"
        return f"{date}-{parts['HOUR']:02}-{15 * parts['QUARTER']:02}"


def read(file: Path | str) -> Design:
    """Return what a hardware hand-off file says.

    Raises:
        ConfigError: The file cannot be read, is no such file, holds no DPU, DPUs of different kinds, or one that does not exist.
    """
    path = Path(file)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path.name} cannot be read: {error.strerror}", where=str(path), remedy="give the path of a .hwh file"
        ) from error
    return parse(data, str(path))


def parse(data: bytes, file: str) -> Design:
    """Return what the content of a hardware hand-off file says; *file* is named in errors.

    Raises:
        ConfigError: As for `read`.
    """
    root = _root(data, file)
    modules = [module for module in root.iter("MODULE") if _ip(module) in IPS]
    if not modules:
        raise _none(root, file)
    cores = [_parameters(module) for module in modules]
    _same(modules, cores, file)
    first = cores[0]
    missing = [name for name in NEEDED if name not in first]
    if missing:
        raise ConfigError(f"the DPU in {Path(file).name} lacks {', '.join(missing)}", where=f"{file}, {_name(modules[0])}", remedy=_REMEDY)
    found = configuration(first, file)
    count = sum(number(core, "VER_DPU_NUM", file, 1) for core in cores)
    softmax = found.softmax or any(_ip(module) == SOFTMAX for module in root.iter("MODULE"))
    system = root.find("SYSTEMINFO")
    about = system.attrib if system is not None else {}
    return Design(
        file=file,
        configuration=replace(found, cores=count, softmax=softmax),
        instances=tuple(_name(module) for module in modules),
        parameters=first,
        vivado=root.get("VIVADOVERSION", ""),
        board=about.get("BOARD", ""),
        device=about.get("DEVICE", ""),
    )


def _root(data: bytes, file: str) -> ET.Element:
    name = Path(file).name
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is no text: byte {error.start} is not UTF-8", where=file, remedy=_REMEDY) from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities could expand without bound, or read other files; Vivado writes none
        raise ConfigError(f"{name} declares a document type or entities, which no hardware hand-off file does", where=file, remedy=_REMEDY)
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a document type there is nothing to expand
    except ET.ParseError as error:
        line, column = error.position
        what = f"{name} is no hardware hand-off file, or is damaged: {str(error).split(':', maxsplit=1)[0]}"
        raise ConfigError(what, where=f"{file}, line {line}, column {column}", remedy=_REMEDY) from error
    if root.tag != "EDKSYSTEM":
        raise ConfigError(f"{name} is XML, but no hardware hand-off file: its root is <{root.tag}>", where=file, remedy=_REMEDY)
    return root


def _none(root: ET.Element, file: str) -> ConfigError:
    """Return the error for a design without a DPUCZDX8G: another DPU in it is named."""
    others = sorted({_ip(module).upper() for module in root.iter("MODULE") if _ip(module).startswith(("dpuc", "dpu_"))})
    count = sum(1 for _ in root.iter("MODULE"))
    what = f"holds {', '.join(others)}, which is no DPUCZDX8G" if others else "holds no DPU"
    return ConfigError(
        f"{Path(file).name} {what} ({count} modules)",
        where=file,
        remedy="take the .hwh of the design with the DPU: dpu.hwh of DPU-PYNQ, or the one beside the .xclbin; "
        "a module xilinx.com:RTLKernel:DPUCZDX8G or xilinx.com:ip:dpuczdx8g must be in it",
    )


def _same(modules: list[ET.Element], cores: list[dict[str, str]], file: str) -> None:
    """Refuse DPUs of different kinds: one compiled network could not run on all of them."""
    for module, core in zip(modules[1:], cores[1:], strict=True):
        names = sorted({*cores[0], *core} - set(_OWN))
        other = [
            f"{name} is {cores[0].get(name, 'absent')} in {_name(modules[0])} and {core.get(name, 'absent')} in {_name(module)}"
            for name in names
            if name.startswith(_MATTERS) and cores[0].get(name) != core.get(name)
        ]
        if other:
            raise ConfigError(
                f"{Path(file).name} holds DPUs of different kinds: {'; '.join(other)}",
                where=f"{file}, {_name(modules[0])} and {_name(module)}",
                remedy="build all DPU cores of a design from one configuration: a compiled network runs on one kind",
            )


_MATTERS = ("ARCH_", "RAM_DEPTH_", "LOAD_", "CONV_", "SAVE_", "POOL_", "DWCV_", "ELEW_", "ALU_", "MISC_", "VER_TARGET", "SYS_IP_VER")


def _ip(module: ET.Element) -> str:
    """Return the IP's name in a module's VLNV (vendor:library:name:version), in lower case."""
    parts = module.get("VLNV", "").split(":")
    return parts[2].lower() if len(parts) > 2 else ""  # noqa: PLR2004 - the third part is the name


def _name(module: ET.Element) -> str:
    return module.get("INSTANCE") or module.get("FULLNAME", "").lstrip("/")


def _parameters(module: ET.Element) -> dict[str, str]:
    """Return the module's own parameters; those of its bus interfaces stand elsewhere."""
    return {item.get("NAME", ""): item.get("VALUE", "") for item in module.iterfind("PARAMETERS/PARAMETER")}


def number(parameters: Mapping[str, str], name: str, file: str, default: int = 0) -> int:
    """Return a parameter as a whole number: `7`, `7.0`, `0x141`; *default* where it is absent.

    Raises:
        ConfigError: It is no whole number.
    """
    text = parameters.get(name)
    if text is None:
        return default
    try:
        value = int(text, 16) if text.lower().startswith("0x") else float(text)
    except ValueError:
        value = 0.5
    if value != int(value):
        raise ConfigError(f"the DPU's parameter {name} is {text!r}, not a whole number", where=file, remedy=_REMEDY)
    return int(value)


def configuration(parameters: Mapping[str, str], file: str) -> Configuration:
    """Return the configuration of one core that has these parameters.

    Raises:
        ConfigError: No DPUCZDX8G has them.
    """

    def value(name: str, default: int = 0) -> int:
        return number(parameters, name, file, default)

    if value("ARCH_IMG_BKGRP") not in {2, 3}:
        raise ConfigError(
            f"ARCH_IMG_BKGRP is {value('ARCH_IMG_BKGRP')}: a DPU has 2 or 3 groups of image banks", where=file, remedy=_REMEDY
        )
    frequency = parameters.get("M_AXI_FREQ_MHZ", "")
    shared = Configuration(
        generation="ISA0",
        architecture=_architecture(value("ARCH_PP"), value("ARCH_ICP"), value("ARCH_OCP"), file),
        clock_mhz=float(frequency) if frequency.replace(".", "", 1).isdigit() else None,
        ram_usage="high" if value("ARCH_IMG_BKGRP") == 3 else "low",  # noqa: PLR2004 - three groups are RAM_USAGE_HIGH
        channel_augmentation=bool(value("LOAD_AUGM")),
        image_mean=bool(value("LOAD_IMG_MEAN")),
        relu=_relu(six=value("CONV_RELU6"), leaky=value("CONV_LEAKYRELU")),
        dsp48="high" if value("CONV_DSP_ACCU_ENA") else "low",
        uram=(value("UBANK_IMG_N"), value("UBANK_WGT_N"), value("UBANK_BIAS")),
        dram=(value("DBANK_IMG_N"), value("DBANK_WGT_N"), value("DBANK_BIAS")),
        low_power=bool(value("CLK_GATING_ENA")),
        device="zynq7000" if parameters.get("DSP48_VER") == "DSP48E1" else "mpsoc",
        softmax=bool(value("SFM_ENA")),
    )
    if value("SYS_IP_VER") >= FIRST_ISA1 or "ALU_PARALLEL" in parameters:
        return replace(
            shared,
            generation="ISA1",
            elementwise_multiply=True,
            alu_parallel=value("ALU_PARALLEL"),
            alu_relu=_relu(six=1, leaky=value("ALU_LEAKYRELU")),
            argmax=bool(value("SAVE_ARGMAX_ENA")),
        )
    return _isa0(shared, parameters, file)


def _architecture(pixels: int, inputs: int, outputs: int, file: str) -> str:
    name = next((name for name, known in PARALLELISM.items() if known == (pixels, inputs) and inputs == outputs), "")
    if not name:
        sizes = f"{pixels} x {inputs} x {outputs}"
        raise ConfigError(f"no architecture works on {sizes} pixels, input and output channels", where=file, remedy=_REMEDY)
    return name


def _isa0(shared: Configuration, parameters: Mapping[str, str], file: str) -> Configuration:
    parallel = number(parameters, "DWCV_PARALLEL", file)
    if parallel not in {0, alu_default(shared.architecture)}:
        what = f"DWCV_PARALLEL is {parallel}: {shared.architecture} has {alu_default(shared.architecture)}, or 0"
        raise ConfigError(f"{what} without depthwise convolution", where=file, remedy=_REMEDY)
    return replace(
        shared,
        depthwise=bool(parallel),
        average_pool=bool(number(parameters, "POOL_AVERAGE", file)),
        elementwise_multiply=bool(number(parameters, "ELEW_MULT_EN", file)),
        alu_relu="relu_relu6" if not parallel or number(parameters, "DWCV_RELU6", file) else "relu",
    )


def _relu(*, six: int, leaky: int) -> Relu:
    if leaky:
        return "relu_leakyrelu_relu6" if six else "relu_leakyrelu"
    return "relu_relu6" if six else "relu"

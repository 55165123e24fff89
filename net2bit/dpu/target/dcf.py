"""The DPU configuration file (`.dcf`) of Vitis AI up to 1.2: a small protobuf message, here byte for byte as the vendor's dlet writes it.

No `.proto` of it is public; the field numbers come from decoding published files, and files made here from published `.hwh` files equal the
`.dcf` beside them. Its readers ended with Vitis AI 1.2, so it says ISA0 by its nature; one made for a DPU with ISA1 carries the target's
name as text, so that it can be told apart, and lists the ALU as depthwise convolution.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from net2bit.dpu.target import names
from net2bit.dpu.target.configuration import PARALLELISM, Configuration, alu_default
from net2bit.dpu.target.fingerprints import depthwise_parallel, fingerprint, from_fingerprint, pool_parallel
from net2bit.dpu.target.hwh import Design
from net2bit.errors import ConfigError

TEXT: Final = "xrt test"
"""`DNNDK_PRINT` of every design of the Vitis flow."""

NEWEST: Final = 0x141
"""`VER_TARGET` of all IPs since 3.2: 1.4.1."""

DEPTHS: Final = {0: 512, 1: 1024, 3: 2048, 7: 4096}
"""Code of a RAM's depth -> lines of a weight, bias or image bank; a mean bank has a 32nd of 1,024, 16 to 128."""

_MESSAGES: Final = {
    "Dcf": {1: "version uint32", 3: "body Body"},
    "Body": {1: "kind uint32", 2: "core Core*"},
    "Core": {2: "arch Arch", 3: "ram Ram", 4: "engines Engines", 5: "about About"},
    "Arch": {
        1: "layout uint32",
        5: "target uint32",
        6: "port_bits uint32",
        7: "data_width uint32",
        8: "bank_groups uint32",
        9: "pp uint32",
        10: "icp uint32",
        11: "ocp uint32",
    },
    "Ram": {1: "mean uint32", 2: "bias uint32", 3: "weights uint32", 4: "image uint32"},
    "Engines": {
        1: "load Engine",
        2: "save Engine",
        3: "conv Engine",
        4: "pool Engine",
        5: "depthwise Engine",
        6: "eltwise Engine",
        7: "misc Engine",
    },
    "Engine": {1: "parallel uint32", 5: "option uint32", 6: "relu6 uint32", 7: "kernels bytes"},
    "About": {1: "text string"},
}
_POOL_KERNELS: Final = bytes(range(2, 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """One core as a dcf describes it."""

    target: int = NEWEST
    port_bits: int = 128
    data_width: int = 1
    bank_groups: int = 2
    pp: int = 8
    icp: int = 16
    ocp: int = 16
    mean_depth: int = 32
    bias_depth: int = 2048
    weights_depth: int = 2048
    image_depth: int = 2048
    load_parallel: int = 2
    augmentation: int = 1
    save_parallel: int = 2
    conv_write: int = 1
    conv_leaky: int = 1
    conv_relu6: int = 1
    pool_parallel: int = 4
    pool_average: int = 1
    depthwise_parallel: int = 4
    depthwise_relu6: int = 1
    eltwise_parallel: int = 1
    misc_write: int = 1
    text: str = TEXT


# Field of `Core` -> the path of its field in the message.
_PLACES: Final = {
    "target": "arch.target",
    "port_bits": "arch.port_bits",
    "data_width": "arch.data_width",
    "bank_groups": "arch.bank_groups",
    "pp": "arch.pp",
    "icp": "arch.icp",
    "ocp": "arch.ocp",
    "mean_depth": "ram.mean",
    "bias_depth": "ram.bias",
    "weights_depth": "ram.weights",
    "image_depth": "ram.image",
    "load_parallel": "engines.load.parallel",
    "augmentation": "engines.load.option",
    "save_parallel": "engines.save.parallel",
    "conv_write": "engines.conv.parallel",
    "conv_leaky": "engines.conv.option",
    "conv_relu6": "engines.conv.relu6",
    "pool_parallel": "engines.pool.parallel",
    "pool_average": "engines.pool.option",
    "depthwise_parallel": "engines.depthwise.parallel",
    "depthwise_relu6": "engines.depthwise.relu6",
    "eltwise_parallel": "engines.eltwise.parallel",
    "misc_write": "engines.misc.parallel",
    "text": "about.text",
}


@cache
def _message() -> Any:
    from net2bit.proto.declare import declare  # noqa: PLC0415 - protobuf is loaded when a dcf is read or written, not with the schemas

    return declare("net2bit.dcf", _MESSAGES)["Dcf"]


def encode(cores: tuple[Core, ...]) -> bytes:
    """Return the content of a dcf for *cores*. Fields that are zero are left out, as protobuf 3 has it."""
    message = _message()(version=1)
    message.body.kind = 1
    for core in cores:
        made = message.body.core.add()
        made.arch.layout = 2 if core.target >= NEWEST else 1
        for name, place in _PLACES.items():
            *path, last = place.split(".")
            inner = made
            for part in path:
                inner = getattr(inner, part)
                inner.SetInParent()
            setattr(inner, last, getattr(core, name))
        made.engines.pool.kernels = _POOL_KERNELS
    return bytes(message.SerializeToString(deterministic=True))


def decode(data: bytes, file: Path | str) -> tuple[Core, ...]:
    """Return the cores that a dcf describes.

    Raises:
        ModelError: The bytes are no such message; it names the byte and the field.
        ConfigError: The message holds no core.
    """
    from net2bit.proto.wire import parse  # noqa: PLC0415 - as above

    message = parse(_message(), data, file, "DPU configuration file (dcf)")
    cores = tuple(_core(made) for made in message.body.core)
    if not cores or message.version != 1:
        raise ConfigError(
            f"{Path(file).name} is no DPU configuration file (dcf), or describes no core",
            where=str(file),
            remedy="make it anew from the hardware: net2bit dcf DESIGN.hwh -o dpu.dcf",
        )
    return cores


def read(file: Path | str) -> tuple[Core, ...]:
    """Return the cores that a dcf describes.

    Raises:
        ConfigError: It cannot be read, or holds no core.
        ModelError: It is no dcf.
    """
    path = Path(file)
    try:
        return decode(path.read_bytes(), path)
    except OSError as error:
        raise ConfigError(
            f"{path.name} cannot be read: {error.strerror}", where=str(path), remedy="give the path of a .dcf file"
        ) from error


def _core(made: Any) -> Core:
    values: dict[str, Any] = {}
    for field in fields(Core):
        value = made
        for part in _PLACES[field.name].split("."):
            value = getattr(value, part)
        values[field.name] = value
    return Core(**values)


def of_design(design: Design) -> bytes:
    """Return the dcf of a hardware design, as dlet makes it from the `.hwh`."""
    core = _of_parameters(design) if design.configuration.generation == "ISA0" else _of_configuration(design.configuration)
    return encode((core,) * design.configuration.cores)


def of_configuration(c: Configuration) -> bytes:
    """Return the dcf of a configuration, as dlet makes it from a design that the Vitis flow built of it."""
    return encode((_of_configuration(c),) * c.cores)


def file_name(design: Design) -> str:
    """Return the name that dlet gives its file."""
    return f"dpu-{design.made}.dcf"


def _of_configuration(c: Configuration) -> Core:
    isa1 = c.generation == "ISA1"
    return Core(
        bank_groups=c.bank_groups,
        pp=c.pp,
        icp=c.cp,
        ocp=c.cp,
        augmentation=int(c.channel_augmentation),
        conv_leaky=int(c.leaky),
        conv_relu6=int(c.relu.endswith("relu6")),
        pool_parallel=c.alu_parallel if isa1 else pool_parallel(c),
        pool_average=int(c.average_pool),
        depthwise_parallel=c.alu_parallel if isa1 else depthwise_parallel(c),
        depthwise_relu6=int(c.depthwise and c.alu_relu.endswith("relu6")),
        text=names.synthetic(fingerprint(c)) if isa1 else TEXT,
    )


def _of_parameters(design: Design) -> Core:
    value = design.number
    depth = {name: DEPTHS.get(value(f"RAM_DEPTH_{name}"), 0) for name in ("MEAN", "BIAS", "WGT", "IMG")}
    if not all(depth.values()):
        raise ConfigError(
            f"a RAM depth of {Path(design.file).name} has a code that means nothing", where=design.file, remedy="codes are 0, 1, 3 and 7"
        )
    return Core(
        target=value("VER_TARGET"),
        port_bits=design.port_bits,
        data_width=value("ARCH_DATA_BW"),
        bank_groups=value("ARCH_IMG_BKGRP"),
        pp=value("ARCH_PP"),
        icp=value("ARCH_ICP"),
        ocp=value("ARCH_OCP"),
        mean_depth=depth["MEAN"] // 32,
        bias_depth=depth["BIAS"],
        weights_depth=depth["WGT"],
        image_depth=depth["IMG"],
        load_parallel=value("LOAD_PARALLEL"),
        augmentation=value("LOAD_AUGM"),
        save_parallel=value("SAVE_PARALLEL"),
        conv_write=value("CONV_WR_PARALLEL"),
        conv_leaky=value("CONV_LEAKYRELU"),
        conv_relu6=value("CONV_RELU6"),
        pool_parallel=pool_parallel(design.configuration),
        pool_average=value("POOL_AVERAGE"),
        depthwise_parallel=value("DWCV_PARALLEL"),
        depthwise_relu6=value("DWCV_RELU6"),
        eltwise_parallel=value("ELEW_PARALLEL"),
        misc_write=value("MISC_WR_PARALLEL"),
        text=design.parameters.get("DNNDK_PRINT", TEXT),
    )


def configuration(cores: tuple[Core, ...], file: Path | str) -> Configuration:
    """Return the configuration that the cores of a dcf have.

    Raises:
        ConfigError: They are of different kinds, or of none that exists.
    """
    core = cores[0]
    for other in cores[1:]:
        differ = [field.name for field in fields(Core) if getattr(core, field.name) != getattr(other, field.name)]
        if differ:
            raise ConfigError(
                f"{Path(file).name} describes DPUs of different kinds: they differ in {', '.join(differ)}",
                where=str(file),
                remedy="a compiled network runs on one kind of DPU: make one dcf for each",
            )
    marked = _marked(core.text)
    if marked:
        return replace(marked, cores=len(cores))
    name = next((name for name, known in PARALLELISM.items() if known == (core.pp, core.icp) and core.icp == core.ocp), "")
    if not name or core.bank_groups not in {2, 3} or core.depthwise_parallel not in {0, alu_default(name)}:
        sizes = f"{core.pp} x {core.icp} x {core.ocp} in {core.bank_groups} bank groups, {core.depthwise_parallel} depthwise"
        raise ConfigError(
            f"{Path(file).name} describes a DPU that does not exist: {sizes}", where=str(file), remedy="make it from the .hwh"
        )
    return Configuration(
        generation="ISA0",
        architecture=name,
        cores=len(cores),
        ram_usage="high" if core.bank_groups == 3 else "low",  # noqa: PLR2004 - three groups are RAM_USAGE_HIGH
        channel_augmentation=bool(core.augmentation),
        depthwise=bool(core.depthwise_parallel),
        average_pool=bool(core.pool_average),
        relu=_relu(core),
        alu_relu="relu_relu6" if core.depthwise_relu6 or not core.depthwise_parallel else "relu",
        dsp48="low" if "DSP48 Usage:Low" in core.text else "high",
    )


def _marked(text: str) -> Configuration | None:
    """Return the configuration that the text of a dcf for ISA1 names; None for a real dcf."""
    found = re.fullmatch(r"DPUCZDX8G_ISA1_B\d+_([0-9A-F]{16})", text)
    return from_fingerprint(int(found[1], 16)) if found else None


def _relu(core: Core) -> Any:
    middle = "_leakyrelu" if core.conv_leaky else ""
    return f"relu{middle}{'_relu6' if core.conv_relu6 else ''}"

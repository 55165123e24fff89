"""Whether a compiled network runs on the hardware: their fingerprints must be the same."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Final

from net2bit.dpu.target import dcf, names
from net2bit.dpu.target.configuration import Configuration, differences
from net2bit.dpu.target.fingerprints import fingerprint, from_fingerprint, shown
from net2bit.dpu.target.hwh import Design
from net2bit.errors import ConfigError

TITLES: Final = {
    "generation": "instruction set",
    "architecture": "architecture",
    "ram_usage": "RAM usage",
    "channel_augmentation": "channel augmentation",
    "image_mean": "mean subtraction",
    "depthwise": "depthwise convolution",
    "average_pool": "average pooling",
    "elementwise_multiply": "elementwise multiplication",
    "relu": "activations of convolutions",
    "alu_relu": "activations of the ALU",
    "alu_parallel": "ALU parallelism",
    "argmax": "argmax",
}
"""Option of a configuration -> what to call it."""

KV260: Final = {
    0x101000016010406: "the stock smartcam application of Vitis AI 2.5 (kv260-smartcam, B3136)",
    0x101000016010407: "DPU-PYNQ 2.5.1 (kv260_som) and the image of Vitis AI 2.5, B4096",
    0x101000056010407: "the image of Vitis AI 3.0 and 3.5, B4096 with argmax",
}
"""The fingerprints that one and the same KV260 shows, by what runs on it."""


def agree(xmodel: int, hardware: int | Configuration, *, board: str = "") -> None:
    """Refuse a compiled network that is for other hardware.

    Args:
        xmodel: The fingerprint that the network is compiled for.
        hardware: The hardware's fingerprint, or its configuration (as `hwh.read` gives it).
        board: The board's name, for advice.

    Raises:
        ConfigError: They differ; it names both configurations and the options that differ.
    """
    there = fingerprint(hardware) if isinstance(hardware, Configuration) else hardware
    if xmodel == there:
        return
    raise ConfigError(
        f"the network is compiled for {names.target_name(xmodel)} ({shown(xmodel)}), the hardware is {names.target_name(there)} "
        f"({shown(there)}): {_differing(xmodel, there)}",
        where="fingerprints of xmodel and hardware",
        remedy=_remedy(xmodel, there, board),
    )


def agree_dcf(design: Design, file: Path) -> None:
    """Refuse a dcf that is not the one of a hardware design; what is compiled with it would not run there.

    Raises:
        ConfigError: They differ, or the file is no dcf; it names the fields that differ, or the number of cores.
        ModelError: The file is damaged.
    """
    right, given = dcf.decode(dcf.of_design(design), design.file), dcf.read(file)
    if right == given:
        return
    pairs = [(field.name, getattr(given[0], field.name), getattr(right[0], field.name)) for field in fields(dcf.Core)]
    pairs.append(("cores", len(given), len(right)))
    differ = ", ".join(f"{name} ({one}, {two})" for name, one, two in pairs if one != two) or "cores that differ among themselves"
    raise ConfigError(
        f"{file.name} is not the dcf of {Path(design.file).name}: {differ}",
        where=f"{file}, {design.file}",
        remedy=f"make it anew: net2bit dcf {design.file} -o {file}",
    )


def _differing(xmodel: int, hardware: int) -> str:
    try:
        return "they differ in " + ", ".join(spelled(from_fingerprint(xmodel), from_fingerprint(hardware)))
    except ConfigError as error:
        return error.what


def spelled(one: Configuration, two: Configuration) -> list[str]:
    """Return the options that a fingerprint holds and in which two configurations differ, with both values."""
    return [f"{TITLES[name]} ({_word(first)}, {_word(second)})" for name, first, second in differences(one, two)]


def _word(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _remedy(xmodel: int, hardware: int, board: str) -> str:
    advice = f"compile the network for the hardware: net2bit compile INT.xmodel --target {shown(hardware)}; or load the matching bitstream"
    if xmodel in KV260 and hardware in KV260:
        whose = f"on the {board or 'KV260'}, {shown(hardware)} is {KV260[hardware]}; {shown(xmodel)} is {KV260[xmodel]}"
        return f"{advice}. The same board shows three fingerprints: {whose}"
    return advice

"""The DPU of an experiment: from the slices `dpu` and `board` of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from net2bit.dpu.target import resources
from net2bit.dpu.target.compat import Release, release
from net2bit.dpu.target.configuration import Configuration, alu_default, architecture
from net2bit.errors import ConfigError


def from_config(dpu: Mapping[str, Any], board: Mapping[str, Any] | None = None) -> Configuration:
    """Return the configuration that an experiment asks for.

    Args:
        dpu: The slice `dpu`.
        board: The slice `board`; it decides what `auto` means. None takes DSP slices, and no UltraRAM.

    Raises:
        ConfigError: An option that the release does not have, or one outside its range.
    """
    row, options = release(dpu["release"]), dpu["options"]
    if options["argmax"] and row.ip < "4.1":
        raise ConfigError(
            f"the DPU IP {row.ip} of DPU-PYNQ {row.dpu_pynq} has no argmax: it came with 4.1",
            where="dpu.options.argmax",
            remedy="set dpu.options.argmax=false, or dpu.release=design_contest_3.5",
        )
    asked = _isa1(dpu) if row.generation == "ISA1" else _isa0(dpu, board)
    there = resources.capacity(board["resources"]) if board and board["resources"] else None
    return resources.chosen(asked, there, dsp48=options["dsp48"], uram=options["uram"])


def _isa1(dpu: Mapping[str, Any]) -> Configuration:
    options, name = dpu["options"], architecture(dpu["size"])
    return Configuration(
        generation="ISA1",
        elementwise_multiply=True,
        alu_parallel=alu_default(name) if options["alu_parallel"] == "default" else options["alu_parallel"],
        alu_relu=options["alu_relu"],
        argmax=options["argmax"],
        **_shared(dpu, name),
    )


def _isa0(dpu: Mapping[str, Any], board: Mapping[str, Any] | None) -> Configuration:
    options = dpu["options"]
    return Configuration(
        generation="ISA0",
        depthwise=options["depthwise"],
        average_pool=options["average_pool"],
        elementwise_multiply=options["elementwise_multiply"],
        device="zynq7000" if board and board["family"] == "zynq_7000" else "mpsoc",
        **_shared(dpu, architecture(dpu["size"])),
    )


def _shared(dpu: Mapping[str, Any], name: str) -> dict[str, Any]:
    options = dpu["options"]
    return {
        "architecture": name,
        "cores": dpu["cores"],
        "clock_mhz": float(dpu["clock_mhz"]),
        **{key: options[key] for key in ("ram_usage", "channel_augmentation", "relu", "low_power", "softmax")},
    }


def check(dpu: Mapping[str, Any], board: Mapping[str, Any]) -> Configuration:
    """Return the configuration of an experiment, which fits its board.

    Raises:
        ConfigError: It does not fit, or no DPU of its generation runs on the board; with the figures and a way out.
    """
    row = release(dpu["release"])
    refuse_family(row, board)
    found = from_config(dpu, board)
    if board["resources"]:
        resources.require(found, resources.capacity(board["resources"]), f"{board['title']} ({board['part']})")
    return found


def refuse_family(row: Release, board: Mapping[str, Any]) -> None:
    """Refuse a Zynq-7000 board for a DPU with ISA1.

    Raises:
        ConfigError: The board has a Zynq-7000 and the release's IP runs on Zynq UltraScale+ only.
    """
    if board["family"] == "zynq_7000" and row.generation == "ISA1":
        raise ConfigError(
            f"no DPU with instruction set ISA1 runs on {board['title']} ({board['part']}): the DPU IP {row.ip} is for Zynq UltraScale+ "
            "only, and DPU-PYNQ has no design for a Zynq-7000",
            where="board, dpu.release",
            remedy="choose a board with a Zynq UltraScale+, such as board=ultra96v2 or board=kv260; DPU IPs up to 3.x with ISA0 ran on "
            "Zynq-7000, with the vendor's toolchain (./doitw flow=hardware dpu.release=1.4.0 describes one)",
        )

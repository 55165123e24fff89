"""Machine code as lines of text and as plain data."""

from dataclasses import MISSING, fields
from typing import Any, Final

from net2bit.dpu.isa import ENGINES, Instruction, values
from net2bit.dpu.model import DpuSubgraph
from net2bit.errors import ConfigError

LETTERS: Final = "LSCM"
"""Load, save, conv, misc: in the order of the engines' bits."""


def chosen(subgraph: DpuSubgraph, engines: str, first: int, count: int | None) -> list[int]:
    """Return the indices of the instructions to print.

    Raises:
        ConfigError: *engines* has a letter that is none of LSCM.
    """
    unknown = [letter for letter in engines.upper() if letter not in LETTERS]
    if unknown or not engines:
        raise ConfigError(f"there is no engine '{''.join(unknown)}'", where="--engine", remedy="letters of LSCM: load, save, conv, misc")
    wanted = {ENGINES[LETTERS.index(letter)] for letter in engines.upper()}
    found = [index for index, one in enumerate(subgraph.program) if index >= first and one.engine in wanted]
    return found[:count]


def line(subgraph: DpuSubgraph, index: int) -> str:
    """Return one instruction as text: index, waits, signals, name, fields."""
    one = subgraph.program[index]
    said = " ".join(f"{name}={value}" for name, value in unusual(one).items())
    return f"{index:6}  {mask(one.on)} > {mask(one.by)}  {one.mnemonic:<9} {said}".rstrip()


def mask(bits: int) -> str:
    """Return a dependency mask as letters: `L-C-`."""
    return "".join(letter if bits & engine else "-" for letter, engine in zip(LETTERS, ENGINES, strict=True))


def unusual(one: Instruction) -> dict[str, int]:
    """Return the fields that have no usual value, or another one."""
    usual = {item.name: item.default for item in fields(one) if item.default is not MISSING}
    return {name: value for name, value in values(one).items() if name not in usual or usual[name] != value}


def fields_of(subgraph: DpuSubgraph, index: int) -> dict[str, Any]:
    """Return one instruction with all its fields."""
    one = subgraph.program[index]
    at = subgraph.layer_of[index] if index < len(subgraph.layer_of) else -1
    head = {"index": index, "name": one.mnemonic, "engine": one.engine.name, "waits": mask(one.on), "signals": mask(one.by)}
    return {**head, "layer": subgraph.layers[at] if at >= 0 else None, "fields": values(one)}

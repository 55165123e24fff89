"""Machine code as lines of text and as plain data."""

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

from net2bit.dpu.isa import ENGINES, Engine, Instruction, values
from net2bit.dpu.model import DpuSubgraph
from net2bit.dpu.text import listing

LETTERS: Final = "LSCM"
"""Load, save, conv, misc: in the order of the engines' bits."""


@dataclass(frozen=True)
class Choice:
    """Which instructions are to be printed.

    Attributes:
        engines: Letters of LSCM.
        first: Index of the first one.
        count: How many lines; None for all.
    """

    engines: str
    first: int
    count: int | None

    @property
    def bits(self) -> set[Engine]:
        """Return the engines."""
        return {ENGINES[LETTERS.index(letter)] for letter in self.engines.upper()}


def chosen(subgraph: DpuSubgraph, choice: Choice) -> list[int]:
    """Return the indices of the instructions to print."""
    bits = choice.bits
    return [index for index, one in enumerate(subgraph.program) if index >= choice.first and one.engine in bits][: choice.count]


def lines(subgraph: DpuSubgraph, choice: Choice, *, full: bool) -> Iterator[str]:
    """Yield the program as text; each layer's name stands above its instructions, where the file names layers.

    Args:
        subgraph: What is to be printed.
        choice: Which of its instructions.
        full: Whether every instruction has its line with its fields; otherwise runs of LOADs and SAVEs are one line.
    """
    yield f"# {subgraph.name}: {subgraph.arch.name}, {len(subgraph.program):,} instructions"
    before = -1
    for index, text in _full(subgraph, choice) if full else _short(subgraph, choice):
        layer = subgraph.layer_of[index] if index < len(subgraph.layer_of) else -1
        if layer not in {before, -1}:
            yield f"# layer {subgraph.layers[layer]}"
        before = layer
        yield text


def _full(subgraph: DpuSubgraph, choice: Choice) -> Iterator[tuple[int, str]]:
    yield from ((index, line(subgraph, index)) for index in chosen(subgraph, choice))


def _short(subgraph: DpuSubgraph, choice: Choice) -> Sequence[tuple[int, str]]:
    """Return the rows that hold a chosen instruction, each with the index of its first."""
    wanted = set(chosen(subgraph, Choice(choice.engines, choice.first, None)))
    found = ((_indices(row), row) for row in listing(subgraph.program, subgraph.arch))
    return [(run[0], row) for run, row in found if run[-1] in wanted][: choice.count]


def _indices(row: str) -> range:
    """Return the instructions that a row stands for: `17` or `17-20`."""
    first, _, last = row.split(maxsplit=1)[0].partition("-")
    return range(int(first), int(last or first) + 1)


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

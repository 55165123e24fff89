"""Compiled models: the DPU subgraphs of an .xmodel, with all that running, checking or timing them needs.

Reads the vendor's files and the project's own alike. Where things stand is public (VART's dpu-runner reads the same attributes): code,
registers and parameters are attributes of the subgraph, addresses those of the tensors at its border.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import Arch, arch
from net2bit.dpu.isa import Instruction, disassemble
from net2bit.errors import ModelError
from net2bit.xir.graph import Graph, Op, Subgraph
from net2bit.xir.xmodel import read

REGISTERS: Final = 8
PAGE: Final = 4096
"""Registers are given memory in whole pages."""
LAYERS: Final = "net2bit_layers"
"""Names of the layers, a list of strings: an attribute that the project's own files carry."""
LAYER_OF: Final = "net2bit_layer_of"
"""The layer of each instruction: little-endian int16, -1 for none."""

_REMEDY: Final = "the file is damaged: compile the model again"


@dataclass(frozen=True, slots=True)
class DpuTensor:
    """A tensor at the border of a DPU subgraph.

    Attributes:
        op: The op outside that feeds it, of an input; the `download` op, of an output.
        name: Of the tensor.
        shape: As the graph has it, the batch first.
        fix_point: Its codes stand for `code * 2**-fix_point`.
        reg: Number of the register.
        address: Of its first byte, in the register.
        stride: Bytes from element to element, axis by axis.
    """

    op: str
    name: str
    shape: tuple[int, ...]
    fix_point: int
    reg: int
    address: int
    stride: tuple[int, ...]

    @property
    def end(self) -> int:
        """The byte behind its last one."""
        return self.address + 1 + sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))

    def view(self, registers: Mapping[int, NDArray[np.int8]]) -> NDArray[np.int8]:
        """Return the tensor's elements inside of its register, to read or to write."""
        return np.lib.stride_tricks.as_strided(registers[self.reg][self.address : self.end], self.shape, self.stride)


@dataclass(frozen=True)
class DpuSubgraph:
    """One DPU subgraph of a compiled model.

    Attributes:
        name: Of the subgraph.
        fingerprint: Of the hardware that its code is made for.
        code: Machine code, little-endian words.
        parameters: Content of REG_0: weights and biases.
        sizes: Register number -> bytes.
        kinds: Register number -> `CONST`, `WORKSPACE` or `INTERFACE` (`DATA` where an old file does not tell the last two apart).
        inputs: In graph order.
        outputs: In graph order.
        ops: Names of its ops, in graph order.
        layers: Layer names, where the file carries them.
        layer_of: For each instruction its index in `layers`, -1 for none; empty where the file does not say.
        attrs: The subgraph's other attributes.
    """

    name: str
    fingerprint: int
    code: bytes
    parameters: bytes
    sizes: Mapping[int, int]
    kinds: Mapping[int, str]
    inputs: tuple[DpuTensor, ...]
    outputs: tuple[DpuTensor, ...]
    ops: tuple[str, ...]
    layers: tuple[str, ...] = ()
    layer_of: tuple[int, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def arch(self) -> Arch:
        """The machine that the fingerprint names.

        Raises:
            ConfigError: It is no ISA1 machine (an older DPU, or another family).
        """
        return arch(self.fingerprint)

    @cached_property
    def program(self) -> list[Instruction]:
        """The instructions of the code.

        Raises:
            ConfigError: The code is not of the instruction set ISA1.
            ProgramError: The code is damaged.
        """
        _ = self.arch
        return disassemble(self.code)

    def registers(self, filler: int = 0) -> dict[int, NDArray[np.int8]]:
        """Return memory for every register, in whole pages: parameters in place, everything else *filler*."""
        made = {reg: np.full(-(-size // PAGE) * PAGE, filler, np.int8) for reg, size in sorted(self.sizes.items())}
        made[0][: len(self.parameters)] = np.frombuffer(self.parameters, np.int8)
        return made


def load(source: Path | str | Graph) -> list[DpuSubgraph]:
    """Return the DPU subgraphs of a compiled model, in the order in which they run.

    Raises:
        ModelError: The file is missing or damaged, or the model is not compiled.
    """
    graph = source if isinstance(source, Graph) else read(Path(source))
    nodes = list(dpu_nodes(graph))
    if not nodes:
        raise ModelError(
            f"'{graph.name}' is not compiled: it has no DPU subgraph",
            where=str(source) if isinstance(source, Path | str) else graph.name,
            remedy="compile it first: `net2bit compile`",
        )
    order = {op.name: index for index, op in enumerate(graph)}
    return [_subgraph(graph, node, order) for node in nodes]


def dpu_nodes(graph: Graph) -> Iterator[Subgraph]:
    """Yield the subgraphs whose device is the DPU, in order."""
    for child in graph.root.children if graph.root else ():
        if child.attrs.get("device") == "DPU":
            yield child


def ops_of(node: Subgraph) -> Iterator[str]:
    """Yield the ops of a subgraph and of all below it."""
    yield from node.ops
    for child in node.children:
        yield from ops_of(child)


def _subgraph(graph: Graph, node: Subgraph, order: Mapping[str, int]) -> DpuSubgraph:
    names = sorted(ops_of(node), key=lambda name: order.get(name, -1))
    if missing := [name for name in names if name not in order]:
        raise ModelError(f"subgraph '{node.name}' names the op '{missing[0]}', which the graph lacks", where=node.name, remedy=_REMEDY)
    sizes, kinds, parameters = _registers(node)
    found = DpuSubgraph(
        name=node.name,
        fingerprint=int(_attr(node, "dpu_fingerprint", int)),
        code=bytes(_attr(node, "mc_code", bytes)),
        parameters=parameters,
        sizes=sizes,
        kinds=kinds,
        inputs=tuple(_inputs(graph, names)),
        outputs=tuple(_outputs(graph, names)),
        ops=tuple(names),
        layers=tuple(_attr(node, LAYERS, list)) if LAYERS in node.attrs else (),
        layer_of=_layer_of(node),
        attrs=dict(node.attrs),
    )
    _check(found)
    return found


def _registers(node: Subgraph) -> tuple[dict[int, int], dict[int, str], bytes]:
    """Return sizes, kinds and the parameters."""
    sizes = {_reg(node, name): int(size) for name, size in _attr(node, "reg_id_to_size", dict).items()}
    kinds = {_reg(node, name): str(kind) for name, kind in _attr(node, "reg_id_to_context_type", dict).items()}
    kinds |= {_reg(node, name): str(kind) for name, kind in _free(node, "reg_id_to_context_type_v2").items()}
    values = _attr(node, "reg_id_to_parameter_value", dict)
    parameters = bytes(values.get("REG_0", b""))
    sizes[0] = max(sizes.get(0, 0), len(parameters))
    return dict(sorted(sizes.items())), dict(sorted(kinds.items())), parameters


def _reg(node: Subgraph, name: str) -> int:
    digits = name.removeprefix("REG_")
    if not digits.isdigit() or int(digits) >= REGISTERS:
        raise ModelError(f"subgraph '{node.name}' names the register '{name}'; there are REG_0 to REG_7", where=node.name, remedy=_REMEDY)
    return int(digits)


def _attr(node: Subgraph, name: str, kind: type[Any]) -> Any:
    value = node.attrs.get(name)
    if not isinstance(value, kind):
        raise ModelError(f"DPU subgraph '{node.name}' lacks its attribute '{name}'", where=node.name, remedy=_REMEDY)
    return value


def _free(node: Subgraph, name: str) -> dict[str, Any]:
    return dict(_attr(node, name, dict)) if name in node.attrs else {}


def _layer_of(node: Subgraph) -> tuple[int, ...]:
    content = node.attrs.get(LAYER_OF, b"")
    if not isinstance(content, bytes) or len(content) % 2:
        raise ModelError(f"attribute '{LAYER_OF}' of subgraph '{node.name}' is no list of int16", where=node.name, remedy=_REMEDY)
    return tuple(np.frombuffer(content, "<i2").tolist())


def _inputs(graph: Graph, names: list[str]) -> Iterator[DpuTensor]:
    inside = set(names)
    for op in (graph.op(name) for name in names):
        if op.type == "upload":
            yield _tensor(op, op.arg("input"))
        elif op.type not in {"const-fix", "const"} and not inside >= set(op.producers):
            raise ModelError(f"{op.type} '{op.name}' takes its input from outside of the DPU without an upload", where=op.name)


def _outputs(graph: Graph, names: list[str]) -> Iterator[DpuTensor]:
    for op in (graph.op(name) for name in names):
        if op.type == "download":
            yield _tensor(graph.op(op.arg("input")), op.name)


def _tensor(op: Op, name: str) -> DpuTensor:
    attrs, shape = op.tensor.attrs, tuple(op.tensor.shape)
    values = [attrs.get(key) for key in ("fix_point", "reg_id", "ddr_addr")]
    if not all(isinstance(value, int) for value in values):
        raise ModelError(f"the tensor '{op.tensor.name}' has no place in DDR (reg_id, ddr_addr, fix_point)", where=op.name, remedy=_REMEDY)
    given = attrs.get("stride")
    usual = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    stride = [cast("int", step) for step in given] if isinstance(given, list) and len(given) == len(shape) else usual
    fix_point, reg, address = (cast("int", value) for value in values)
    return DpuTensor(name, op.tensor.name, shape, fix_point, reg, address, tuple(stride))


def _check(found: DpuSubgraph) -> None:
    for tensor in (*found.inputs, *found.outputs):
        size = found.sizes.get(tensor.reg, 0)
        if tensor.address < 0 or min(tensor.stride, default=0) < 0 or tensor.end > -(-size // PAGE) * PAGE:
            what = f"tensor '{tensor.name}' reaches to byte {tensor.end} of REG_{tensor.reg}, which has {size}"
            raise ModelError(what, where=found.name, remedy=_REMEDY)
    if found.layer_of and max(found.layer_of) >= len(found.layers):
        raise ModelError(f"'{LAYER_OF}' of subgraph '{found.name}' names a layer that is not listed", where=found.name, remedy=_REMEDY)

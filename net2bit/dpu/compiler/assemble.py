"""The compiled graph: the vendor's form of a model whose DPU subgraphs hold machine code, so that AMD's XIR, simulator and VART load it.

Sources: what AMD's xmodels hold, and what VART's dpu-runner reads of them. A subgraph has children or ops, never both; tensors enter the
DPU through `upload` and leave through `download`; constants lie in REG_0 and are empty in the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np

from net2bit import __version__
from net2bit.dpu.arch import Arch
from net2bit.dpu.compiler.allocate import Allocation
from net2bit.dpu.compiler.front import CpuPart, DpuPart, Partition
from net2bit.dpu.compiler.front.site import dims
from net2bit.dpu.compiler.layers import View
from net2bit.dpu.compiler.schedule import Program, Schedule
from net2bit.dpu.compiler.workload import Workload, workload
from net2bit.dpu.isa import assemble as machine_code
from net2bit.dpu.model import LAYER_OF, LAYERS
from net2bit.dpu.text import assembly
from net2bit.xir.attrs import TypedDict, TypedList, Wire
from net2bit.xir.graph import CONSTANTS, Attr, Graph, Op, Subgraph, Tensor

CONTEXT: Final = {"REG_0": "CONST", "REG_1": "DATA", "REG_2": "DATA", "REG_3": "DATA"}
CONTEXT_V2: Final = {"REG_0": "CONST", "REG_1": "WORKSPACE", "REG_2": "INTERFACE", "REG_3": "INTERFACE"}
SEGMENTS: Final = {"REG_0": "W0", "REG_1": "D0", "REG_2": "D0", "REG_3": "D0"}
CPU_RUNNER: Final = "libvart-cpu-runner.so"
DPU_RUNNERS: Final = {"ref": CPU_RUNNER, "run": "libvart-dpu-runner.so", "sim": "libvart-sim-runner.so"}
CPU_RUNNERS: Final = {"ref": CPU_RUNNER, "run": CPU_RUNNER, "sim": CPU_RUNNER}
ARGMAX: Final = 1 << 30
INPUTS: Final = ("data", "data-fix")


@dataclass(frozen=True, slots=True)
class Code:
    """What the back end made of one DPU subgraph."""

    schedule: Schedule
    allocation: Allocation
    program: Program


def target_name(target: Arch) -> str:
    """Return the target's name: one of the vendor's list, else the synthetic one, architecture and fingerprint (target_factory)."""
    known = 0x0101_0000_1601_0000 | (target.pp // 2) << 8 | target.fingerprint & 0xF
    name = f"DPUCZDX8G_ISA1_{target.name}"
    return name if target.fingerprint & ~ARGMAX == known else f"{name}_{target.fingerprint:016X}"


def assemble(partition: Partition, codes: Sequence[Code], target: Arch, origin: Mapping[str, str]) -> Graph:
    """Return the compiled graph.

    Args:
        partition: The cut graph.
        codes: Of its DPU subgraphs, in order.
        target: What it is compiled for.
        origin: Names and md5 sums of the files that it comes from.
    """
    return _Assembly(partition, codes, target, origin).run()


class _Assembly:
    def __init__(self, partition: Partition, codes: Sequence[Code], target: Arch, origin: Mapping[str, str]) -> None:
        self.partition, self.source, self.target = partition, partition.graph, target
        self.codes = iter(codes)
        self.made = Graph(self.source.name, attrs={"origin": self.source.attrs.get("origin", "net2bit")})
        self.made.attrs["files_md5sum"] = TypedDict(dict(sorted(origin.items())), Wire.MAP_STRING)
        self.made.attrs["libs_info"] = {"net2bit": __version__}
        self.made.op_defs = self.source.op_defs
        self.left: dict[str, str] = {}
        """Op -> what carries its tensor outside of its subgraph."""

    def run(self) -> Graph:
        children = [self._input(op) for op in self.source.inputs()]
        children += [self._dpu(part) if isinstance(part, DpuPart) else self._cpu(part) for part in self.partition.subgraphs]
        total = sum((Workload(int(child.attrs["workload"]), int(child.attrs["workload_on_arch"])) for child in children), Workload())  # type: ignore[arg-type]
        self.made.root = Subgraph("root", attrs=total.attrs(), children=children)
        return self.made

    def _input(self, op: Op) -> Subgraph:
        self.made.add(_copy(op, device="USER"))
        return Subgraph(f"subgraph_{op.name}", [op.name], {"device": "USER", **Workload().attrs()})

    def _cpu(self, part: CpuPart) -> Subgraph:
        names: list[str] = []
        for name in part.ops:
            op = self.source.op(name)
            fresh = [source for source in op.producers if self.source.op(source).type in CONSTANTS and source not in self.made]
            names += [self.made.add(_copy(self.source.op(source), device="CPU")).name for source in fresh]
            names.append(self.made.add(_copy(op, self.left, device="CPU")).name)
        attrs: dict[str, Attr] = {"device": "CPU", "runner": dict(CPU_RUNNERS), **Workload().attrs()}
        return Subgraph(part.name, names, attrs)

    def _dpu(self, part: DpuPart) -> Subgraph:
        return _DpuAssembly(self, part, next(self.codes)).run()


class _DpuAssembly:
    """One DPU subgraph: its ops with their places, and the leaves that hold them."""

    def __init__(self, whole: _Assembly, part: DpuPart, code: Code) -> None:
        self.whole, self.part, self.code = whole, part, code
        self.source, self.made = whole.source, whole.made
        self.inside: dict[str, str] = {}
        """Op of the source -> op that carries its tensor in this subgraph."""
        self.leaves: list[Subgraph] = []
        self.order: list[str] = []

    def run(self) -> Subgraph:
        for name in self.part.inputs:
            self._upload(name)
        for name in self.part.ops:
            self._op(self.source.op(name))
        for name in self.part.outputs:
            self._download(name)
        total = sum((Workload(int(leaf.attrs["workload"]), int(leaf.attrs["workload_on_arch"])) for leaf in self.leaves), Workload())  # type: ignore[arg-type]
        return Subgraph(self.part.name, attrs=self._attrs() | total.attrs(), children=self.leaves)

    def _upload(self, name: str) -> None:
        op = self.source.op(name)
        made = f"{name}_upload_{sum(other.startswith(f'{name}_upload_') for other in (known.name for known in self.made))}"
        tensor = Tensor(f"{op.tensor.name}{made.removeprefix(name)}", op.tensor.shape, op.tensor.dtype, dict(op.tensor.attrs))
        tensor.attrs |= self._place(op, self.part.views[name])
        self.made.add(Op(made, "upload", tensor, {"device": "DPU"}, {"input": [self.whole.left.get(name, name)]}))
        self.inside[name] = made
        self.leaves.append(Subgraph(f"subgraph_{made}", [made], {"skip_code_gen": True, **Workload().attrs()}))

    def _op(self, op: Op) -> None:
        names = [self._constant(name) for name in op.producers if name in self.part.constants and name not in self.inside]
        made = _copy(op, self.inside, device="DPU")
        made.tensor.attrs |= self._place(op, self.part.views[op.name])
        done = workload(self.source, op, self.part.network, self.whole.target)
        if any(layer.augmented for layer in self.part.network.layers if layer.name == op.name):
            made.attrs["channel_augmentation"] = 1
        attrs = done.attrs()
        if done.ops:
            made.attrs |= attrs
        else:
            attrs["skip_code_gen"] = op.type == "reshape-fix"
        self.made.add(made)
        leaf = Subgraph(f"subgraph_{op.name}", [*names, op.name], attrs)
        self.leaves.append(leaf)
        self.order.append(leaf.name)

    def _constant(self, name: str) -> str:
        op = self.source.op(name)
        made = _copy(op, device="DPU")
        while made.name in self.made:
            made.name = f"{made.name}_again"
        made.data = None
        made.tensor.attrs |= {"reg_id": 0, "ddr_addr": self.part.constants[name], "location": 1}
        self.made.add(made)
        self.inside[name] = made.name
        return made.name

    def _download(self, name: str) -> None:
        op, made = self.made.op(name), f"{name}_download_0"
        tensor = self.source.op(name).tensor
        op.tensor.name = f"{tensor.name}_download_0"
        outside = Tensor(tensor.name, tensor.shape, tensor.dtype, dict(tensor.attrs))
        self.made.add(Op(made, "download", outside, {"device": "DPU"}, {"input": [name]}))
        self.whole.left[name] = made
        view = View(self.part.outputs[name], *_sizes(self.part, self.part.outputs[name]))
        op.tensor.attrs |= self._place(op, view)
        self.leaves.append(Subgraph(f"subgraph_{made}", [made], Workload().attrs()))

    def _place(self, op: Op, view: View) -> dict[str, Attr]:
        """Return the attributes that say where a tensor lies: nowhere in DDR if on chip, repeated by its readers, or padded by them."""
        place = self.code.allocation.places.get(view.map)
        repeats = view.rows.repeat > 1 or view.columns.repeat > 1
        if place is None or repeats or prod(dims(op)) != view.height * view.width * view.channels:
            return {"location": 0, "reg_id": 1, "ddr_addr": 0}
        address = place.offset + view.rows.start * place.row + view.columns.start * place.pixel + view.first
        stride = [view.height * place.row, view.rows.step * place.row, view.columns.step * place.pixel, 1]
        if len(op.tensor.shape) != len(stride) or dims(op) != (view.height, view.width, view.channels):
            stride = [prod(op.tensor.shape[axis + 1 :]) for axis in range(len(op.tensor.shape))]
        return {"location": 1, "reg_id": place.reg, "ddr_addr": address, "stride": TypedList(stride, Wire.INT32_VEC)}

    def _attrs(self) -> dict[str, Attr]:
        program, target = self.code.program, self.whole.target
        names = list(dict.fromkeys(layer.name for layer in self.part.network.layers))
        index = {name: at for at, name in enumerate(names)}
        owner = [index[self.part.network.layers[layer].name] if layer >= 0 else -1 for layer in program.layer]
        return {
            "children_topological_sort": TypedList(self.order, Wire.STRING_VEC),
            "debug_mode": "null",
            "device": "DPU",
            "dpu_fingerprint": target.fingerprint,
            "dpu_name": target_name(target),
            "if_prefetch": True,
            "mc_code": machine_code(program.instructions),
            "mc_code_preload": b"",
            "ac_code": TypedList(assembly(program.instructions), Wire.STRING_VEC),
            "run_mode": "release",
            "reg_id_to_context_type": dict(CONTEXT),
            "reg_id_to_context_type_v2": dict(CONTEXT_V2),
            "reg_id_to_hw_segment": dict(SEGMENTS),
            "reg_id_to_parameter_value": TypedDict({"REG_0": self.part.network.parameters}, Wire.MAP_BYTES),
            "reg_id_to_size": TypedDict({f"REG_{reg}": size for reg, size in self.code.allocation.sizes.items()}, Wire.MAP_INT32),
            "runner": dict(DPU_RUNNERS),
            LAYERS: TypedList(names, Wire.STRING_VEC),
            LAYER_OF: np.asarray(owner, "<i2").tobytes(),
        }


def _sizes(part: DpuPart, name: str) -> tuple[int, int, int, int]:
    item = part.network.maps[name]
    return item.height, item.width, 0, item.channels


def _copy(op: Op, renamed: Mapping[str, str] | None = None, *, device: str) -> Op:
    """Return an op of its own for the compiled graph, with its inputs taken from where they are carried."""
    tensor = Tensor(op.tensor.name, tuple(op.tensor.shape), op.tensor.dtype, dict(op.tensor.attrs))
    args = {arg: [(renamed or {}).get(name, name) for name in names] for arg, names in op.args.items()}
    return Op(op.name, op.type, tensor, dict(op.attrs) | {"device": device}, args, op.data)

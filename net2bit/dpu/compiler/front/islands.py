"""Fake-quantized networks with ops that have no fixed-point form: those stay floating point, between a `fix2float` and a `float2fix`.

Around them the network is lowered as ever. So a network with, say, a SiLU compiles: the processor computes the sigmoid.
"""

from __future__ import annotations

from dataclasses import replace

from net2bit.quant.lower import lower
from net2bit.quant.points import ACTIVATIONS, CONVOLUTIONS, ELTWISE, FUSED, MOVING, SINGLE
from net2bit.quant.strip import SCALED
from net2bit.xir import build
from net2bit.xir.access import number, real
from net2bit.xir.graph import CONSTANTS, FLOAT32, XINT8, Attr, Graph, Op, Tensor

PASSING = frozenset({"transpose", "reorg", "pixel-shuffle", "strided_slice", "stack"})
"""Ops that only move numbers, which vendors leave without a quantizer: their output has their input's position."""
_PLAIN = frozenset({"data", "fix", *CONSTANTS})
_KNOWN = CONVOLUTIONS | ELTWISE | MOVING | SINGLE | ACTIVATIONS


def fixed(graph: Graph) -> Graph:
    """Return the fixed-point form of a fake-quantized graph, with islands of floating point where it has none.

    Raises:
        QuantError: A tensor between fixed-point ops has no quantizer.
    """
    return _Weaver(graph).run()


class _Weaver:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.users: dict[str, list[Op]] = {op.name: [] for op in graph}
        for op in graph:
            for name in dict.fromkeys(op.producers):
                self.users[name].append(op)
        self.fixes = {op.arg("input"): op for op in reversed(graph.of_type("fix"))}
        self.outside = self._outside()
        self.made = Graph(graph.name, attrs=graph.attrs)
        self.made.op_defs = graph.op_defs
        self.renamed: dict[str, str] = {}

    def run(self) -> Graph:
        if not self.outside:
            return lower(self.graph)
        for op in lower(self._cut()):
            if op.name in self.outside:
                self._codes(op.name)
            elif op.name in self.graph and self.graph.op(op.name).type == "data" and op.name in self.made:
                continue
            else:
                args = {arg: [self.renamed.get(name, name) for name in names] for arg, names in op.args.items()}
                self.made.add(replace(op, args=args))
        for op in self.graph:
            if op.name in self.outside:
                self._codes(op.name) if self._rectifies(op) or self._ends(op) else self._float(op.name)
        return self.made

    # Which ops stay floating point ----------------------------------------------------------------------------------------------------

    def _outside(self) -> set[str]:
        """Return the ops without a fixed-point form, and those that only they read and that have no quantizer."""
        found = {op.name for op in self.graph if op.type not in _PLAIN and not self._possible(op)}
        while True:
            more = {
                op.name
                for op in self.graph
                if op.name not in found and op.type not in _PLAIN and (self._reads_floats(op, found) or self._bare(op, found))
            }
            if not more:
                return found
            found |= more

    def _possible(self, op: Op) -> bool:
        if op.type in ACTIVATIONS:
            source = self.graph.op(op.arg("input"))
            return op.type in FUSED.get(source.type, ()) and len(self.users[source.name]) == 1
        constant = any(self.graph.op(name).type in CONSTANTS for name in map(self._origin, op.args.get("input", [])))
        nearest = op.type != "resize" or op.attrs.get("mode") == "NEAREST"
        return op.type in _KNOWN and nearest and (not constant or self._scales(op))

    def _scales(self, op: Op) -> bool:
        """Whether a product is that of a pooling or hard sigmoid with the DPU's factor."""
        sources = [self.graph.op(name) for name in op.args["input"]]
        return op.type == "mul" and sources[0].type in SCALED and sources[-1].data is not None and sources[-1].data.size == 1

    def _reads_floats(self, op: Op, outside: set[str]) -> bool:
        """Whether an input comes from outside without a quantizer, and nothing tells its position."""
        return any(name in outside and not self._position(name) for name in op.producers)

    def _bare(self, op: Op, outside: set[str]) -> bool:
        users = self.users[op.name]
        return bool(users) and op.name not in self.fixes and all(user.name in outside for user in users)

    def _origin(self, name: str) -> str:
        op = self.graph.op(name)
        return op.arg("input") if op.type == "fix" else name

    def _position(self, name: str) -> int | None:
        """Return the position of a tensor's quantizer, or of the input that it only moves; None where there is none."""
        if name in self.fixes:
            return number(self.fixes[name], "fix_point")
        op = self.graph.op(name)
        if op.type == "fix":
            return number(op, "fix_point")
        return self._position(op.args["input"][0]) if op.type in PASSING else None

    # The graph without them -------------------------------------------------------------------------------------------------------------

    def _cut(self) -> Graph:
        """Return the graph with an input in place of every op outside whose output comes back as codes, and the others left out."""
        made = Graph(self.graph.name, attrs=self.graph.attrs)
        for op in self.graph:
            if op.name in self.outside:
                if self._returns(op.name):
                    build.data(made, op.name, op.tensor.shape)
                    if op.name not in self.fixes:
                        build.fix(made, f"{op.name}_fix", op.name, self._position(op.name) or 0)
            elif self._needed(op.name) and all(name in made for name in op.producers):
                args = {arg: [self._quantized(name) for name in names] for arg, names in op.args.items()}
                made.add(replace(op, args=args))
        return made

    def _quantized(self, name: str) -> str:
        return f"{name}_fix" if name in self.outside and name not in self.fixes else name

    def _returns(self, name: str) -> bool:
        """Whether an op that stays inside reads the tensor, through its quantizer or not."""
        users = [user for reader in self.users[name] for user in ([reader] if reader.type != "fix" else self.users[reader.name])]
        return any(user.name not in self.outside for user in users)

    def _needed(self, name: str) -> bool:
        """Whether the op computes, or an op inside reads it; a quantized input is, as islands take its codes too."""
        op = self.graph.op(name)
        if self.graph.op(self._origin(name)).type == "data" and self._origin(name) in self.fixes:
            return True
        if op.type not in _PLAIN:
            return True
        if op.type == "fix" and op.arg("input") not in self.outside and self.graph.op(op.arg("input")).type not in _PLAIN:
            return True
        return any(user.name not in self.outside and (user.type != "fix" or self._needed(user.name)) for user in self.users[name])

    # The islands ------------------------------------------------------------------------------------------------------------------------

    def _codes(self, name: str) -> str:
        """Return the op with the codes of a tensor; that of an op outside is quantized."""
        if name not in self.outside:
            return self.renamed.get(name, name)
        if name not in self.renamed:
            fix = self.fixes.get(name)
            if fix and self._rectifies(self.graph.op(name)):
                self.renamed[name] = self._rectifier(self.graph.op(name), fix).name
                return self.renamed[name]
            attrs = build.fix_attrs(self._position(name) or 0)
            made = fix.name if fix else f"{name}_float2fix"
            shape = self.graph.op(name).tensor.shape
            self.made.add(Op(made, "float2fix", Tensor(made, shape, XINT8, dict(attrs)), dict(attrs), {"input": [self._float(name)]}))
            self.renamed[name] = made
        return self.renamed[name]

    def _rectifies(self, op: Op) -> bool:
        """Whether the op is a (leaky) ReLU by itself between quantizers, which the DPU computes as a sum of one operand."""
        return op.type in {"relu", "leaky-relu"} and op.name in self.fixes and self._position(op.arg("input")) is not None

    def _ends(self, op: Op) -> bool:
        """Whether the network ends in the op's quantizer."""
        return op.name in self.fixes and not self.users[self.fixes[op.name].name]

    def _rectifier(self, op: Op, fix: Op) -> Op:
        source = self._codes(self._origin(op.arg("input")))
        attrs: dict[str, Attr] = {"type": "ADD", "nonlinear": "RELU"}
        if op.type == "leaky-relu":
            attrs |= {"nonlinear": "LEAKYRELU", "LEAKYRELU_alpha": real(op, "alpha")}
        return build.fixed(self.made, "eltwise-fix", fix.name, {"input": [source]}, number(fix, "fix_point"), **attrs)

    def _float(self, name: str) -> str:
        """Return the op with the numbers of a tensor, added where it is missing."""
        op = self.graph.op(name)
        origin = self._origin(name)
        if self.graph.op(origin).type in CONSTANTS or (op.type == "data" and name not in self.fixes):
            for part in dict.fromkeys((origin, name)):
                if part not in self.made:
                    self.made.add(self.graph.op(part))
            return name
        if name in self.outside and self._rectifies(op):
            return self._dequantized(name)
        if name in self.outside:
            if name not in self.made:
                self.made.add(replace(op, args={arg: [self._float(source) for source in names] for arg, names in op.args.items()}))
            return name
        return self._dequantized(origin)

    def _dequantized(self, name: str) -> str:
        codes = self._codes(name)
        made = f"{codes}_fix2float"
        if made not in self.made:
            source = self.made.op(codes).tensor
            attrs = {key: source.attrs[key] for key in ("fix_point", "bit_width", "if_signed", "round_mode")}
            self.made.add(Op(made, "fix2float", Tensor(made, source.shape, FLOAT32), attrs, {"input": [codes]}))
        return made

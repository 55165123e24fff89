"""The way back from a fake-quantized network: its float form and its fix positions, also for files that the vendor's quantizer wrote."""

from dataclasses import dataclass, field, replace

from net2bit.errors import QuantError
from net2bit.quant.points import MOVING, Point, find
from net2bit.xir.access import number
from net2bit.xir.graph import Graph, Op

SCALED = frozenset({"avgpool2d", "hard-sigmoid"})


@dataclass
class Stripped:
    """A fake-quantized network taken apart.

    Attributes:
        graph: Its float form: no quantizers; constants hold rounded numbers.
        positions: Tensor name -> fix position, for every point and every constant that has a quantizer.
        fixes: Tensor name -> name of its quantizer.
    """

    graph: Graph
    positions: dict[str, int] = field(default_factory=dict)
    fixes: dict[str, str] = field(default_factory=dict)

    def points(self) -> dict[str, Point]:
        """Return the points; each has a position, and so have its constants.

        A tensor that only a concatenation (or an op that moves numbers) reads may lack a quantizer in a vendor's file: it
        takes the position of what is made of it.

        Raises:
            QuantError: A tensor has no quantizer, or the network has an op that cannot be quantized.
        """
        found = find(self.graph)
        for point in reversed(found.values()):
            for name in (point.name, *point.parameters):
                if name not in self.positions:
                    self.positions[name] = self._inherited(name, found)
        return found

    def _inherited(self, name: str, points: dict[str, Point]) -> int:
        users = [point for point in points.values() if name in point.inputs]
        if len(users) == 1 and users[0].type in MOVING and users[0].name in self.positions:
            return self.positions[users[0].name]
        raise QuantError(
            f"'{name}' has no quantizer",
            where=name,
            remedy="only a network whose tensors all have a 'fix' op can become an integer network",
        )


def strip(graph: Graph) -> Stripped:
    """Take the fake-quantized *graph* apart."""
    made = Stripped(Graph(graph.name, attrs=graph.attrs))
    inner = {op.name: _scaled(graph, op) for op in graph}
    skipped = {name for pair in inner.values() if pair for name in pair}
    behind = {op.name: op.arg("input") for op in graph.of_type("fix")}
    for op in graph:
        if op.type == "fix":
            source = behind[op.name]
            made.positions[source] = number(op, "fix_point")
            made.fixes[source] = op.name
        elif op.name not in skipped:
            pair = inner[op.name]
            original = graph.op(pair[0]) if pair else op
            args = {arg: [behind.get(name, name) for name in names] for arg, names in original.args.items()}
            made.graph.add(replace(original, name=op.name, args=args, tensor=replace(original.tensor, name=op.name)))
    return made


def _scaled(graph: Graph, op: Op) -> tuple[str, str] | None:
    """Return the op and the constant that a multiplication with the DPU's factor is made of, if it is one."""
    if op.type != "mul" or len(op.args.get("input", [])) != 2:  # noqa: PLR2004 - the op and its factor
        return None
    source, factor = (graph.op(name) for name in op.args["input"])
    alone = len(graph.consumers(source.name)) == 1 and factor.data is not None and factor.data.size == 1
    return (source.name, factor.name) if source.type in SCALED and alone else None

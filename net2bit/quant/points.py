"""Where a network is quantized: the tensors that become int8, what computes each of them, and which must share a position.

The DPU computes a convolution, its bias and its activation in one instruction, so only the result of the chain is rounded. Ops that
only move numbers (max pooling, nearest upsampling, padding with zeros, reshaping) keep the position of their input.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from net2bit.errors import QuantError
from net2bit.xir.access import flag, ints
from net2bit.xir.graph import Graph, Op

CONVOLUTIONS = frozenset({"conv2d", "depthwise-conv2d", "transposed-conv2d", "transposed-depthwise-conv2d", "inner-product"})
ELTWISE = frozenset({"add", "mul"})
MOVING = frozenset({"maxpool2d", "pad", "resize", "concat", "reshape", "flatten", "squeeze", "identity"})
"""Ops whose output is a choice of their inputs' numbers, or zero; of resizing only the nearest kind."""
SINGLE = frozenset({"avgpool2d", "hard-sigmoid"})
FUSED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(CONVOLUTIONS, frozenset({"relu", "relu6", "leaky-relu"})),
    "add": frozenset({"relu"}),
}
"""Op type -> the activations that the DPU applies before it rounds."""
ACTIVATIONS = frozenset().union(*FUSED.values())


@dataclass(frozen=True)
class Point:
    """A tensor that is quantized, and the ops fused into its making.

    Attributes:
        name: The op whose output it is: the last of the chain.
        head: The op that computes: the first of the chain; `name` itself where nothing is fused.
        type: The head's type.
        activation: The type of the fused activation; empty for none.
        inputs: Names of the points that the head reads.
        weights: Name of the constant with the weights; empty for none.
        bias: Name of the constant with the bias; empty for none.
    """

    name: str
    head: str
    type: str
    activation: str = ""
    inputs: tuple[str, ...] = ()
    weights: str = ""
    bias: str = ""

    @property
    def moves(self) -> bool:
        """Whether it only moves its input's numbers, and so keeps their position."""
        return self.type in MOVING

    @property
    def parameters(self) -> tuple[str, ...]:
        """The constants that are quantized with it."""
        return tuple(name for name in (self.weights, self.bias) if name)


def find(graph: Graph) -> dict[str, Point]:
    """Return the points of a float *graph* by name, inputs first.

    Raises:
        QuantError: An op cannot be quantized for the DPU, or an activation cannot be fused.
    """
    tails = {op.name: _tail(graph, op) for op in graph if op.data is None and op.type not in ACTIVATIONS}
    owner = {tail.name: head for head, tail in tails.items()}
    for op in graph:
        if op.type in ACTIVATIONS and op.name not in owner:
            raise _unfused(op)
    return {tail.name: _point(graph, graph.op(head), tail) for head, tail in tails.items()}


def _tail(graph: Graph, op: Op) -> Op:
    """Return the op's activation where it can be fused, else the op."""
    users = graph.consumers(op.name)
    if len(users) == 1 and users[0].type in FUSED.get(op.type, ()):
        return users[0]
    return op


def _point(graph: Graph, head: Op, tail: Op) -> Point:
    if head.type == "data":
        return Point(head.name, head.name, "data")
    _check(head)
    weights, bias = _parameters(graph, head)
    inputs = tuple(head.args.get("input", []))
    constant = next((name for name in inputs if graph.op(name).data is not None), "")
    if constant:
        raise QuantError(f"{head.type} '{head.name}' takes the constant '{constant}', which the DPU cannot", where=head.name)
    activation = tail.type if tail is not head else ""
    return Point(tail.name, head.name, head.type, activation, inputs, weights, bias)


def _parameters(graph: Graph, head: Op) -> tuple[str, str]:
    """Return the names of the constants that hold weights and bias."""
    named = {arg: head.arg(arg) for arg in ("weights", "bias") if arg in head.args}
    for arg, name in named.items():
        if graph.op(name).data is None:
            raise QuantError(f"the {arg} of {head.type} '{head.name}' are computed, not constant", where=head.name)
    return named.get("weights", ""), named.get("bias", "")


def _check(op: Op) -> None:
    """Refuse what the DPU's int8 arithmetic does not have."""
    if op.type not in CONVOLUTIONS | ELTWISE | MOVING | SINGLE:
        raise QuantError(
            f"{op.type} '{op.name}' cannot be quantized for the DPU",
            where=op.name,
            remedy="cut the network in front of it (a softmax belongs on the processor), or replace the layer",
        )
    if op.type == "resize" and op.attrs.get("mode") != "NEAREST":
        raise QuantError(f"resize '{op.name}' has the mode {op.attrs.get('mode')!r}; only 'NEAREST' is quantized", where=op.name)
    if op.type == "avgpool2d" and any(ints(op, "pad", 4)) and not flag(op, "count_include_pad"):
        raise QuantError(
            f"avgpool2d '{op.name}' leaves its padding out of the mean; the DPU counts it",
            where=op.name,
            remedy="let the mean count it, or pad nothing",
        )
    if op.type == "pad" and (op.attrs.get("mode") != "CONSTANT" or any(_floats(op.attrs.get("constant_values")))):
        raise QuantError(f"pad '{op.name}' pads with other numbers than zero", where=op.name)


def _floats(value: object) -> list[float]:
    return [float(item) for item in value] if isinstance(value, list) else []


def _unfused(op: Op) -> QuantError:
    return QuantError(
        f"{op.type} '{op.name}' follows '{op.producers[0]}', into which the DPU cannot fuse it",
        where=op.name,
        remedy="put the activation right behind a convolution (or a ReLU behind an addition) whose output nobody else reads",
    )


@dataclass(frozen=True)
class Groups:
    """The points that share one fix position.

    Attributes:
        of: Point name -> name of its group, which is that of its first member.
        members: Group name -> its points, in graph order.
    """

    of: Mapping[str, str]
    members: Mapping[str, tuple[str, ...]]

    def __iter__(self) -> Iterator[str]:
        """Walk the names of the groups."""
        return iter(self.members)


def group(points: Mapping[str, Point]) -> Groups:
    """Return the groups of *points*.

    What only moves numbers joins its input, and a concatenation all of its inputs: the DPU writes them side by side and never
    touches them again.
    """
    order = {name: index for index, name in enumerate(points)}
    of: dict[str, str] = {}
    for point in points.values():
        joined = point.inputs if point.moves else ()
        merged = {of[other] for other in joined}
        name = min(merged, key=order.__getitem__, default=point.name)
        of = {member: name if head in merged else head for member, head in of.items()}
        of[point.name] = name
    heads = dict.fromkeys(of.values())
    return Groups(of, {head: tuple(name for name in points if of[name] == head) for head in heads})

"""Which channels, anywhere in a network, can be scaled together without changing what it computes.

A channel may be multiplied by a positive number where it is made and divided by it wherever it is read, as long as everything between is
homogeneous: ReLU, LeakyReLU, pooling, resizing, padding with zeros, concatenation, addition.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from net2bit.xir.access import number
from net2bit.xir.graph import Graph, Op

DENSE = frozenset({"conv2d", "transposed-conv2d"})
DEPTHWISE = frozenset({"depthwise-conv2d"})
PASSING = frozenset({"relu", "leaky-relu", "maxpool2d", "avgpool2d", "resize", "pad", "identity"})


@dataclass
class Channels:
    """The channels of a network in groups; each convolution's output opens one, and an op's output is a sequence of groups.

    Attributes:
        sizes: Channels of each group.
        parents: Group -> another one it was joined with; itself for none.
        pinned: Groups that must not be scaled: inputs, outputs, and what meets an op that is not homogeneous.
        of: Op -> the groups of its output's channels, in order.
    """

    sizes: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    pinned: set[int] = field(default_factory=set)
    of: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def new(self, size: int) -> tuple[int, ...]:
        """Open a group of *size* channels."""
        self.sizes.append(size)
        self.parents.append(len(self.parents))
        return (len(self.parents) - 1,)

    def root(self, group: int) -> int:
        """Return the group that stands for all that *group* was joined with."""
        while self.parents[group] != group:
            group = self.parents[group]
        return group

    def roots(self, name: str) -> tuple[int, ...]:
        """Return the groups of an op's output, joined ones under one number."""
        return tuple(self.root(group) for group in self.of[name])

    def pin(self, groups: Iterable[int]) -> None:
        """Keep *groups* from being scaled."""
        self.pinned.update(groups)

    def join(self, name: str, sources: list[str]) -> None:
        """Let all *sources* share their scales channel by channel, as an addition needs; pin them where their groups do not match."""
        first, *others = (self.of[source] for source in sources)
        self.of[name] = first
        for other in others:
            if [self.sizes[group] for group in other] != [self.sizes[group] for group in first]:
                self.pin(first + other)
                continue
            for left, right in zip(first, other, strict=True):
                self.parents[self.root(right)] = self.root(left)

    def free(self) -> set[int]:
        """Return the groups that may be scaled."""
        held = {self.root(group) for group in self.pinned}
        return {self.root(group) for group in range(len(self.parents))} - held


def trace(graph: Graph) -> Channels:
    """Find the groups of channels of a float *graph*."""
    channels = Channels()
    for op in graph:
        if op.data is None:
            _trace(graph, op, channels)
    for op in graph.outputs():
        channels.pin(channels.of[op.name])
    return channels


def _trace(graph: Graph, op: Op, channels: Channels) -> None:
    sources = [name for name in op.args.get("input", []) if graph.op(name).data is None]
    if scalable(graph, op):
        channels.of[op.name] = channels.new(op.tensor.shape[-1])
    elif op.type in PASSING:
        channels.of[op.name] = channels.of[sources[0]]
    elif op.type == "concat" and number(op, "axis") in {-1, len(op.tensor.shape) - 1}:
        channels.of[op.name] = tuple(group for source in sources for group in channels.of[source])
    elif op.type == "add" and len({graph.op(name).tensor.shape for name in op.args["input"]}) == 1 < len(sources):
        channels.join(op.name, sources)
    else:
        channels.of[op.name] = channels.new(op.tensor.shape[-1])
        channels.pin(channels.of[op.name])
        channels.pin(group for source in sources for group in channels.of[source])


def scalable(graph: Graph, op: Op) -> bool:
    """Tell whether the op is a convolution whose own, constant weights can take scales on both sides."""
    if op.type not in DENSE | DEPTHWISE:
        return False
    names = [name for arg in ("weights", "bias") for name in op.args.get(arg, [])]
    if any(graph.op(name).data is None or len(graph.consumers(name)) > 1 for name in names):
        return False
    if op.type in DEPTHWISE:
        return graph.op(op.arg("weights")).tensor.shape[0] == 1
    return op.type != "conv2d" or number(op, "group") == 1

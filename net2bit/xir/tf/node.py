"""The nodes of a frozen graph: typed attributes, data inputs, order and ends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from net2bit.errors import ModelError, near
from net2bit.proto.graphdef import tensor_to_numpy

INPUT = "Placeholder"
SILENT = ("NoOp", "Assert")


@dataclass(frozen=True)
class Node:
    """One node.

    Attributes:
        name: Unique in the graph.
        op: TensorFlow's operation.
        inputs: Names of the producing nodes, control inputs left out.
        attrs: Attribute name -> `AttrValue`.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attrs: Mapping[str, Any]

    def ints(self, name: str, default: Iterable[int] = ()) -> list[int]:
        """Return the list of integers *name*."""
        return list(self.attrs[name].list.i) if name in self.attrs else list(default)

    def number(self, name: str, default: int = 0) -> int:
        """Return the integer *name*."""
        return int(self.attrs[name].i) if name in self.attrs else default

    def real(self, name: str, default: float = 0.0) -> float:
        """Return the number *name*."""
        return float(self.attrs[name].f) if name in self.attrs else default

    def text(self, name: str, default: str = "") -> str:
        """Return the word *name*."""
        return self.attrs[name].s.decode() if name in self.attrs else default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return the truth value *name*."""
        return bool(self.attrs[name].b) if name in self.attrs else default

    def dtype(self, name: str) -> int:
        """Return the element type *name* as TensorFlow's number."""
        return int(self.attrs[name].type) if name in self.attrs else 0

    def shape(self) -> list[int] | None:
        """Return the attribute `shape`, -1 for an unknown size; None where not even the rank is known."""
        held = self.attrs["shape"].shape if "shape" in self.attrs else None
        return None if held is None or held.unknown_rank else [int(dim.size) for dim in held.dim]

    def value(self) -> Any:
        """Return the array of a `Const`.

        Raises:
            ModelError: Its tensor is damaged, or holds no numbers.
        """
        try:
            return tensor_to_numpy(self.attrs["value"].tensor)
        except ModelError as error:
            raise ModelError(f"constant '{self.name}': {error.what}", where=self.name) from error

    def fail(self, why: str, remedy: str = "") -> ModelError:
        """Return the error that this node cannot be converted."""
        return ModelError(f"{self.op} '{self.name}' {why}", where=self.name, remedy=remedy)


def read_nodes(graph: Any) -> dict[str, Node]:
    """Return the nodes of a `GraphDef` by name.

    Raises:
        ModelError: A name is taken twice, or an input comes from a node that is not there or from a second output.
    """
    found: dict[str, Node] = {}
    for node in graph.node:
        if node.name in found:
            raise ModelError(f"the graph has two nodes called '{node.name}'", where=node.name)
        sources = tuple(_source(node.name, name) for name in node.input if not name.startswith("^"))
        found[node.name] = Node(node.name, node.op, sources, node.attr)
    for known in found.values():
        for source in known.inputs:
            if source not in found:
                what = f"{known.op} '{known.name}' takes its input from '{source}', which is not there"
                raise ModelError(what, where=known.name, suggestion=near(source, found))
    return found


def _source(user: str, reference: str) -> str:
    name, _, output = reference.partition(":")
    if output not in {"", "0"}:
        raise ModelError(f"node '{user}' takes output {output} of '{name}': only first outputs can be converted", where=user)
    return name


def flow(nodes: Mapping[str, Node]) -> tuple[list[Node], list[Node]]:
    """Return the nodes that the outputs depend on, producers first, and the outputs.

    An output depends on an input, and no other such node depends on it; what hangs on control inputs only does not count.

    Raises:
        ModelError: The graph has a loop, no input or no output.
    """
    order = _sorted(nodes)
    fed: set[str] = set()
    for node in order:
        if node.op == INPUT or any(source in fed for source in node.inputs):
            fed.add(node.name)
    used = {source for node in order if node.op not in SILENT for source in node.inputs}
    outputs = [node for node in order if node.name in fed and node.name not in used and node.op not in (INPUT, *SILENT)]
    if not outputs:
        raise ModelError("the graph has no output that depends on an input: nothing flows through it")
    needed = _reach(nodes, outputs)
    return [node for node in order if node.name in needed], sorted(outputs, key=lambda node: list(nodes).index(node.name))


def _reach(nodes: Mapping[str, Node], ends: Iterable[Node]) -> set[str]:
    found: set[str] = set()
    waiting = [node.name for node in ends]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(nodes[name].inputs)
    return found


def _sorted(nodes: Mapping[str, Node]) -> list[Node]:
    """Return the nodes with producers first, else in the file's order."""
    order: list[Node] = []
    state: dict[str, bool] = {}
    for start in nodes:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            ahead = [source for source in nodes[name].inputs if not state.get(source)]
            if state.get(name):
                waiting.pop()
            elif not ahead:
                state[name] = True
                order.append(nodes[waiting.pop()])
            elif any(source in state for source in ahead):
                raise ModelError(f"node '{name}' depends on itself", where=name, remedy="freeze the network for inference, without loops")
            else:
                state[name] = False
                waiting.extend(ahead[:1])
    return order

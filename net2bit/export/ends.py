"""Where a frozen graph begins and ends, found by walking it: nobody types node names in."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from net2bit.errors import ModelError

_SOURCES = ("Const", "NoOp")


@dataclass(frozen=True)
class Ends:
    """The outer nodes of a graph.

    Attributes:
        inputs: Placeholders that something consumes, in graph order.
        outputs: Nodes that compute something and that nobody consumes, in graph order.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def producer(reference: str) -> str:
    """Return the node that an input reference (`name`, `name:1`, `^name`) points to."""
    return reference.removeprefix("^").split(":")[0]


def find_ends(graph: Any) -> Ends:
    """Return the inputs and outputs of a `GraphDef`.

    Raises:
        ModelError: A node takes its input from one that is not there, or the graph has no input or no output.
    """
    names = {node.name for node in graph.node}
    used = {producer(source) for node in graph.node for source in node.input}
    if used - names:
        raise ModelError(f"the graph has no node '{min(used - names)}', though others take their input from it")
    inputs = tuple(node.name for node in graph.node if node.op == "Placeholder" and node.name in used)
    outputs = tuple(node.name for node in graph.node if node.name not in used and node.op not in (*_SOURCES, "Placeholder"))
    if not inputs or not outputs:
        raise ModelError(f"the graph has {len(inputs)} inputs and {len(outputs)} outputs: nothing flows through it")
    return Ends(inputs, outputs)


def count_ops(graph: Any) -> dict[str, int]:
    """Return how many nodes of each operation a `GraphDef` has, by name."""
    return dict(sorted(Counter(node.op for node in graph.node).items()))

"""Works out ops that depend on constants only."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.xir.access import ints
from net2bit.xir.fold import sweep
from net2bit.xir.graph import Graph, Op

Array = NDArray[Any]


def fold_constants(graph: Graph) -> int:
    """Turn each op that depends on constants only, and has a rule here, into a constant of the same name; return how many."""
    folded = 0
    for op in graph:
        values = [graph.op(name).data for name in op.producers]
        known = [value for value in values if value is not None]
        if op.type in _RULES and known and len(known) == len(values):
            made, old = _RULES[op.type](op, known), op.producers
            op.type, op.attrs, op.args, op.data = "const", {}, {}, np.ascontiguousarray(made, known[0].dtype)
            sweep(graph, old)
            folded += 1
    return folded


def _reshaped(op: Op, values: list[Array]) -> Array:
    return values[0].reshape(op.tensor.shape)


def _combined(function: Callable[[Array, Array], Array]) -> Callable[[Op, list[Array]], Array]:
    """Return the rule of an op that combines its inputs one after the other; floats in float64, rounded once."""

    def rule(_op: Op, values: list[Array]) -> Array:
        total = values[0].astype(np.float64) if values[0].dtype.kind == "f" else values[0]
        for value in values[1:]:
            total = function(total, value)
        return total

    return rule


_RULES: dict[str, Callable[[Op, list[Array]], Array]] = {
    **dict.fromkeys(("identity", "reshape", "flatten", "squeeze"), _reshaped),
    "transpose": lambda op, values: values[0].transpose(ints(op, "order")),
    "add": _combined(np.add),
    "sub": _combined(np.subtract),
    "mul": _combined(np.multiply),
    "div": _combined(np.divide),
}

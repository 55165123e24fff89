"""Passes that fold: identities, biases, batch normalizations and scales, resizes in pieces.

A folded op disappears; the op that takes over keeps its name, and its tensor takes the name of what was folded last, so that every tensor
still says which node of the source network has its value.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from net2bit.xir import build
from net2bit.xir.access import flag, ints, number, reals, text
from net2bit.xir.affine import CONVOLUTIONS, Affine, Vector, affine_of, scaled_inputs, scaled_outputs, shifted_outputs
from net2bit.xir.graph import CONSTANTS, Attr, Graph, Op

SOURCES = ("data", "data-fix")
_MAP_RANK = 4


def drop_identities(graph: Graph) -> int:
    """Remove `identity` ops, but for an output whose source others use too; return how many."""
    dropped = 0
    for op in graph.of_type("identity"):
        source = graph.op(op.arg("input"))
        shared = len(graph.consumers(source.name)) > 1 or source.type in SOURCES or source.name in ends(graph)
        if graph.consumers(op.name) or not shared:
            _replace(graph, op, source)
            dropped += 1
    return dropped


def fold_behind(graph: Graph) -> int:
    """Fold each gain and shift (bias, batch normalization, scale) into the convolution that feeds it alone; return how many."""
    folded = 0
    for op in graph:
        found = affine_of(graph, op)
        conv = graph.op(found.source) if found else None
        if found and conv and _alone(graph, conv) and _foldable(graph, conv):
            _absorb(graph, conv, op, found)
            folded += 1
    return folded


def merge_affine(graph: Graph) -> int:
    """Join a gain and shift with the one that feeds it alone into one `scale`; return how many disappeared."""
    merged = 0
    for op in graph:
        last = affine_of(graph, op)
        before = graph.op(last.source) if last else None
        first = affine_of(graph, before) if before and _alone(graph, before) else None
        if last and first and before:
            _replace(graph, before, graph.op(first.source))
            _become_scale(graph, op, Affine(first.source, first.gain * last.gain, first.shift * last.gain + last.shift))
            merged += 1
    return merged


def fold_ahead(graph: Graph) -> int:
    """Fold a gain, and the shift where nothing is padded, into the convolutions that alone take it; return how many ops disappeared.

    Padding pads zeros behind the shift, which a bias cannot imitate: such a convolution leaves the op where it is.
    """
    folded = 0
    for op in reversed(list(graph)):
        found, users = affine_of(graph, op), graph.consumers(op.name)
        if found and users and op.name not in ends(graph) and all(_takes(graph, user, op, found) for user in users):
            for user in users:
                _prepare(graph, user, found)
            _replace(graph, op, graph.op(found.source))
            folded += 1
    return folded


def spread_affine(graph: Graph) -> int:
    """Turn every gain and shift on a feature map that could not be folded into a depthwise 1x1 convolution; return how many."""
    spread = 0
    for op in graph:
        found = affine_of(graph, op)
        if found and len(op.tensor.shape) == _MAP_RANK:
            _become_depthwise(graph, op, found)
            spread += 1
    return spread


def merge_resizes(graph: Graph) -> int:
    """Join upsampling by whole factors of height and of width, one behind the other, into one; return how many disappeared."""
    merged = 0
    for op in graph.of_type("resize"):
        before = graph.op(op.arg("input"))
        if before.type == "resize" and _alone(graph, before) and _repeats(op) and _repeats(before):
            factors = zip(reals(before, "scale", 2), reals(op, "scale", 2), strict=True)
            op.attrs["scale"] = [first * second for first, second in factors]
            _replace(graph, before, graph.op(before.arg("input")))
            merged += 1
    return merged


def ends(graph: Graph) -> list[str]:
    """Return the names of the outputs: the attribute `return_ops`, else the ops without consumer."""
    named = graph.attrs.get("return_ops")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else [op.name for op in graph.outputs()]


def _repeats(op: Op) -> bool:
    """Tell whether a resize only repeats values."""
    plain = not op.args.get("size") and text(op, "mode") == "NEAREST" and not flag(op, "align_corners")
    return plain and all(factor >= 1 and factor == int(factor) for factor in reals(op, "scale", 2))


def _alone(graph: Graph, op: Op) -> bool:
    """Tell whether one op alone sees the value of *op*."""
    return len(graph.consumers(op.name)) == 1 and op.name not in ends(graph)


def _foldable(graph: Graph, conv: Op) -> bool:
    """Tell whether *conv* has weights, and a bias if any, that are known."""
    if conv.type not in CONVOLUTIONS:
        return False
    return all(graph.op(conv.arg(arg)).data is not None for arg in ("weights", "bias") if conv.args.get(arg))


def _absorb(graph: Graph, conv: Op, op: Op, affine: Affine) -> None:
    """Let *conv* also do what *op* does, and remove *op*."""
    own = [name for name in op.producers if graph.op(name).data is not None and not name.startswith(op.name)] if op.type == "add" else []
    bias = _values(graph, conv, "bias")
    shift = affine.shift if bias is None else bias * affine.gain + affine.shift
    if not np.all(affine.gain == 1):
        weights = _values(graph, conv, "weights")
        _set(graph, conv, "weights", scaled_outputs(conv.type, np.asarray(weights), affine.gain))
    conv.tensor.name = op.tensor.name
    _replace(graph, op, conv)
    _set(graph, conv, "bias", shift, own[0] if own else f"{conv.name}_bias")


def _takes(graph: Graph, user: Op, op: Op, affine: Affine) -> bool:
    if user.type != "conv2d" or user.args["input"] != [op.name] or op.name in user.producers[1:] or not _foldable(graph, user):
        return False
    padded = text(user, "pad_mode") == "CEIL" or any(ints(user, "pad", 4))
    return not (padded and np.any(affine.shift))


def _prepare(graph: Graph, user: Op, affine: Affine) -> None:
    """Let the convolution *user* do first what *affine* says."""
    weights, bias, group = np.asarray(_values(graph, user, "weights")), _values(graph, user, "bias"), number(user, "group")
    if np.any(affine.shift):
        added = shifted_outputs(weights, affine.shift, group)
        _set(graph, user, "bias", added if bias is None else bias + added, f"{user.name}_bias")
    _set(graph, user, "weights", scaled_inputs(weights, affine.gain, group))


def _become_scale(graph: Graph, op: Op, affine: Affine) -> None:
    old, axis = op.producers, len(op.tensor.shape) - 1
    op.type, op.attrs, op.args = "scale", {"axis": axis}, {"input": [affine.source]}
    sweep(graph, old)
    _set(graph, op, "scale", affine.gain, f"{op.name}_scale")
    _set(graph, op, "bias", affine.shift, f"{op.name}_bias")


def _become_depthwise(graph: Graph, op: Op, affine: Affine) -> None:
    old = op.producers
    attrs: dict[str, Attr] = {"kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1], "pad_mode": "FLOOR", "pad": [0, 0, 0, 0]}
    op.type, op.attrs, op.args = "depthwise-conv2d", attrs, {"input": [affine.source]}
    sweep(graph, old)
    _set(graph, op, "weights", affine.gain.reshape(1, 1, 1, -1), f"{op.name}_weights")
    _set(graph, op, "bias", affine.shift, f"{op.name}_bias")


def _values(graph: Graph, op: Op, arg: str) -> Vector | None:
    """Return the constant in *arg*, in float64, or None where there is none."""
    data = graph.op(op.arg(arg)).data if op.args.get(arg) else None
    return None if data is None else data.astype(np.float64)


def _set(graph: Graph, op: Op, arg: str, values: NDArray[np.floating], name: str = "") -> None:
    """Let *values* be the constant in *arg*: in place where *op* alone has it, else in a new constant called *name*, or almost."""
    held = graph.op(op.arg(arg)) if op.args.get(arg) else None
    if held and len(graph.consumers(held.name)) == 1 and op.producers.count(held.name) == 1:
        held.data = np.ascontiguousarray(values, np.float32)
        held.tensor.shape = held.data.shape
        return
    free = name or f"{held.name if held else op.name}_{arg}"
    while free in graph:
        free += "_"
    op.args[arg] = [build.const(graph, free, values, before=op.name).name]


def _replace(graph: Graph, old: Op, new: Op) -> None:
    """Remove *old* and the constants that it alone has, and let what it fed take *new*."""
    producers = old.producers
    graph.redirect(old.name, new.name)
    named = graph.attrs.get("return_ops")
    if isinstance(named, list):
        graph.attrs["return_ops"] = [new.name if name == old.name else str(name) for name in named]
    graph.remove(old.name)
    sweep(graph, producers)


def sweep(graph: Graph, names: Iterable[str]) -> None:
    """Remove those of the constants *names* that feed nothing any more."""
    for name in dict.fromkeys(names):
        if name in graph and graph.op(name).type in CONSTANTS and not graph.consumers(name):
            graph.remove(name)

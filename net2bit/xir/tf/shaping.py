"""How TensorFlow's shape operations become XIR's: concatenation, padding, reshaping, slicing, and upsampling in pieces."""

from math import prod

from net2bit.xir import build
from net2bit.xir.graph import Op
from net2bit.xir.tf.constant import axes, slices
from net2bit.xir.tf.importer import Importer, Rule, Spread, Value
from net2bit.xir.tf.node import Node


def alias(net: Importer, node: Node) -> Value:
    """Return what feeds an operation that changes nothing."""
    return net.values[node.inputs[0]]


def concat(net: Importer, node: Node) -> Op:
    """Convert a concatenation; the axis is the last input."""
    *sources, axis = range(len(node.inputs))
    return build.concat(net.graph, node.name, *(net.map(node, at) for at in sources), axis=int(net.constant(node, axis)))


def pad(net: Importer, node: Node) -> Op:
    """Convert a margin of zeros, or of mirrored values; the margins come as pairs, axis by axis."""
    mode = node.text("mode", "CONSTANT")
    if len(node.inputs) > 2 and net.constant(node, 2).any():  # noqa: PLR2004  the third input is the value to pad with
        raise node.fail("pads with a number other than zero, which cannot be converted")
    return build.pad(net.graph, node.name, net.map(node, 0), net.constant(node, 1).reshape(-1).tolist(), mode)


def reshape(net: Importer, node: Node) -> Op:
    """Convert a reshaping; one that closes a repeated axis is an upsampling."""
    spread, shape = net.spread(node), [int(size) for size in net.constant(node, 1)]
    if spread is None or spread.times == 1:
        return build.reshape(net.graph, node.name, net.map(node, 0), shape)
    before = list(spread.source.tensor.shape)
    merged = [size * spread.times if at == spread.axis - 1 else size for at, size in enumerate(before)]
    wanted = [prod(merged) // -prod(shape) if size == -1 else size for size in shape]
    if wanted != merged or spread.axis not in {2, 3} or len(before) != 4:  # noqa: PLR2004  height and width of NHWC, one to the right
        raise node.fail("closes a tiled axis, but is no upsampling of height or width")
    factors = (1.0, float(spread.times)) if spread.axis == 2 else (float(spread.times), 1.0)  # noqa: PLR2004  likewise
    return build.resize(net.graph, node.name, spread.source, factors)


def expand_dims(net: Importer, node: Node) -> Value:
    """Open an axis, to be seen as part of an upsampling or to become a reshaping."""
    source = net.map(node, 0)
    return Spread(source, axes(net.constant(node, 1))[0] % (len(source.tensor.shape) + 1), 1)


def tile(net: Importer, node: Node) -> Value:
    """Repeat an axis that `expand_dims` opened."""
    spread, times = net.spread(node), axes(net.constant(node, 1))
    if spread is None or any(count != 1 for at, count in enumerate(times) if at != spread.axis):
        raise node.fail("repeats a tensor: only tiling that upsamples can be converted")
    return Spread(spread.source, spread.axis, times[spread.axis])


def squeeze(net: Importer, node: Node) -> Op:
    """Convert the removal of axes of size 1."""
    dims = node.ints("squeeze_dims", node.ints("axis"))
    return build.place(net.graph, "squeeze", node.name, {"input": [net.map(node, 0)]}, {"axis": dims} if dims else {})


def transpose(net: Importer, node: Node) -> Op:
    """Convert a change of the axes' order."""
    return build.place(net.graph, "transpose", node.name, {"input": [net.map(node, 0)]}, {"order": list(axes(net.constant(node, 1)))})


def strided_slice(net: Importer, node: Node) -> Op:
    """Convert a slice; where it takes single indices, a reshaping drops those axes."""
    source = net.map(node, 0)
    shape = source.tensor.shape
    index = slices(node, len(shape), *(net.constant(node, at) for at in (1, 2, 3)))
    whole = [*index, *[slice(None)] * (len(shape) - len(index))]
    parts = [part if isinstance(part, slice) else slice(part % size, part % size + 1) for part, size in zip(whole, shape, strict=True)]
    begin, end, strides = (
        list(group) for group in zip(*(part.indices(size) for part, size in zip(parts, shape, strict=True)), strict=True)
    )
    single = [isinstance(part, slice) for part in whole]
    name = node.name if all(single) else f"{node.name}_slice"
    cut = build.place(net.graph, "strided_slice", name, {"input": [source]}, {"begin": begin, "end": end, "strides": strides})
    if all(single):
        return cut
    return build.reshape(net.graph, node.name, cut, [size for size, kept in zip(cut.tensor.shape, single, strict=True) if kept])


def argmax(net: Importer, node: Node) -> Op:
    """Convert the index of the greatest value."""
    attrs = {"axis": int(net.constant(node, 1)), "keepdims": 0}
    return build.place(net.graph, "argmax", node.name, {"input": [net.map(node, 0)]}, attrs, dtype=build.INT32)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("Identity", "StopGradient", "CheckNumerics"), alias),
    "ConcatV2": concat,
    **dict.fromkeys(("Pad", "PadV2", "MirrorPad"), pad),
    "Reshape": reshape,
    "ExpandDims": expand_dims,
    "Tile": tile,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "StridedSlice": strided_slice,
    "ArgMax": argmax,
}

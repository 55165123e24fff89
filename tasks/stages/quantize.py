"""The kinds between a frozen graph and a quantized network. Each toolchain brings its own ops for them."""

from net2bit.graph.kind import Kind, Op

KINDS = (
    Kind("float.xmodel", "The network as a floating-point XIR graph", file="{model.name}_float.xmodel"),
    Kind("positions.json", "The fix position of every tensor, and what it was chosen from"),
    Kind("int.xmodel", "The quantized network as an XIR graph", file="{model.name}_int.xmodel"),
)

OPS: tuple[Op, ...] = ()

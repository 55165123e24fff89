"""The IR's laws. A graph that breaks one is refused with the op's name, so that the pass which broke it is found at once."""

from collections import Counter

from net2bit.errors import ModelError, near
from net2bit.xir.access import number, text
from net2bit.xir.attrs import fits, wire_of
from net2bit.xir.graph import CONSTANTS, DataKind, Graph, Op, Subgraph
from net2bit.xir.opdefs import COMMON, OP_DEFS, Occur, OpDef
from net2bit.xir.shapes import infer
from net2bit.xir.xmodel import SOURCES, numpy_type

ROUND_MODES = ("DPU_ROUND", "STD_ROUND", "PY3_ROUND")
MAX_BITS = 32
_DERIVED = ("shape", "data_type", "data")


def verify(graph: Graph) -> None:
    """Check *graph* against the op definitions, the shapes and the element types.

    Raises:
        ModelError: A law is broken: links or order, an unknown op type, argument or attribute, a value of the wrong type,
            a shape other than the inferred one, an element type that the op cannot have, a constant that is not its tensor,
            or a tree of subgraphs that does not hold every op once.
    """
    if not len(graph):
        raise ModelError(f"graph '{graph.name}' holds no ops", where=graph.name)
    defs = OP_DEFS | {known.name: known for known in graph.op_defs}
    ahead: set[str] = set()
    for op in graph:
        _links(graph, op, ahead)
        if op.type not in defs:
            raise ModelError(f"op '{op.name}' has the unknown type '{op.type}'", where=op.name, suggestion=near(op.type, defs))
        _args(op, defs[op.type])
        _attrs(op, defs[op.type])
        _shape(graph, op)
        _elements(op)
        ahead.add(op.name)
    if graph.root is not None and graph.root.children:
        _tree(graph, graph.root)


def _links(graph: Graph, op: Op, ahead: set[str]) -> None:
    if graph.op(op.name) is not op or not op.name:
        raise ModelError(f"the graph lists op '{op.name}' under another name", where=op.name)
    late = [name for name in op.producers if name not in ahead]
    if late:
        how = "stands behind it" if late[0] in graph else "is not there"
        raise ModelError(f"{op.type} '{op.name}' takes its input from '{late[0]}', which {how}", where=op.name)


def _args(op: Op, known: OpDef) -> None:
    names = {arg.name: arg for arg in known.args}
    for name in op.args:
        if name not in names:
            raise ModelError(f"{op.type} '{op.name}' has no argument '{name}'", where=op.name, suggestion=near(name, names))
    for name, arg in names.items():
        count = len(op.args.get(name, []))
        if (arg.occur.needed and not count) or (count > 1 and not arg.occur.many):
            raise ModelError(f"{op.type} '{op.name}' has {count} producers for its argument '{name}'", where=op.name)


def _attrs(op: Op, known: OpDef) -> None:
    for attr in known.attrs:
        if attr.name not in op.attrs:
            if attr.occur is Occur.REQUIRED and not (op.type in SOURCES and attr.name in _DERIVED):
                what = f"{op.type} '{op.name}' lacks its attribute '{attr.name}'"
                raise ModelError(what, where=op.name, suggestion=near(attr.name, op.attrs))
            continue
        value = op.attrs[attr.name]
        if wire_of(value, attr.wire) is not attr.wire and not fits(value, attr.wire):
            what = f"attribute '{attr.name}' of {op.type} '{op.name}' must be {attr.wire.name}, not {value!r}"
            raise ModelError(what, where=op.name)
        if attr.length > 1 and isinstance(value, list) and len(value) != attr.length:
            what = f"attribute '{attr.name}' of {op.type} '{op.name}' must have {attr.length} values, not {len(value)}"
            raise ModelError(what, where=op.name)
    _typing_slips(op, known)


def _typing_slips(op: Op, known: OpDef) -> None:
    """Refuse a name that only just misses one of the definition: others are somebody's own, and allowed."""
    names = {attr.name for attr in known.attrs}
    for name in op.attrs.keys() - names - COMMON.keys():
        missed = near(name, names)
        if missed and missed not in op.attrs:
            raise ModelError(f"{op.type} '{op.name}' has no attribute '{name}'", where=op.name, suggestion=missed)


def _shape(graph: Graph, op: Op) -> None:
    wanted = infer(graph, op)
    if wanted is not None and tuple(op.tensor.shape) != wanted:
        what = f"the output of {op.type} '{op.name}' has the shape {list(op.tensor.shape)}, its inputs give {list(wanted)}"
        raise ModelError(what, where=op.name)


_FIXED = (DataKind.XINT, DataKind.XUINT)
_FLOATING = (
    *("fix", "fix2float", "conv2d", "depthwise-conv2d", "transposed-conv2d", "transposed-depthwise-conv2d", "matmul", "inner-product"),
    *("relu", "leaky-relu", "relu6", "prelu", "sigmoid", "hard-sigmoid", "swish", "hard-swish", "tanh", "softmax", "batchnorm", "scale"),
    *("maxpool2d", "avgpool2d", "resize"),
)


def _elements(op: Op) -> None:
    kind = op.tensor.dtype.kind
    if op.type.endswith("-fix") or op.type == "float2fix":
        if kind not in _FIXED:
            raise ModelError(f"{op.type} '{op.name}' makes fixed point, but its tensor is {kind.name}", where=op.name)
        if "fix_point" not in op.tensor.attrs | op.attrs:
            raise ModelError(f"the tensor of {op.type} '{op.name}' has no fix_point", where=op.name)
    elif op.type in _FLOATING and kind not in {DataKind.FLOAT, DataKind.BFLOAT}:
        raise ModelError(f"{op.type} '{op.name}' makes floating point, but its tensor is {kind.name}", where=op.name)
    if op.type in {"fix", "float2fix", "fix2float"}:
        text(op, "round_mode", *ROUND_MODES)
        if not 0 < number(op, "bit_width") <= MAX_BITS:
            raise ModelError(f"{op.type} '{op.name}' has a width of {number(op, 'bit_width')} bits", where=op.name)
    if op.data is not None:
        _constant(op)


def _constant(op: Op) -> None:
    if op.type not in CONSTANTS:
        raise ModelError(f"{op.type} '{op.name}' holds values, but is no constant", where=op.name)
    if op.data is not None and (op.data.shape != tuple(op.tensor.shape) or op.data.dtype != numpy_type(op.tensor.dtype)):
        tensor = f"{list(op.tensor.shape)} of {op.tensor.dtype.kind.name}{op.tensor.dtype.bits}"
        what = f"constant '{op.name}' holds {list(op.data.shape)} of {op.data.dtype}, but its tensor is {tensor}"
        raise ModelError(what, where=op.name)


def _tree(graph: Graph, root: Subgraph) -> None:
    held = Counter(_leaves(root))
    for op in graph:
        if held[op.name] != 1:
            raise ModelError(f"op '{op.name}' stands in {held[op.name]} subgraphs, not in one", where=op.name)
    stray = [name for name in held if name not in graph]
    if stray:
        raise ModelError(f"the subgraphs list '{stray[0]}', which is no op of the graph", where=root.name)


def _leaves(subgraph: Subgraph) -> list[str]:
    return [*subgraph.ops, *(name for child in subgraph.children for name in _leaves(child))]

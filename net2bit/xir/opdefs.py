"""XIR's op definitions: which arguments and attributes an op type has. Facts of AMD's public library (XIR 3.5).

An op may carry attributes that its definition lacks; those that quantizers and compilers write are listed in `COMMON`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from net2bit.xir.attrs import Wire
from net2bit.xir.graph import Attr, DataKind


class Occur(Enum):
    """How often an argument occurs; the value is the number in the format. Attributes know the first two only."""

    REQUIRED = 0
    OPTIONAL = 1
    REPEATED = 2
    REQUIRED_AND_REPEATED = 3

    @property
    def needed(self) -> bool:
        """Whether there must be at least one."""
        return self in {Occur.REQUIRED, Occur.REQUIRED_AND_REPEATED}

    @property
    def many(self) -> bool:
        """Whether there may be several."""
        return self in {Occur.REPEATED, Occur.REQUIRED_AND_REPEATED}


@dataclass(frozen=True)
class ArgDef:
    """An argument: which ops feed it.

    Attributes:
        name: Such as `input`, `weights`, `bias`.
        kind: The family of element types that the library names; it is not enforced.
        occur: How many producers it takes.
        note: The library's description, in a definition read from a file.
    """

    name: str
    kind: DataKind
    occur: Occur = Occur.REQUIRED
    note: str = ""


@dataclass(frozen=True)
class AttrDef:
    """An attribute.

    Attributes:
        name: Such as `kernel`.
        wire: The type of its values.
        occur: Required or optional.
        length: Elements of a list, 0 where any number goes, 1 for a scalar.
        default: What holds where an optional one is absent; None where the library names none.
        note: The library's description, in a definition read from a file.
    """

    name: str
    wire: Wire
    occur: Occur = Occur.REQUIRED
    length: int = 1
    default: Attr | None = None
    note: str = ""


@dataclass(frozen=True)
class OpDef:
    """An op type: its arguments and attributes, in the library's order."""

    name: str
    args: tuple[ArgDef, ...] = ()
    attrs: tuple[AttrDef, ...] = ()
    note: str = ""

    def attr(self, name: str) -> AttrDef | None:
        """Return the definition of the attribute *name*, or None."""
        return next((attr for attr in self.attrs if attr.name == name), None)


def _need(name: str, wire: Wire, length: int = 1) -> AttrDef:
    return AttrDef(name, wire, length=length)


def _may(name: str, wire: Wire, default: Attr | None, length: int = 1) -> AttrDef:
    return AttrDef(name, wire, Occur.OPTIONAL, length, default)


def _one(*names: str, kind: DataKind, also: str = "") -> tuple[ArgDef, ...]:
    """Return required arguments, and the optional one *also*."""
    optional = (ArgDef(also, kind, Occur.OPTIONAL),) if also else ()
    return (*(ArgDef(name, kind) for name in names), *optional)


_F, _X, _INT = DataKind.FLOAT, DataKind.XINT, DataKind.INT
_INPUT = _one("input", kind=_F)
_INPUT_FIX = _one("input", kind=_X)
_MANY = (ArgDef("input", _F, Occur.REQUIRED_AND_REPEATED),)
_MANY_FIX = (ArgDef("input", _X, Occur.REQUIRED_AND_REPEATED),)
_SIZE = ArgDef("size", _INT, Occur.OPTIONAL)
_CONV = _one("input", "weights", kind=_F, also="bias")
_CONV_FIX = _one("input", "weights", kind=_X, also="bias")

_WINDOW = (_need("kernel", Wire.INT32_VEC, 2), _need("stride", Wire.INT32_VEC, 2))
_DILATION = _may("dilation", Wire.INT32_VEC, [1, 1], 2)
_PAD_MODE = _need("pad_mode", Wire.STRING)
_PAD = _may("pad", Wire.INT32_VEC, [0, 0, 0, 0], 4)
_GROUP = _may("group", Wire.INT32, 1)
_ACTIVATION = (
    _may("nonlinear", Wire.STRING, ""),
    *(_may(name, Wire.INT32, -128) for name in ("hsigmoid_in", "shift_hsigmoid", "shift_hswish")),
)
_CONV_ATTRS = (*_WINDOW, _DILATION, _PAD_MODE, _PAD)
_CONV_FIX_ATTRS = (*_WINDOW, _DILATION, _PAD, *_ACTIVATION)
_POOL_ATTRS = (*_WINDOW, _PAD_MODE, _PAD, _may("global", Wire.BOOL, default=False))
_SOURCE = (_need("shape", Wire.INT32_VEC, 0), _need("data_type", Wire.STRING))
_CONST = (*_SOURCE, _need("data", Wire.BYTES, 0))
_FIX = (
    *(_need("fix_point", Wire.INT32), _need("bit_width", Wire.INT32), _need("round_mode", Wire.STRING), _need("if_signed", Wire.BOOL)),
    _may("bfp_method", Wire.STRING, "none"),
    *(_may(name, Wire.INT64, None) for name in ("block_size", "sub_block_size", "sub_block_shift_bits")),
    *(_may(name, Wire.INT64, None) for name in ("convert_to_bfloat_before_bfp", "axis")),
)
_ZOOM = (_need("mode", Wire.STRING), *(_may(name, Wire.BOOL, default=False) for name in ("align_corners", "half_pixel_centers")))
_AXIS = _need("axis", Wire.INT32)
_REDUCE = (_need("axis", Wire.INT32_VEC, 0), _need("keep_dims", Wire.BOOL))
_SLICE = tuple(_need(name, Wire.INT32_VEC, 0) for name in ("begin", "end", "strides"))
_PADDINGS = (_need("paddings", Wire.INT32_VEC, 0), _need("mode", Wire.STRING))
_TRANSPOSE_AB = (_need("transpose_a", Wire.BOOL), _need("transpose_b", Wire.BOOL))
_MOMENTS = _one("input", "gamma", "beta", "moving_mean", "moving_var", kind=_F)

_TABLE: dict[str, tuple[tuple[ArgDef, ...], tuple[AttrDef, ...]]] = {
    # Sources, and the borders between float and fixed point.
    "data": ((), _SOURCE),
    "const": ((), _CONST),
    "data-fix": ((), _SOURCE),
    "const-fix": ((), _CONST),
    "fix": (_INPUT, _FIX),
    "float2fix": (_INPUT, _FIX),
    "fix2float": (_INPUT_FIX, _FIX),
    "upload": (_INPUT, ()),
    "download": (_INPUT_FIX, ()),
    "identity": (_INPUT_FIX, ()),
    "threshold": (_one("input", "threshold", kind=_X), ()),
    "cast": (_INPUT, (_need("data_type", Wire.STRING),)),
    # Convolutions.
    "conv2d": (_CONV, (*_CONV_ATTRS, _GROUP)),
    "depthwise-conv2d": (_CONV, _CONV_ATTRS),
    "transposed-conv2d": (_CONV, _CONV_ATTRS),
    "transposed-depthwise-conv2d": (_CONV, _CONV_ATTRS),
    "conv2d-fix": (_CONV_FIX, (*_CONV_FIX_ATTRS, _GROUP)),
    "depthwise-conv2d-fix": (_CONV_FIX, _CONV_FIX_ATTRS),
    "transposed-conv2d-fix": (_CONV_FIX, _CONV_FIX_ATTRS),
    "transposed-depthwise-conv2d-fix": (_CONV_FIX, _CONV_FIX_ATTRS),
    "matmul": ((*_MANY, ArgDef("bias", _F, Occur.OPTIONAL)), _TRANSPOSE_AB),
    "inner-product": (_CONV, (_AXIS,)),
    # Activations and normalizations.
    "relu": (_INPUT, ()),
    "leaky-relu": (_INPUT, (_need("alpha", Wire.FLOAT),)),
    "relu6": (_INPUT, ()),
    "prelu": (_one("input", "weight", kind=_F), ()),
    "elu": (_INPUT, (_may("alpha", Wire.FLOAT, 1.0),)),
    "gelu": (_INPUT, ()),
    "clamp": (_INPUT, (_need("min", Wire.FLOAT), _need("max", Wire.FLOAT))),
    "sigmoid": (_INPUT, ()),
    "hard-sigmoid": (_INPUT, ()),
    "hard-sigmoid-fix": (_INPUT, ()),
    "swish": (_INPUT, (_may("beta", Wire.FLOAT, 1.0),)),
    "hard-swish": (_INPUT, ()),
    "tanh": (_INPUT, ()),
    "softmax": (_INPUT, (_AXIS,)),
    "hard-softmax": (_INPUT, (_AXIS, _need("type", Wire.STRING))),
    "batchnorm": (_MOMENTS, (_AXIS, _need("epsilon", Wire.FLOAT))),
    "scale": (_one("input", "scale", kind=_F, also="bias"), (_may("axis", Wire.INT32, -1),)),
    # Pooling and resizing.
    "maxpool2d": (_INPUT, _POOL_ATTRS),
    "avgpool2d": (_INPUT, (*_POOL_ATTRS, *(_may(f"count_include_{what}", Wire.BOOL, default=True) for what in ("pad", "invalid")))),
    "pool-fix": (_INPUT_FIX, (*_WINDOW, _PAD, _need("type", Wire.STRING))),
    "resize": ((*_INPUT, _SIZE), (*_ZOOM, _may("scale", Wire.FLOAT_VEC, None, 0))),
    "upsample-fix": ((*_INPUT_FIX, _SIZE), (*_ZOOM, _need("scale", Wire.FLOAT_VEC, 2))),
    "downsample-fix": ((*_INPUT_FIX, _SIZE), (*_ZOOM, _need("scale", Wire.FLOAT_VEC, 2))),
    "reduction_mean": (_INPUT, _REDUCE),
    "reduction_mean-fix": (_INPUT_FIX, _REDUCE),
    "reduction_max": (_INPUT, _REDUCE),
    "reduction_sum": (_INPUT, _REDUCE),
    "argmax": (_INPUT, (_AXIS, _may("keepdims", Wire.INT32, 1))),
    "argmax-fix": (_INPUT_FIX, (_AXIS,)),
    # Element by element.
    "add": (_MANY, ()),
    "sub": (_MANY, ()),
    "mul": (_MANY, ()),
    "div": (_MANY, ()),
    "max": (_MANY, ()),
    "min": (_MANY, ()),
    "eltwise-fix": (_MANY_FIX, (_may("nonlinear", Wire.STRING, "NONE"), _may("type", Wire.STRING, "ADD"))),
    "depthwise-fix": (_MANY_FIX, (_may("type", Wire.STRING, "MUL"),)),
    # Shapes.
    "concat": (_MANY, (_AXIS,)),
    "concat-fix": (_MANY_FIX, (_AXIS,)),
    "stack": (_MANY, (_AXIS,)),
    "reshape": ((*_INPUT, ArgDef("shape", _INT, Occur.OPTIONAL)), (_may("shape", Wire.INT32_VEC, [0], 0),)),
    "reshape-fix": (_INPUT_FIX, (_need("shape", Wire.INT32_VEC, 0),)),
    "flatten": (_INPUT, (_need("start_axis", Wire.INT32), _need("end_axis", Wire.INT32))),
    "squeeze": (_INPUT, (_may("axis", Wire.INT32_VEC, [], 0),)),
    "transpose": (_INPUT, (_need("order", Wire.INT32_VEC, 0),)),
    "pad": (_INPUT, (*_PADDINGS, _may("constant_values", Wire.FLOAT_VEC, None, 0))),
    "pad-fix": (_INPUT_FIX, (*_PADDINGS, _may("constant_values", Wire.BYTES, None, 0))),
    "strided_slice": (_INPUT, _SLICE),
    "strided_slice-fix": (_INPUT, _SLICE),
}
OP_DEFS: dict[str, OpDef] = {name: OpDef(name, *parts) for name, parts in _TABLE.items()}
"""Op type -> its definition."""

COMMON: dict[str, Wire] = {
    "device": Wire.STRING,
    "workload": Wire.UINT64,
    "workload_on_arch": Wire.UINT64,
    **dict.fromkeys(("quant_in_signed", "quant_out_signed", "bias_term"), Wire.BOOL),
    **{f"quant_{way}_{what}": Wire.INT32 for way in ("in", "out") for what in ("bit_width", "quantize_pos", "round_mode")},
    **dict.fromkeys(("in_dim", "out_dim", "group", "channel_augmentation", "prelu_in", "prelu_shift"), Wire.INT32),
    **dict.fromkeys(("hsigmoid_in", "shift_hsigmoid"), Wire.INT32),
    "LEAKYRELU_alpha": Wire.FLOAT,
    "pad_mode": Wire.STRING,
}
"""Attributes that quantizers and compilers put on ops whose definition lacks them."""

TENSOR_ATTRS: dict[str, Wire] = {
    **dict.fromkeys(("fix_point", "bit_width", "location", "reg_id", "ddr_addr"), Wire.INT32),
    **{name: wire for name, wire in COMMON.items() if name.startswith("quant_")},
    "if_signed": Wire.BOOL,
    "round_mode": Wire.STRING,
    "stride": Wire.INT32_VEC,
}
"""Attributes of tensors, and their types."""

SUBGRAPH_ATTRS: dict[str, Wire] = {
    "dpu_fingerprint": Wire.UINT64,
    "mc_code": Wire.BYTES,
    "mc_code_preload": Wire.BYTES,
    "children_topological_sort": Wire.STRING_VEC,
    "return_ops": Wire.STRING_VEC,
    "reg_id_to_size": Wire.MAP_INT32,
    "reg_id_to_parameter_value": Wire.MAP_BYTES,
    **{f"reg_id_to_{what}": Wire.MAP_STRING for what in ("context_type", "context_type_v2", "hw_segment")},
    **dict.fromkeys(("runner", "files_md5sum", "libs_info"), Wire.MAP_STRING),
    **dict.fromkeys(("device", "dpu_name", "origin"), Wire.STRING),
}
"""Attributes of subgraphs and of the graph, and their types."""


def attr_wire(op_type: str, name: str, defs: Iterable[OpDef] = ()) -> Wire | None:
    """Return the type of an op's attribute by its definition, or None where none is known.

    Args:
        op_type: Such as `conv2d`.
        name: Of the attribute.
        defs: Definitions that hold in place of the table's, as a file brings them.
    """
    own = {known.name: known for known in defs}
    found = own.get(op_type) or OP_DEFS.get(op_type)
    attr = found.attr(name) if found else None
    return attr.wire if attr else COMMON.get(name)

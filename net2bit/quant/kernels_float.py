"""What the float ops compute: one numpy function for each XIR op type, but for convolutions and products (`floating`).

Every function takes the op and its inputs (argument name -> arrays) and returns the output. The batch may differ from the graph's: only
the sizes behind the first axis are taken from attributes and tensors.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.quant import kernels_window as windows
from net2bit.quant.arith import HIGH, LOW, Rounding, dequantize, quantize, round_real
from net2bit.xir.access import flag, ints, number, real, reals, text
from net2bit.xir.graph import Op

Array = NDArray[Any]
Inputs = Mapping[str, Sequence[Array]]
Kernel = Callable[[Op, Inputs], Array]

_BLOCK = 1 << 15


def nearest(size: int, out: int, *, align: bool = False, half: bool = False) -> NDArray[np.int64]:
    """Return for each of *out* positions along an axis the input index it copies (cpu-runner's resize; float32 coordinates)."""
    at = _coordinates(size, out, align=align, shift=0.5 if half else 0.0)
    picked = np.floor(at + np.float32(0.5)) if align else np.floor(at)
    return np.clip(picked.astype(np.int64), 0, size - 1)


def _coordinates(size: int, out: int, *, align: bool, shift: float) -> NDArray[np.float32]:
    scale = np.float32(size - 1) / np.float32(out - 1) if align and out > 1 else np.float32(size) / np.float32(out)
    return np.asarray((np.arange(out, dtype=np.float32) + np.float32(shift)) * scale)


def fix(op: Op, inputs: Inputs) -> Array:
    """Round to the codes of `fix_point`, `bit_width` and `if_signed`, by `round_mode`, and return what the codes stand for."""
    bits = number(op, "bit_width")
    span = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if flag(op, "if_signed") else (0, 2**bits - 1)
    return fake_quantize(inputs["input"][0], number(op, "fix_point"), span, Rounding.named(text(op, "round_mode")))


def fake_quantize(x: Array, position: int, span: tuple[int, int] = (LOW, HIGH), mode: Rounding = Rounding.HALF_UP) -> NDArray[np.float32]:
    """Return `clamp(round(x * 2**position)) * 2**-position` as float32, with codes in *span* (both ends included).

    Clamping first changes nothing, since the ends are whole numbers; the blocks keep the passes inside the cache.
    """
    source, made = np.ascontiguousarray(x).reshape(-1), np.empty(x.size, np.float32)
    up, down = x.dtype.type(2.0**position), np.float32(2.0**-position)
    for first in range(0, x.size, _BLOCK):
        block = slice(first, first + _BLOCK)
        codes = np.multiply(source[block], up)
        np.multiply(round_real(np.clip(codes, *span, out=codes), mode), down, out=made[block], casting="same_kind")
    return made.reshape(x.shape)


def float2fix(op: Op, inputs: Inputs) -> Array:
    """Return the int8 codes of a real map."""
    return quantize(inputs["input"][0], number(op, "fix_point"), Rounding.named(text(op, "round_mode")))


def fix2float(op: Op, inputs: Inputs) -> Array:
    """Return the reals that codes stand for."""
    return dequantize(inputs["input"][0], number(op, "fix_point"))


def _leaky_relu(op: Op, inputs: Inputs) -> Array:
    x = inputs["input"][0]
    return np.where(x < 0, x * np.float32(real(op, "alpha")), x)


def _prelu(_op: Op, inputs: Inputs) -> Array:
    x = inputs["input"][0]
    return np.where(x < 0, x * inputs["weight"][0].astype(x.dtype), x)


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), x.dtype)  # no overflow far from zero


def _hard_sigmoid(x: Array) -> Array:
    return np.asarray(np.clip(x + 3, 0, 6) / 6)


def _softmax(op: Op, inputs: Inputs) -> Array:
    x, axis = inputs["input"][0], number(op, "axis")
    powers = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis, keepdims=True))


def _argmax(op: Op, inputs: Inputs) -> Array:
    axis = number(op, "axis")
    kept = op.type == "argmax-fix" or number(op, "keepdims") != 0
    return np.asarray(np.argmax(inputs["input"][0], axis, keepdims=kept), np.int32)


def _maxpool(op: Op, inputs: Inputs) -> Array:
    x = inputs["input"][0]
    return windows.maximum(x, windows.window_of(op, x.shape))


def window_sums(x: Array, window: windows.Window) -> Array:
    """Return the sum of each window, padding counted as zeros."""
    return windows.reduce(x, window, np.add, 0)


def _avgpool(op: Op, inputs: Inputs) -> Array:
    x = inputs["input"][0]
    window = windows.window_of(op, x.shape)
    return np.asarray(window_sums(x, window) / _counts(op, x, window))


def _counts(op: Op, x: Array, window: windows.Window) -> Array:
    """Return how many elements each window averages over: with padding, and with what hangs over, as the op says."""
    if flag(op, "count_include_pad") and (flag(op, "count_include_invalid") or not any(window.hang)):
        return np.asarray(window.kernel[0] * window.kernel[1], x.dtype)
    ones = window.pad(np.ones((1, *x.shape[1:3], 1), x.dtype))
    if flag(op, "count_include_pad"):
        ones[:] = 1
        ones[:, ones.shape[1] - window.hang[0] :] = 0
        ones[:, :, ones.shape[2] - window.hang[1] :] = 0
    inside = windows.Window(window.kernel, window.stride, window.dilation, (0, 0), (0, 0), (0, 0), window.out)
    return windows.reduce(ones, inside, np.add, 0)


def _resize(op: Op, inputs: Inputs) -> Array:
    x, (height, width) = inputs["input"][0], op.tensor.shape[1:3]
    align, half = flag(op, "align_corners"), flag(op, "half_pixel_centers")
    if text(op, "mode", "NEAREST", "BILINEAR") == "NEAREST":
        rows, columns = (nearest(size, out, align=align, half=half) for size, out in ((x.shape[1], height), (x.shape[2], width)))
        return np.asarray(x[:, rows][:, :, columns])
    return _blend(_blend(x, 2, width, align=align, half=half), 1, height, align=align, half=half)


def _blend(x: Array, axis: int, out: int, *, align: bool, half: bool) -> Array:
    """Interpolate linearly along one axis."""
    size = x.shape[axis]
    at = _coordinates(size, out, align=align, shift=0.5 if half else 0.0) - np.float32(0.5 if half else 0.0)
    low, high = np.maximum(np.floor(at), 0).astype(int), np.minimum(np.ceil(at), size - 1).astype(int)
    shape = [1] * x.ndim
    shape[axis] = out
    weight = (at - np.floor(at)).reshape(shape).astype(x.dtype)
    first, second = np.take(x, low, axis), np.take(x, high, axis)
    return np.asarray(first + (second - first) * weight)


def _pad(op: Op, inputs: Inputs) -> Array:
    x, paddings = inputs["input"][0], ints(op, "paddings")
    margins = list(zip(paddings[::2], paddings[1::2], strict=True))
    mode = text(op, "mode", "CONSTANT", "REFLECT", "SYMMETRIC")
    if mode == "CONSTANT":
        return np.pad(x, margins, constant_values=reals(op, "constant_values")[0] if op.attrs.get("constant_values") else 0)
    return np.pad(x, margins, mode="reflect") if mode == "REFLECT" else np.pad(x, margins, mode="symmetric")


def reshape(op: Op, inputs: Inputs) -> Array:
    """Give the values the tensor's shape, the first axis taking what a larger batch brings."""
    return inputs["input"][0].reshape(-1, *op.tensor.shape[1:])


def _slice(op: Op, inputs: Inputs) -> Array:
    parts = [slice(*part) for part in zip(ints(op, "begin"), ints(op, "end"), ints(op, "strides"), strict=True)]
    return np.asarray(inputs["input"][0][(slice(None), *parts[1:])])


def _batchnorm(_op: Op, inputs: Inputs) -> Array:
    gamma, beta, mean, variance = (inputs[name][0] for name in ("gamma", "beta", "moving_mean", "moving_var"))
    scale = gamma / np.sqrt(variance + np.float32(real(_op, "epsilon")))
    return np.asarray(inputs["input"][0] * scale + (beta - mean * scale))


def _scale(_op: Op, inputs: Inputs) -> Array:
    scaled = inputs["input"][0] * inputs["scale"][0]
    return np.asarray(scaled + inputs["bias"][0]) if inputs.get("bias") else np.asarray(scaled)


def _reduction(function: Callable[..., Array]) -> Kernel:
    def run(op: Op, inputs: Inputs) -> Array:
        return np.asarray(function(inputs["input"][0], axis=tuple(ints(op, "axis")), keepdims=flag(op, "keep_dims")))

    return run


def _fold(function: Callable[[Array, Array], Array]) -> Kernel:
    """Return the kernel of an op that combines its inputs one after the other."""

    def run(_op: Op, inputs: Inputs) -> Array:
        total = inputs["input"][0]
        for other in inputs["input"][1:]:
            total = function(total, other)
        return total

    return run


def _unary(function: Callable[[Array], Array]) -> Kernel:
    def run(_op: Op, inputs: Inputs) -> Array:
        return function(inputs["input"][0])

    return run


KERNELS: dict[str, Kernel] = {
    **dict.fromkeys(("identity", "upload", "download"), _unary(lambda x: x)),
    **dict.fromkeys(("reshape", "flatten", "squeeze"), reshape),
    **dict.fromkeys(("resize", "upsample"), _resize),
    "fix": fix,
    "float2fix": float2fix,
    "fix2float": fix2float,
    "relu": _unary(lambda x: np.maximum(x, 0)),
    "relu6": _unary(lambda x: np.clip(x, 0, 6)),
    "leaky-relu": _leaky_relu,
    "prelu": _prelu,
    "sigmoid": _unary(_sigmoid),
    "tanh": _unary(np.tanh),
    "swish": lambda op, inputs: inputs["input"][0] * _sigmoid(inputs["input"][0] * np.float32(real(op, "beta"))),
    "hard-sigmoid": _unary(_hard_sigmoid),
    "hard-swish": _unary(lambda x: x * _hard_sigmoid(x)),
    "clamp": lambda op, inputs: np.clip(inputs["input"][0], real(op, "min"), real(op, "max")),
    "softmax": _softmax,
    **dict.fromkeys(("argmax", "argmax-fix"), _argmax),
    "maxpool2d": _maxpool,
    "avgpool2d": _avgpool,
    "reduction_mean": _reduction(np.mean),
    "reduction_max": _reduction(np.max),
    "reduction_sum": _reduction(np.sum),
    "add": _fold(np.add),
    "sub": _fold(np.subtract),
    "mul": _fold(np.multiply),
    "div": _fold(np.divide),
    "max": _fold(np.maximum),
    "min": _fold(np.minimum),
    "concat": lambda op, inputs: np.concatenate(inputs["input"], number(op, "axis")),
    "stack": lambda op, inputs: np.stack(inputs["input"], number(op, "axis")),
    "transpose": lambda op, inputs: inputs["input"][0].transpose(ints(op, "order")),
    "strided_slice": _slice,
    "pad": _pad,
    "batchnorm": _batchnorm,
    "scale": _scale,
}
"""Op type -> what computes it."""

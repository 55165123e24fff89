"""The same windows in torch: convolutions of NHWC tensors by oneDNN. Only engines and the float executor import this, when they need it.

Tensors are contiguous NHWC; seen as NCHW they are in torch's channels-last layout, so nothing is copied on the way in or out.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from net2bit.errors import ToolError
from net2bit.quant.kernels_window import Array, Spread, Window


def fit(x: Tensor, window: Window, value: float = 0) -> tuple[Tensor, tuple[int, int]]:
    """Return *x* (NHWC) and the symmetric padding that the convolution itself shall do; whatever is uneven is done here."""
    if window.symmetric and value == 0:
        return x, window.before
    if window.padded:
        (top, left), (bottom, right) = window.before, window.after
        x = surround(x, (left, right, top, bottom), value)
    return x, (0, 0)


def surround(x: Tensor, sides: tuple[int, int, int, int], value: float = 0) -> Tensor:
    """Return *x* (NHWC) with columns left and right, rows above and below; a negative number crops, and may reach into the padding."""
    if min(sides) < 0 < max(sides):
        x = functional.pad(x, (0, 0, *(max(0, side) for side in sides)), value=value)
        return functional.pad(x, (0, 0, *(min(0, side) for side in sides)))
    return functional.pad(x, (0, 0, *sides), value=value)


def tensor(array: Array) -> Tensor:
    """Return *array* as a tensor; copied only where torch cannot share it (read-only memory, odd strides)."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def pack(weights: Array, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return OHWI *weights* as an OIHW tensor in the channels-last layout."""
    return tensor(weights).to(dtype).permute(0, 3, 1, 2)


def convolve(x: Tensor, weights: Tensor, bias: Tensor | None, window: Window, groups: int = 1) -> Tensor:
    """Convolve *x* (NHWC) with packed *weights*; the result is NHWC."""
    x, padding = fit(x, window)
    out = functional.conv2d(x.permute(0, 3, 1, 2), weights, bias, window.stride, padding, window.dilation, groups)
    return out.permute(0, 2, 3, 1).contiguous()


def pack_transposed(weights: Array, groups: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return OHWI *weights* of a transposed convolution as torch wants them: `[in, out / groups, kh, kw]`, turned by 180 degrees."""
    turned = tensor(weights).to(dtype).flip(1, 2).permute(0, 3, 1, 2)
    outputs, channels, *kernel = turned.shape
    split = turned.reshape(groups, outputs // groups, channels, *kernel).transpose(1, 2)
    return split.reshape(groups * channels, outputs // groups, *kernel).contiguous(memory_format=torch.channels_last)


def convolve_transposed(x: Tensor, weights: Tensor, spread: Spread, groups: int = 1) -> Tensor:
    """Return the plain sums of a transposed convolution of *x* (NHWC) with weights from `pack_transposed`; the result is NHWC."""
    full = functional.conv_transpose2d(x.permute(0, 3, 1, 2), weights, None, spread.stride, 0, 0, groups, spread.window.dilation)
    reach, before, out = spread.window.reach, spread.window.before, spread.window.out
    top, left = before[0] - reach[0] + 1, before[1] - reach[1] + 1
    margins = (left, out[1] - full.shape[3] - left, top, out[0] - full.shape[2] - top)
    whole = full.permute(0, 2, 3, 1)
    return (surround(whole, margins) if any(margins) else whole).contiguous()


def convolve_arrays(x: Array, weights: Array, bias: Array | None, window: Window, groups: int = 1) -> Array:
    """Return the convolution of numpy arrays (NHWC, OHWI), in their type."""
    with torch.inference_mode():
        feed = tensor(x)
        offset = None if bias is None else tensor(bias).to(feed.dtype)
        return np.asarray(convolve(feed, pack(weights, feed.dtype), offset, window, groups).numpy())


def convolve_transposed_arrays(x: Array, weights: Array, spread: Spread, groups: int = 1) -> Array:
    """Return the plain sums of a transposed convolution of numpy arrays (NHWC, OHWI), in their type."""
    with torch.inference_mode():
        feed = tensor(x)
        return np.asarray(convolve_transposed(feed, pack_transposed(weights, groups, feed.dtype), spread, groups).numpy())


@cache
def trust() -> None:
    """Check that float32 convolutions add whole numbers exactly here; settings for bfloat16 or TF32 products break that.

    Raises:
        ToolError: They do not.
    """
    random = np.random.default_rng(0)
    for size, channels, outputs, kernel in ((24, 64, 32, 3), (3, 5, 4, 3), (16, 48, 16, 1)):
        window = Window((kernel, kernel), (1, 1), (1, 1), (kernel // 2,) * 2, (kernel // 2,) * 2, (0, 0), (size, size))
        x = random.choice([-128.0, -127.0, -1.0, 127.0], (1, size, size, channels))
        weights = random.choice([-128.0, -3.0, 127.0], (outputs, kernel, kernel, channels))
        got = convolve_arrays(x.astype(np.float32), weights.astype(np.float32), None, window)
        if (got != convolve_arrays(x, weights, None, window)).any():
            raise ToolError(
                "torch's float32 convolutions are not exact with its present settings",
                where="torch.backends.mkldnn, torch.set_float32_matmul_precision, ONEDNN_DEFAULT_FPMATH_MODE",
                remedy="restore full float32 precision, or choose verify.engine=reference",
            )

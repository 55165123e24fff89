"""Sums of products of a CONV: int8 matrix products of the processor where it can be trusted with them, else float32 under a guard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from net2bit.dpu.simulator.banks import Cells
from net2bit.dpu.simulator.integers import Sums
from net2bit.dpu.simulator.windows import Window

PRODUCT: Final = 128 * 128
_EXACT: Final = 2**24
_INT32: Final = 2**31
_PATCHES: Final = 1 << 25
_FEW: Final = 32
_HARD: Final = ((1, 1352, 16), (5, 27, 8), (96, 864, 12), (104, 576, 64), (33, 40, 10), (96, 576, 48))


class Sum(NamedTuple):
    """Sums `[rows, columns, outputs]`, and what no sum's magnitude exceeds."""

    sums: Sums
    reach: int


def contract(x: Cells, weights: Cells, window: Window) -> Sum:
    """Return the sums of a convolution of *x* `[height, width, channels]` with *weights* `[outputs, kernel_h * kernel_w * channels]`."""
    reach = weights.shape[1] * PRODUCT
    if trusted() and reach < _INT32:
        return Sum(_by_bytes(x, weights, window), reach)
    return _by_floats(x, weights, window)


def _by_bytes(x: Cells, weights: Cells, window: Window) -> Sums:
    """Multiply patches with weights in int8; a few rows at a time where the patches are many."""
    patches, rows = _patches(x, window), max(1, _PATCHES // (window.columns * weights.shape[1]))
    parts = [_product(patches[first : first + rows].reshape(-1, weights.shape[1]), weights) for first in range(0, window.rows, rows)]
    sums = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return sums.reshape(window.rows, window.columns, -1)


def _product(patches: Cells, weights: Cells) -> NDArray[np.int32]:
    """Return `patches @ weights.T`; the longer side goes where the processor's kernels are fast."""
    left, right = torch.from_numpy(np.ascontiguousarray(patches)), torch.from_numpy(weights)
    if len(weights) < _FEW:
        return np.asarray(torch._int_mm(right, left.t()).numpy().T)  # noqa: SLF001 - torch's name for it
    return np.asarray(torch._int_mm(left, right.t()).numpy())  # noqa: SLF001


def _patches(x: Cells, window: Window) -> Cells:
    """Return what each output meets, `[rows, columns, kernel_h, kernel_w * channels]`, as a view."""
    (down, along), (high, wide), (row, pixel, _) = window.stride, window.kernel, x.strides
    return np.ndarray((window.rows, window.columns, high, wide * pixel), np.int8, x, 0, (down * row, along * pixel, row, 1))


def _by_floats(x: Cells, weights: Cells, window: Window) -> Sum:
    """Convolve in float32, or in float64 where a sum may pass 2**24."""
    reach = int(np.abs(weights.astype(np.int32)).sum(1, dtype=np.int64).max()) * 128
    kind = torch.float32 if reach <= _EXACT else torch.float64
    shape = (-1, *window.kernel, x.shape[2])
    maps = torch.from_numpy(x).to(kind).permute(2, 0, 1)[None]
    filters = torch.from_numpy(weights.reshape(shape)).to(kind).permute(0, 3, 1, 2)
    sums = functional.conv2d(maps, filters, stride=window.stride)[0].permute(1, 2, 0)
    return Sum(sums.contiguous().to(torch.int64).numpy(), reach)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread meanwhile: the products are small, and threads would spend their time waiting for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@cache
def trusted() -> bool:
    """Tell whether int8 matrix products are exact here.

    Without 8-bit dot products of the processor (VNNI) some saturate pairs of products in 16 bits and say nothing. So the processor is
    asked, and the product proved on the values that saturate first.
    """
    asked: Any = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    return hasattr(torch, "_int_mm") and bool(asked()) and all(_proved(*shape) for shape in _HARD)


def _proved(rows: int, inner: int, columns: int) -> bool:
    random = np.random.default_rng(rows)
    left, right = (random.choice(np.asarray([-128, -127, 127], np.int8), shape) for shape in ((rows, inner), (columns, inner)))
    try:
        made = _product(left, right)
    except RuntimeError:
        return False
    return bool((made == left.astype(np.int64) @ right.astype(np.int64).T).all())

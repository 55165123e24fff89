"""The layers of the compiler, executed one by one in numpy, as the instructions' arithmetic is specified."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.compiler.layers import Layer, Network, Parameter, View, Work

Ints = NDArray[np.int64]


def interpret(network: Network, inputs: dict[str, NDArray[np.int8]]) -> dict[str, NDArray[np.int8]]:
    """Return every map (height, width, channels) of a network."""
    maps = {name: np.full((item.height, item.width, item.channels), 99, np.int8) for name, item in network.maps.items()}
    for name, codes in inputs.items():
        maps[name][...] = codes.reshape(maps[name].shape)
    for layer in network.layers:
        sources = [see(maps[view.map], view).astype(np.int64) for view in layer.reads]
        done = np.clip(_WORK[layer.work](network, layer, sources), -128, 127)
        view = layer.writes
        rows, columns = [view.rows.at(i) for i in range(view.height)], [view.columns.at(i) for i in range(view.width)]
        maps[view.map][np.ix_(rows, columns, range(view.first, view.first + view.channels))] = done
    return maps


def see(codes: NDArray[np.int8], view: View) -> NDArray[np.int8]:
    """Return what a view shows of a map."""
    rows, columns = [view.rows.at(i) for i in range(view.height)], [view.columns.at(i) for i in range(view.width)]
    return codes[np.ix_(rows, columns, range(view.first, view.first + view.channels))]


def _windows(layer: Layer, source: Ints, filler: int = 0) -> Ints:
    """Return [rows, columns, kernel height, kernel width, channels]."""
    (kh, kw), (sh, sw), out = layer.kernel, layer.stride, layer.writes
    needed = ((out.height - 1) * sh + kh - layer.pad.top, (out.width - 1) * sw + kw - layer.pad.left)
    after = [max(0, need - size) for need, size in zip(needed, source.shape, strict=False)]
    assert (layer.pad.bottom, layer.pad.right) == tuple(after)
    padded = np.pad(source, [(layer.pad.top, after[0]), (layer.pad.left, after[1]), (0, 0)], constant_values=filler)
    seen = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), (0, 1))[::sh, ::sw][: out.height, : out.width]
    return seen.transpose(0, 1, 3, 4, 2)


def _codes(network: Network, parameter: Parameter | None) -> Ints:
    assert parameter is not None
    size = int(np.prod(parameter.shape))
    return np.frombuffer(network.parameters, np.int8, size, parameter.offset).reshape(parameter.shape).astype(np.int64)


def _finish(network: Network, layer: Layer, total: Ints) -> Ints:
    t = 2 * total + (_codes(network, layer.bias) << layer.shift_bias)
    cut = layer.shift_cut + 1
    if layer.act == 3:
        below = t * 26 + (1 << cut + 7) >> cut + 8
        return np.where(t < 0, below, t + (1 << cut - 1) >> cut)
    t = np.maximum(t, 0) if layer.act in (1, 4) else t
    done = t + (1 << cut - 1) >> cut
    return np.minimum(done, 96) if layer.act == 4 else done


def _conv(network: Network, layer: Layer, sources: list[Ints]) -> Ints:
    total = np.einsum("hwklc,oklc->hwo", _windows(layer, sources[0]), _codes(network, layer.weights))
    return _finish(network, layer, total)


def _depthwise(network: Network, layer: Layer, sources: list[Ints]) -> Ints:
    total = np.einsum("hwklc,klc->hwc", _windows(layer, sources[0]), _codes(network, layer.weights)[0])
    return _finish(network, layer, total)


def _scaled(x: Ints, field: int) -> Ints:
    return x << field if field < 8 else x + (1 << field - 8 >> 1) >> field - 8


def _max(network: Network, layer: Layer, sources: list[Ints]) -> Ints:
    del network
    return _scaled(_windows(layer, sources[0], -128).max((2, 3)), layer.shift_cut)


def _average(network: Network, layer: Layer, sources: list[Ints]) -> Ints:
    del network
    assert 0 < layer.factor < 128
    return _scaled(_windows(layer, sources[0]).sum((2, 3)) * layer.factor, layer.shift_cut)


def _sigmoid(network: Network, layer: Layer, sources: list[Ints]) -> Ints:
    del network
    line = np.clip(2731 * sources[0] + (3 * 2731 << layer.shift_bias), 0, 1 << 32)
    return line + (1 << layer.shift_cut >> 1) >> layer.shift_cut


def _eltwise(network: Network, layer: Layer, sources: list[Ints]) -> Ints:
    del network
    fine = [4 * x >> shift for x, shift in zip(sources, layer.shift_read, strict=True)]
    down = 2 if layer.work is Work.ADD else 4
    total = sum(fine[1:], fine[0]) if layer.work is Work.ADD else fine[0] * fine[1]
    down += layer.shift_write - 16 if layer.shift_write >= 16 else -layer.shift_write
    total = np.maximum(total, 0) if layer.act else total
    return total + (1 << down - 1) >> down if down > 0 else total << -down


def _leaky(network: Network, layer: Layer, sources: list[Ints]) -> Ints:
    del network
    down = layer.shift_cut - 8 if layer.shift_cut >= 8 else -layer.shift_cut
    x = sources[0]
    return np.where(x < 0, x * layer.factor + (1 << 7 + down) >> 8 + down, _scaled(x, layer.shift_cut))


_WORK = {
    Work.LEAKY: _leaky,
    Work.CONV: _conv,
    Work.DEPTHWISE: _depthwise,
    Work.MAX: _max,
    Work.AVERAGE: _average,
    Work.SIGMOID: _sigmoid,
    Work.ADD: _eltwise,
    Work.MULTIPLY: _eltwise,
}

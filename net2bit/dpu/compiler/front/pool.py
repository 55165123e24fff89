"""Pooling, hard sigmoid and elementwise layers."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from net2bit.dpu.arch import VISITS
from net2bit.dpu.compiler.front.conv import act_type, gate, write_shift
from net2bit.dpu.compiler.front.site import Site, copy_shift, dims, repeated, window_groups
from net2bit.dpu.compiler.layers import NO_PAD, POINT, Axis, Layer, Pad, Pair, View, Work
from net2bit.quant.arith import Act, average_factor
from net2bit.quant.kernels_read import position
from net2bit.quant.kernels_steps import Eltwise, Pool
from net2bit.xir.graph import Op

LEAKY = 26


def factor_of(height: int, width: int) -> tuple[int, int]:
    """Return multi_factor and the shift right that belongs to it, in lowest terms."""
    factor, down = average_factor(height, width)
    common = gcd(factor, 1 << down)
    return factor // common, down - (common.bit_length() - 1)


def pool(site: Site, op: Op) -> None:
    """Add a maximum or an average over windows."""
    step = site.step(op)
    assert isinstance(step, Pool)  # noqa: S101 - the table of rules says so
    name, window = op.arg("input"), step.window
    pad = site.margins.get(name, NO_PAD)
    view, to = site.views[name], site.target(op)
    kernel, before = Pair(*window.kernel), (window.before[0] + pad.top, window.before[1] + pad.left)
    stride = [1 if size == 1 else step for size, step in zip((to.height, to.width), window.stride, strict=True)]
    if kernel == POINT and stride != [1, 1] and not any(before):
        view, stride = _every(site.single(name), stride, to), [1, 1]
    if to.height == 1:
        stride[0] = _grouping(site, kernel.height)
    after = [
        max(0, (out - 1) * step + reach - lead - size)
        for out, step, reach, lead, size in zip((to.height, to.width), stride, kernel, before, (view.height, view.width), strict=True)
    ]
    layer = Layer(op.name, Work.MAX, (view,), to, kernel, Pair(*stride), Pad(*before, *after), shift_cut=copy_shift(step.shift))
    if step.average:
        factor, down = factor_of(*window.kernel)
        layer = replace(layer, work=Work.AVERAGE, factor=factor, shift_cut=copy_shift(down + step.shift))
    most = window_groups(site.arch, layer) * site.arch.cp
    site.layers += [_channels(layer, first, min(most, to.channels - first)) for first in range(0, to.channels, most)]


def _channels(layer: Layer, first: int, count: int) -> Layer:
    """Return the layer for some of its channels; each channel is pooled by itself."""
    (view,), to = layer.reads, layer.writes
    return replace(
        layer,
        reads=(replace(view, first=view.first + first, channels=count),),
        writes=replace(to, first=to.first + first, channels=count),
    )


def _every(view: View, stride: list[int], to: View) -> View:
    rows, columns = (Axis(axis.start, axis.step * step) for axis, step in zip((view.rows, view.columns), stride, strict=True))
    return replace(view, height=to.height, width=to.width, rows=rows, columns=columns)


def _grouping(site: Site, kernel: int) -> int:
    """Return the stride for a single row of output: rows to a bank, so that a window of the whole map comes round few times."""
    return max(1, -(-kernel // (site.arch.pp * (VISITS - 1))))


def sigmoid(site: Site, op: Op) -> None:
    """Add a hard sigmoid."""
    source = op.arg("input")
    entering, shift = sigmoid_shifts(site.position(source), op)
    site.layers.append(Layer(op.name, Work.SIGMOID, (site.views[source],), site.target(op), shift_cut=shift, shift_bias=entering))


def sigmoid_shifts(entering: int, op: Op) -> tuple[int, int]:
    """Return the position of the value that enters a hard sigmoid, and the shift right behind it."""
    given = [op.attrs.get(name) for name in ("hsigmoid_in", "shift_hsigmoid")]
    first = int(given[0]) if isinstance(given[0], int) else entering
    return first, int(given[1]) if isinstance(given[1], int) else 14 + first - position(op)


def eltwise(site: Site, op: Op) -> None:
    """Add a sum or a product; an operand of one pixel is repeated over the others' map."""
    step = site.step(op)
    assert isinstance(step, Eltwise)  # noqa: S101 - the table of rules says so
    if step.activation.act is Act.LEAKYRELU:
        site.layers.append(_leaky(site, op, step))
        return
    tabled = step.activation.tabled
    to = site.new_map(f"{op.name}(sum)", dims(op)) if tabled else site.target(op)
    reads = tuple(_spread(site.views[name], to) for name in step.inputs)
    lowest = min(step.positions)
    read = tuple(0 if step.product else at - lowest for at in step.positions)
    left = step.out - (sum(step.positions) if step.product else lowest)
    work = Work.MULTIPLY if step.product else Work.ADD
    site.layers.append(Layer(op.name, work, reads, to, act=act_type(step.activation), shift_read=read, shift_write=write_shift(left)))
    if tabled:
        gate(site, op, step.activation, to)


def _leaky(site: Site, op: Op, step: Eltwise) -> Layer:
    """Return a leaky ReLU by itself: the slope is `LEAKY` / 256."""
    view = site.views[step.inputs[0]]
    return Layer(op.name, Work.LEAKY, (view,), site.target(op), factor=LEAKY, shift_cut=copy_shift(step.positions[0] - step.out))


def _spread(view: View, to: View) -> View:
    return repeated(view, to.height // view.height, to.width // view.width)

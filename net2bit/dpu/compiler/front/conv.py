"""Convolutions: plain, depthwise, in groups, dilated, transposed; each becomes one layer, or one for each group and phase."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from net2bit.dpu.arch import DEPTH
from net2bit.dpu.compiler.front.phases import Slide, slides
from net2bit.dpu.compiler.front.site import Site, dims, stepped, window_groups
from net2bit.dpu.compiler.layers import EVERY, NO_PAD, POINT, Layer, Pad, Pair, Parameter, View, Work
from net2bit.quant import arith
from net2bit.quant.arith import Act, Activation, Codes
from net2bit.quant.kernels_steps import Convolution
from net2bit.quant.kernels_window import Spread, Window
from net2bit.xir.graph import Op

DEPTHWISE: Final = ("depthwise-conv2d-fix", "transposed-depthwise-conv2d-fix")
AUGMENTED_BYTES: Final = 64
"""Bytes of a pixel that LOAD can make of several (channel augmentation)."""
MASK: Final = 31
"""Bytes that LOAD's padding fields can mask."""
_ACTS: Final = {Act.NONE: 0, Act.RELU: 1, Act.LEAKYRELU: 3, Act.RELU6: 4}


def act_type(activation: Activation) -> int:
    """Return the field act_type; a ReLU6 whose six lies beyond the last code is a ReLU."""
    if activation.act is Act.RELU6 and activation.cap == arith.HIGH:
        return _ACTS[Act.RELU]
    return _ACTS.get(activation.act, 0)


def convolution(site: Site, op: Op) -> None:
    """Add the layers of a convolution; a hard sigmoid or hard swish behind it takes layers of its own."""
    step = site.step(op)
    assert isinstance(step, Convolution)  # noqa: S101 - the table of rules says so
    if not step.activation.tabled:
        _emit(site, op, step, site.target(op))
        return
    entering = site.new_map(f"{op.name}(sum)", dims(op))
    _emit(site, op, step, entering)
    gate(site, op, step.activation, entering)


def gate(site: Site, op: Op, activation: Activation, entering: View) -> None:
    """Add what follows a rounded sum: a hard sigmoid, and for a hard swish the product with the sum itself."""
    swish = activation.act is Act.HSWISH
    made = site.new_map(f"{op.name}(gate)", dims(op)) if swish else site.target(op)
    site.layers.append(
        Layer(op.name, Work.SIGMOID, (entering,), made, shift_cut=activation.shift_hsigmoid, shift_bias=activation.hsigmoid_in)
    )
    if swish:
        write = write_shift(-activation.shift_hswish)
        site.layers.append(Layer(op.name, Work.MULTIPLY, (entering, made), site.target(op), shift_read=(0, 0), shift_write=write))


def write_shift(left: int) -> int:
    """Return the field shift_write for a shift to the left, or to the right where negative."""
    return left if left >= 0 else 16 - left


def geometry_of(site: Site, op: Op, step: Convolution) -> tuple[View, Window | Spread]:
    """Return the map that is read and how the kernel slides over it; a kernel over a flattened map goes over the map itself."""
    name, geometry = op.arg("input"), step.geometry
    view = site.views[name]
    if isinstance(geometry, Spread):
        return site.single(name), geometry
    if name in site.margins:
        pad = site.margins[name]
        before, after = (geometry.before[0] + pad.top, geometry.before[1] + pad.left), (pad.bottom, pad.right)
        geometry = replace(geometry, before=before, after=(geometry.after[0] + after[0], geometry.after[1] + after[1]))
    elif (view.height, view.width, view.channels) != dims(site.graph.op(name)):
        return view, replace(geometry, kernel=(view.height, view.width))
    moves = geometry.dilation != (1, 1) or (1 in geometry.kernel and geometry.stride != (1, 1))
    return site.single(name) if moves else view, geometry


@dataclass(frozen=True, slots=True)
class _Filter:
    """The weights of a layer: as the op has them, the first output channel, and the name under which the blob knows them."""

    values: Codes
    first: int
    key: str


def _emit(site: Site, op: Op, step: Convolution, to: View) -> None:
    """Add the layers of the sum itself, rounded into *to*."""
    depthwise = op.type in DEPTHWISE
    source, geometry = geometry_of(site, op, step)
    model = Layer(
        op.name,
        Work.DEPTHWISE if depthwise else Work.CONV,
        (source,),
        to,
        Pair(*_codes(site, op).shape[1:3]),
        POINT if isinstance(geometry, Spread) else Pair(*geometry.stride),
        bias=_bias(site, op, step),
        act=act_type(step.activation),
        shift_cut=step.shift_cut,
        shift_bias=max(0, step.shift_bias + 1),
    )
    rows, columns = (slides(geometry, axis, (source.height, source.width)[axis], (to.height, to.width)[axis]) for axis in (0, 1))
    for layer, filters in _parts(site, op, model, 1 if depthwise else step.groups):
        for down in rows:
            for across in columns:
                site.layers.append(_phase(site, layer, filters, down, across))
    site.blob.add(op.arg("weights"), _codes(site, op))


def _codes(site: Site, op: Op) -> Codes:
    return np.asarray(site.graph.op(op.arg("weights")).data)


def _bias(site: Site, op: Op, step: Convolution) -> Parameter:
    """Return the bias as the engines read it: shifted right, down to one guard bit, where the field would have to be negative."""
    if step.bias is None:
        return site.blob.add(f"{op.name}(zeros)", np.zeros(step.weights.shape[0], np.int8))
    return site.bias(op.arg("bias"), max(0, -(step.shift_bias + 1)))


def _parts(site: Site, op: Op, layer: Layer, groups: int) -> Iterator[tuple[Layer, _Filter]]:
    """Yield the layer once for each group of channels; a depthwise one in as many parts as its weights fill their bank."""
    codes, name = _codes(site, op), op.arg("weights")
    (view,) = layer.reads
    count = layer.writes.channels
    if layer.work is Work.DEPTHWISE:
        most = min(DEPTH // (codes.shape[1] * codes.shape[2]), window_groups(site.arch, layer)) * site.arch.cp
        for first in range(0, count, most):
            size = min(most, count - first)
            key = name if size == count else f"{name}[:{first}+{size}]"
            yield _sliced(layer, view, first, size, first, size), _Filter(codes[..., first : first + size], 0, key)
        return
    outputs, inputs = count // groups, view.channels // groups
    for group in range(groups):
        yield _sliced(layer, view, group * inputs, inputs, group * outputs, outputs), _Filter(codes, group * outputs, name)


def _sliced(layer: Layer, view: View, read: int, inputs: int, write: int, outputs: int) -> Layer:
    """Return the layer with *inputs* channels from *read* on and *outputs* channels from *write* on."""
    if layer.bias is None or (inputs, outputs) == (view.channels, layer.writes.channels):
        return layer
    return replace(
        layer,
        reads=(replace(view, first=view.first + read, channels=inputs),),
        writes=replace(layer.writes, first=layer.writes.first + write, channels=outputs),
        bias=Parameter(layer.bias.name, layer.bias.offset + write, (outputs,)),
    )


def _phase(site: Site, layer: Layer, filters: _Filter, down: Slide, across: Slide) -> Layer:
    """Return the layer for one phase of its rows and one of its columns."""
    (view,) = layer.reads
    whole = down.read == EVERY and across.read == EVERY
    taps = down.taps, across.taps
    made = replace(
        layer,
        reads=(view if whole else stepped(view, down.read, across.read, down.seen, across.seen),),
        writes=layer.writes if down.write == EVERY == across.write else _written(layer.writes, down, across),
        kernel=Pair(*(max(1, tap.number) for tap in taps)) if taps[0].number and taps[1].number else Pair(1, 1),
        stride=Pair(down.stride, across.stride),
        pad=Pad(down.before, across.before, down.after, across.after) if taps[0].number and taps[1].number else NO_PAD,
    )
    made = replace(made, weights=_picked(site, made, filters, down, across))
    return replace(made, macs=_macs(made), augmented=augments(site, made))


def _written(view: View, down: Slide, across: Slide) -> View:
    return stepped(view, down.write, across.write, down.written, across.written)


def _picked(site: Site, layer: Layer, filters: _Filter, down: Slide, across: Slide) -> Parameter:
    """Put the weights that a phase uses into the blob: all of them as they are, or the taps picked."""
    inputs, depthwise = layer.reads[0].channels, layer.work is Work.DEPTHWISE
    rows, columns = down.taps, across.taps
    size = layer.kernel.height * layer.kernel.width * inputs
    plain = rows[:2] == columns[:2] == (0, 1)
    values, key = filters.values, filters.key
    if not (plain and values[0].size == size):
        values = values[:, rows.first :: rows.step, columns.first :: columns.step][:, : rows.number, : columns.number]
        key += f"[{rows.first}:{rows.step}:{rows.number},{columns.first}:{columns.step}:{columns.number}]"
        values = values if values.size else np.zeros((values.shape[0], 1, 1, inputs), np.int8)
    held = site.blob.add(key, values)
    shape = (1 if depthwise else layer.writes.channels, *layer.kernel, inputs)
    return Parameter(held.name, held.offset + filters.first * size, shape)


def _macs(layer: Layer) -> int:
    inputs = 1 if layer.work is Work.DEPTHWISE else layer.reads[0].channels
    return layer.writes.height * layer.writes.width * layer.writes.channels * layer.kernel.height * layer.kernel.width * inputs


def augments(site: Site, layer: Layer) -> bool:
    """Whether folding the kernel's columns into channels takes fewer cycles, and LOAD can do it: in the first layer, mostly."""
    (view,) = layer.reads
    arch = site.arch
    if layer.work is not Work.CONV or not arch.augmentation or layer.kernel.width == 1 or not site.entering(view):
        return False
    folded, step = layer.kernel.width * view.channels, layer.stride.width * view.channels
    masked = arch.lines(folded) * arch.cp - folded + step
    fits = step <= folded <= AUGMENTED_BYTES and layer.pad.left * view.channels <= MASK and masked <= MASK
    return fits and arch.lines(folded) < layer.kernel.width * arch.lines(view.channels)

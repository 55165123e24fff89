"""Small networks for the tests of the emitter, DDR for them, and what they must compute, in plain numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import Arch
from net2bit.dpu.check import check
from net2bit.dpu.compiler.emit import emit
from net2bit.dpu.compiler.layers import NO_PAD, POINT, Layer, Map, Network, Pad, Pair, Parameter, Place, View, Work
from net2bit.dpu.compiler.schedule import Program, Schedule
from net2bit.dpu.depend import depend
from net2bit.dpu.simulator import run

Codes = NDArray[np.int8]
GUARD = 256
STRICT = True


@dataclass
class Bench:
    """A network under construction; every map has a place in DDR of its own, inputs in REG_2, all others in REG_3."""

    seed: int = 0
    maps: dict[str, Map] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    blob: bytes = b""

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def map(self, name: str, height: int, width: int, channels: int) -> View:
        """Add a map."""
        self.maps[name] = Map(name, height, width, channels)
        return View(name, height, width, 0, channels)

    def parameter(self, name: str, *shape: int) -> Parameter:
        """Add random parameters."""
        offset = -(-len(self.blob) // 16) * 16
        values = self.random.integers(-128, 128, shape).astype(np.int8)
        self.blob = self.blob.ljust(offset, b"\0") + values.tobytes()
        return Parameter(name, offset, shape)

    def conv(self, read: View, write: View, kernel: Pair = POINT, stride: Pair = POINT, pad: Pad = NO_PAD, **more: Any) -> None:
        """Add a convolution."""
        name = f"conv{len(self.layers)}"
        weights = self.parameter(f"{name}/w", write.channels, *kernel, read.channels)
        bias = self.parameter(f"{name}/b", write.channels)
        more = {"shift_cut": 10, "shift_bias": 3, "act": 1} | more
        self.layers.append(Layer(name, Work.CONV, (read,), write, kernel, stride, pad, weights, bias, **more))

    def depthwise(self, read: View, write: View, kernel: Pair = POINT, stride: Pair = POINT, pad: Pad = NO_PAD) -> None:
        """Add a depthwise convolution."""
        name = f"depthwise{len(self.layers)}"
        weights = self.parameter(f"{name}/w", 1, *kernel, read.channels)
        bias = self.parameter(f"{name}/b", read.channels)
        self.layers.append(Layer(name, Work.DEPTHWISE, (read,), write, kernel, stride, pad, weights, bias, 4, 7, 2))

    def other(self, work: Work, reads: tuple[View, ...], write: View, kernel: Pair = POINT, stride: Pair = POINT, **more: Any) -> None:
        """Add a layer without parameters."""
        self.layers.append(Layer(f"{work}{len(self.layers)}", work, reads, write, kernel, stride, **more))

    def network(self, *outputs: str) -> Network:
        """Return the network: inputs are the maps that no layer writes."""
        written = {layer.writes.map for layer in self.layers}
        inputs = tuple(name for name in self.maps if name not in written)
        return Network("bench", self.maps, tuple(self.layers), inputs, outputs, self.blob)


def places(network: Network) -> tuple[dict[str, Place], dict[int, int]]:
    """Put every map into DDR, inputs with room on both sides, and return the registers' sizes."""
    found, sizes = {}, {0: len(network.parameters), 2: GUARD, 3: 0}
    for name, item in network.maps.items():
        reg = 2 if name in network.inputs else 3
        found[name] = Place(reg, sizes[reg], item.width * item.channels, item.channels)
        sizes[reg] += item.height * item.width * item.channels + GUARD
    return found, sizes


def see(values: dict[str, Codes], view: View) -> Codes:
    """What a view sees."""
    rows = [view.rows.at(r) for r in range(view.height)]
    columns = [view.columns.at(c) for c in range(view.width)]
    seen: Codes = values[view.map][np.ix_(rows, columns)][..., view.first : view.first + view.channels]
    return seen


def expected(network: Network, inputs: dict[str, Codes]) -> dict[str, Codes]:
    """Every map of a network, computed layer by layer."""
    values = {name: np.zeros((m.height, m.width, m.channels), np.int8) for name, m in network.maps.items()} | inputs
    for layer in network.layers:
        made = _compute(network, layer, [see(values, view) for view in layer.reads])
        view = layer.writes
        rows = [view.rows.at(r) for r in range(view.height)]
        columns = [view.columns.at(c) for c in range(view.width)]
        at = values[view.map][np.ix_(rows, columns)]
        at[..., view.first : view.first + view.channels] = made
        values[view.map][np.ix_(rows, columns)] = at
    return values


def _constant(network: Network, parameter: Parameter | None) -> NDArray[np.int64]:
    assert parameter is not None
    count = int(np.prod(parameter.shape))
    raw = np.frombuffer(network.parameters, np.int8, count, parameter.offset)
    values: NDArray[np.int64] = raw.reshape(parameter.shape).astype(np.int64)
    return values


def _round(values: Any) -> Codes:
    codes: Codes = np.clip(np.floor(values + 0.5), -128, 127).astype(np.int8)
    return codes


def _act(values: NDArray[Any], act: int) -> NDArray[Any]:
    if act == 0:
        return values
    if act == 3:
        leaky: NDArray[Any] = np.where(values < 0, values * 26 / 256, values)
        return leaky
    capped: NDArray[Any] = np.clip(values, 0, 96 if act == 4 else None)
    return capped


def _compute(network: Network, layer: Layer, inputs: list[Codes]) -> Codes:
    if layer.work.on_elew:
        return _elementwise(layer, inputs)
    x = inputs[0].astype(np.int64)
    height, width = layer.writes.height, layer.writes.width
    fill = -128 if layer.work is Work.MAX else 0
    x = np.pad(x, ((layer.pad.top, 300), (layer.pad.left, 300), (0, 0)), constant_values=fill)
    kernel, stride = layer.kernel, layer.stride
    taps = {
        (i, j): x[i : i + (height - 1) * stride.height + 1 : stride.height, j : j + (width - 1) * stride.width + 1 : stride.width]
        for i in range(kernel.height)
        for j in range(kernel.width)
    }
    right = layer.shift_cut - 8 if layer.shift_cut >= 8 else -layer.shift_cut
    match layer.work:
        case Work.CONV:
            w = _constant(network, layer.weights)
            total: Any = sum(tap @ w[:, i, j].T for (i, j), tap in taps.items())
        case Work.DEPTHWISE:
            w = _constant(network, layer.weights)
            total = sum(tap * w[0, i, j] for (i, j), tap in taps.items())
        case Work.AVERAGE:
            return _round(sum(taps.values()) * layer.factor / 2.0**right)
        case Work.MAX:
            return _round(np.max(np.stack(list(taps.values())), axis=0) / 2.0**right)
        case Work.LEAKY:
            value: Any = taps[0, 0] / 2.0**right
            return _round(np.where(value < 0, value * layer.factor / 256, value))
        case _:
            value = taps[0, 0] * 2731 + 3 * 2731 * 2.0**layer.shift_bias
            return _round(np.minimum(2.0**32, np.maximum(0, value)) / 2.0**layer.shift_cut)
    bias = _constant(network, layer.bias)
    return _round(_act((2 * total + bias * 2**layer.shift_bias) / 2.0 ** (layer.shift_cut + 1), layer.act))


def _elementwise(layer: Layer, inputs: list[Codes]) -> Codes:
    terms = [np.floor(4 * x.astype(np.float64) / 2**shift) for x, shift in zip(inputs, layer.shift_read, strict=True)]
    left = layer.shift_write if layer.shift_write < 16 else 16 - layer.shift_write
    total: Any = sum(terms) / 4 if layer.work is Work.ADD else terms[0] * terms[1] / 16
    return _round(_act(total * 2.0**left, layer.act))


def execute(network: Network, schedule: Schedule, arch: Arch) -> Program:
    """Emit, check and run a schedule, and compare every output with what it must be."""
    where, sizes = places(network)
    program = emit(network, schedule, where, arch)
    depend(program.instructions, arch)
    random = np.random.default_rng(1)
    inputs = {
        name: random.integers(-128, 128, (m.height, m.width, m.channels)).astype(np.int8)
        for name, m in network.maps.items()
        if name in network.inputs
    }
    registers = {reg: np.full(size, 77, np.int8) for reg, size in sizes.items()}
    registers[0][:] = np.frombuffer(network.parameters, np.int8)
    for name, values in inputs.items():
        registers[2][where[name].offset :][: values.size] = values.reshape(-1)
    found = check(program.instructions, arch, sizes)
    assert not found, "\n".join(map(str, found))
    run(program.instructions, arch, registers, strict=STRICT)
    right = expected(network, inputs)
    for name in network.outputs:
        place, item = where[name], network.maps[name]
        values = registers[place.reg][place.offset :][: item.height * item.width * item.channels]
        wrong = np.argwhere(values.reshape(item.height, item.width, item.channels) != right[name])
        assert not len(wrong), f"{name}: {len(wrong)} codes differ, first at {wrong[:5].tolist()}"
    return program

"""8-bit dot products of the processor (VNNI), through oneDNN's quantized convolution in torch: several times faster than float32.

Maps are uint8 tensors, code + 128. oneDNN adds in int32, scales to float32, rounds half to even and saturates. With half an accumulator
step added to the bias no tie is left, so the result is half up. That is exact while no unsaturated value needs more than float32's 24
bits; a convolution for which this is not proven is computed in float32 as in the engine `exact`.

Without VNNI the same instructions saturate in 16 bits and say nothing, and the op is private to torch. Hence the gates: the torch release,
the processor, and a proof by example, for a set of hard layers at the start and for every layer when it is packed.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from net2bit.errors import ToolError
from net2bit.quant import arith, kernels_integer
from net2bit.quant.arith import Act, Codes
from net2bit.quant.engines import Engine, Handle, Kernel
from net2bit.quant.kernels_steps import Concat, Convolution, Pool, Step, Upsample
from net2bit.quant.kernels_window import Window

RELEASES = ("2.13",)
ZERO = 128
INT32 = 2**30
MAX_CUT = 15
_CHECKED = 64
_ELSEWHERE = "choose verify.engine=exact, which is exact on every processor"


class VnniEngine:
    """Keeps maps as uint8 tensors, NHWC."""

    def __init__(self) -> None:
        """Import torch and check that the engine can be trusted here.

        Raises:
            ToolError: torch is missing or of another release, the processor lacks VNNI, or the self-test fails.
        """
        self._torch = _gate()
        self._codes = import_module("net2bit.quant.kernels_codes")
        self._kernels = import_module("net2bit.quant.kernels_torch")
        self._kernels.trust()

    def load(self, codes: Codes) -> Handle:
        """Take in codes as code + 128."""
        return self._kernels.tensor(codes).view(self._torch.uint8).bitwise_xor(ZERO)

    def store(self, handle: Handle) -> Codes:
        """Give out codes as int8."""
        return np.asarray(handle.bitwise_xor(ZERO).contiguous().view(self._torch.int8).numpy())

    def compile(self, step: Step) -> Kernel:
        """Make *step* ready: on bytes where there is a way, else in float32.

        Raises:
            ToolError: The packed layer computes something else than the specification.
        """
        if isinstance(step, Convolution) and eligible(step):
            layer = _Layer(self, step)
            prove(self, step, layer)
            return layer.kernel
        if isinstance(step, Pool) and not step.average and step.shift == 0:
            return lambda maps: self._codes.reduce(maps[0], step.window, self._torch.maximum, 0)
        if isinstance(step, Upsample) and step.shift == 0:
            return lambda maps: self._codes.repeated(maps[0], step.factors)
        if isinstance(step, Concat) and not any(step.shifts):
            return lambda maps: self._torch.cat(list(maps), step.axis)
        return self._in_float(step)

    def _in_float(self, step: Step) -> Kernel:
        kernel: Kernel = self._codes.compile_step(step)

        def run(maps: Sequence[Handle]) -> Handle:
            return (kernel([x.to(self._torch.float32).sub_(ZERO) for x in maps]) + ZERO).to(self._torch.uint8)

        return run


def eligible(step: Convolution) -> bool:
    """Tell whether oneDNN's float32 tail is exact for *step*.

    An unsaturated value has at most 8 bits before and `shift_cut + 1` bits behind the point, so it is exact up to shift_cut 15. The sum
    itself may be rounded beyond 2**24, but then, unless a great bias could bring it back, it is saturated anyway, and rounding keeps order.
    """
    if step.offset is None or step.shift_cut > MAX_CUT or not isinstance(step.geometry, Window):
        return False
    bias = int(np.abs(_bias(step)).max())
    harmless = step.reach <= arith.EXACT or bias <= arith.HIGH << step.shift_cut
    return harmless and 2 * bias + 1 <= arith.EXACT and step.reach < INT32


def _bias(step: Convolution) -> arith.Ints:
    """Return the bias in whole accumulator steps, the half for rounding taken out again."""
    assert step.offset is not None  # noqa: S101 - `eligible` has seen it
    return step.offset - (1 << step.shift_cut >> 1)


class _Layer:
    """A convolution packed for oneDNN."""

    def __init__(self, engine: VnniEngine, step: Convolution) -> None:
        assert isinstance(step.geometry, Window)  # noqa: S101 - `eligible` has seen it
        self.torch, self.kernels, self.step, self.window = engine._torch, engine._kernels, step, step.geometry  # noqa: SLF001
        torch, scale = self.torch, 2.0**-step.shift_cut
        nudge = scale / 2 if step.shift_cut else 0.0
        self.scale, self.zeros = torch.tensor([scale]), torch.zeros(1, dtype=torch.int64)
        self.bias = torch.tensor(_bias(step) * scale + nudge, dtype=torch.float32)
        self.packed = torch.ops.onednn.qconv_prepack(
            self.kernels.pack(step.weights, torch.int8),
            self.scale,
            1.0,
            ZERO,
            self.window.stride,
            self.window.before if self.window.symmetric else (0, 0),
            self.window.dilation,
            step.groups,
            self._expected(),
        )
        low, high = step.span
        capped = (low, high) != (arith.LOW, arith.HIGH)
        self.tail = ("hardtanh", [float(low), float(high)]) if capped else ("none", [])
        tabled = step.activation.tabled
        self.table = engine.load(arith.table(step.activation, step.rounding)) if tabled else None

    def _expected(self) -> list[int]:
        """Return the shape of the maps to come (NCHW), a hint for the packing."""
        window, margins = self.window, (0, 0) if not self.window.symmetric else self.window.before
        sizes = [(window.out[axis] - 1) * window.stride[axis] + window.reach[axis] - 2 * margins[axis] for axis in (0, 1)]
        return [1, self.step.weights.shape[3] * self.step.groups, *sizes]

    def kernel(self, maps: Sequence[Handle]) -> Handle:
        return self.slide(maps[0], self.window)

    def slide(self, x: Handle, window: Window) -> Handle:
        """Convolve *x*; *window* may have another output size than the layer's own."""
        x, padding = self.kernels.fit(x, window, ZERO)
        made = self.torch.ops.onednn.qconv2d_pointwise(
            x.permute(0, 3, 1, 2),
            1.0,
            ZERO,
            self.packed,
            self.scale,
            self.zeros,
            self.bias,
            window.stride,
            padding,
            window.dilation,
            self.step.groups,
            1.0,
            ZERO,
            self.torch.uint8,
            *self.tail,
            "",
        )
        made = made.permute(0, 2, 3, 1).contiguous()
        return made if self.table is None else self.table[made.to(self.torch.int64)]


def prove(engine: VnniEngine, step: Convolution, layer: _Layer) -> None:
    """Compare a packed layer with the specification on the inputs that saturate first.

    Raises:
        ToolError: They differ.
    """
    window = _small(layer.window)
    codes = hard_maps(step, window)
    got = engine.store(layer.slide(engine.load(codes), window))
    worst = np.argsort(np.abs(step.weights.astype(np.int64)).sum((1, 2, 3)))[-_CHECKED:] if step.groups == 1 else slice(None)
    part = replace(step, weights=step.weights[worst], bias=None if step.bias is None else step.bias[worst], geometry=window)
    sums = kernels_integer.slide(part, codes.astype(np.float64), part.weights.astype(np.float64)).astype(np.int64)
    wanted = arith.conv_output(sums, part.bias, shift_bias=step.shift_bias, shift_cut=step.shift_cut, activation=step.activation)
    wrong = int((got[..., worst] != wanted).sum())
    if wrong:
        raise ToolError(
            f"8-bit convolutions are not exact on this machine: {wrong} of {wanted.size} test values differ",
            where=f"{step.name}, engine vnni",
            remedy=_ELSEWHERE,
        )


def _small(window: Window) -> Window:
    """Return the same window over the smallest map that still meets every tap and every padding."""
    margins = [window.before[axis] + window.after[axis] for axis in (0, 1)]
    high, wide = (max(2, -(-margin // step) + 1) for margin, step in zip(margins, window.stride, strict=True))
    return replace(window, out=(high, wide))


def hard_maps(step: Convolution, window: Window) -> Codes:
    """Return maps of extreme codes; the first drives the output with the greatest sum of |w| to its limit, the second to the other one."""
    random = np.random.default_rng(0)
    margins = [window.before[axis] + window.after[axis] for axis in (0, 1)]
    height, width = ((window.out[axis] - 1) * window.stride[axis] + window.reach[axis] - margins[axis] for axis in (0, 1))
    maps = random.choice(np.asarray([arith.LOW, arith.HIGH], np.int8), (5, height, width, step.weights.shape[3] * step.groups))
    maps[3], maps[4] = arith.LOW, arith.HIGH
    filters = step.weights[np.abs(step.weights.astype(np.int64)).sum((1, 2, 3)).argmax()]
    drive = np.where(filters > 0, arith.HIGH, arith.LOW).astype(np.int8)
    for row, column in window.taps():
        at = row * window.dilation[0], column * window.dilation[1]
        if step.groups == 1 and at[0] < height and at[1] < width:
            maps[0, at[0], at[1]] = drive[row, column]
            maps[1, at[0], at[1]] = ~drive[row, column]
    return maps


def _gate() -> Any:
    """Return torch, where it is the right one on the right processor.

    Raises:
        ToolError: It is missing, of another release, or the processor has no VNNI.
    """
    try:
        torch = import_module("torch")
    except ImportError:
        raise ToolError("the engine vnni needs torch, which is not installed", remedy=_ELSEWHERE) from None
    if ".".join(torch.__version__.split(".")[:2]) not in RELEASES or not hasattr(torch.ops.onednn, "qconv2d_pointwise"):
        raise ToolError(f"the engine vnni knows torch {', '.join(RELEASES)}, and this is {torch.__version__}", remedy=_ELSEWHERE)
    supported = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    if not supported():
        raise ToolError("this processor has no 8-bit dot products (VNNI), without which sums saturate silently", remedy=_ELSEWHERE)
    return torch


def hard_layers() -> list[Convolution]:
    """Return layers of the kinds oneDNN has own kernels for, with the greatest weights there are."""
    made = []
    for kernel, stride, dilation, channels, outputs, depthwise in (
        (3, 1, 1, 64, 32, False),
        (1, 1, 1, 96, 16, False),
        (3, 2, 1, 3, 16, False),
        (3, 1, 2, 20, 8, False),
        (5, 1, 1, 48, 48, True),
    ):
        side = (kernel - 1) * dilation // 2
        window = Window((kernel,) * 2, (stride,) * 2, (dilation,) * 2, (side,) * 2, (side,) * 2, (0, 0), (8, 8))
        weights = np.random.default_rng(kernel).choice(
            np.asarray([arith.LOW, arith.HIGH], np.int8), (outputs, kernel, kernel, 1 if depthwise else channels)
        )
        made.append(
            Convolution(
                name=f"the self-test's {kernel}x{kernel} {'depthwise ' if depthwise else ''}convolution",
                inputs=("x",),
                weights=weights,
                bias=np.arange(outputs).astype(np.int8),
                groups=channels if depthwise else 1,
                geometry=window,
                shift_bias=3,
                shift_cut=12,
                activation=arith.Activation(Act.NONE),
            )
        )
    return made


def create() -> Engine:
    """Return the engine, self-tested.

    Raises:
        ToolError: It cannot be trusted here.
    """
    engine = VnniEngine()
    for step in hard_layers():
        engine.compile(step)
    return engine

"""The front end's layers compute what the integer executor computes, whatever the op; what the DPU cannot do it says."""

from collections.abc import Callable

import numpy as np
import pytest
from fixed_nets import NETS, Fixed, image
from fixed_nets import network as net
from interpreted_layers import interpret

from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.front import CpuPart, Partition, network
from net2bit.dpu.compiler.front.blob import ALIGNMENT
from net2bit.dpu.compiler.layers import Layer, Work
from net2bit.errors import ModelError, QuantError
from net2bit.quant.executor import run_integer
from net2bit.xir import build
from net2bit.xir.graph import Graph, Op


def agrees(graph: Graph, part: Partition) -> None:
    """Compare every output of every DPU subgraph with the executor's."""
    codes = image(graph)
    expected = run_integer(part.graph, codes, keep=[op for one in part.dpu for op in (*one.inputs, *one.outputs)])
    for one in part.dpu:
        maps = interpret(one.network, {name: expected[op][0] for op, name in one.inputs.items()})
        for op, name in one.outputs.items():
            np.testing.assert_array_equal(maps[name].reshape(-1), expected[op].reshape(-1), err_msg=op)


@pytest.mark.parametrize("arch", ["B512", "B4096"])
@pytest.mark.parametrize("name", NETS)
def test_layers_equal_the_executor(name: str, arch: str) -> None:
    """Protects every rule of the front end: geometry, shifts, weights, views."""
    graph = net(name)
    part = network(graph, standard(arch))
    assert not part.cpu
    assert len(part.dpu) == 1
    agrees(graph, part)


def layers(graph: Graph, arch: str = "B4096") -> tuple[Layer, ...]:
    (one,) = network(graph, standard(arch)).dpu
    return one.network.layers


def test_concatenations_copy_only_what_they_must() -> None:
    """Protects concatenation by addressing: a copy where the position differs, where the input enters, and nowhere else."""
    made = Fixed()
    first, second = made.conv(made.image, 16), made.conv(made.image, 16, at=6)
    made.concat(first, made.image, second, at=4)
    copies = [layer for layer in layers(made.graph) if layer.work is Work.MAX]
    assert [(layer.reads[0].map, layer.writes.first, layer.writes.channels) for layer in copies] == [("image", 16, 5), ("conv2", 21, 16)]


def test_upsampling_is_a_view() -> None:
    """Protects nearest upsampling by addressing: the convolution behind it reads each pixel four times."""
    made = Fixed()
    made.conv(made.up(made.conv(made.image, 8)), 8)
    first, second = layers(made.graph)
    assert second.reads[0].map == first.writes.map
    assert (second.reads[0].rows.repeat, second.reads[0].columns.repeat) == (2, 2)


def test_a_strided_point_convolution_reads_every_second_pixel() -> None:
    """Protects the address form of 1x1 convolutions with a stride."""
    made = Fixed()
    made.conv(made.image, 8, (1, 1), stride=2)
    (layer,) = layers(made.graph)
    assert layer.stride == (1, 1)
    assert (layer.reads[0].rows.step, layer.reads[0].height) == (2, 6)


def test_transposed_convolutions_multiply_no_zeros() -> None:
    """Protects the phases: together they have as many taps as the kernel."""
    made = Fixed()
    made.transposed(made.image, 8, kernel=4, pad=1)
    found = layers(made.graph)
    assert len(found) == 4
    assert sum(layer.kernel.height * layer.kernel.width for layer in found) == 16


def test_the_first_layer_is_augmented_where_it_pays() -> None:
    """Protects channel augmentation: with few input channels, on a target that has it, and never inside of the network."""
    made = Fixed(channels=3)
    made.conv(made.conv(made.image, 3, at=5), 8)
    assert [layer.augmented for layer in layers(made.graph)] == [True, False]
    wide = Fixed(channels=16)
    wide.conv(wide.image, 8)
    assert [layer.augmented for layer in layers(wide.graph)] == [False]


@pytest.mark.parametrize("arch", ["B512", "B4096"])
def test_a_window_that_no_bank_holds_is_split_by_channels(arch: str) -> None:
    """Protects global pooling of deep maps, and depthwise kernels over them, on small targets."""
    made = Fixed(size=(13, 13), channels=700)
    made.pool(made.image, (13, 13), 1, "AVG", at=4)
    made.depthwise(made.image, (9, 9))
    found = layers(made.graph, arch)
    assert len(found) > 2
    assert all(layer.writes.first % standard(arch).cp == 0 for layer in found)
    agrees(made.graph, network(made.graph, standard(arch)))


def test_parameters_start_at_pages() -> None:
    """Protects the layout of the vendor's compiler: every tensor at a multiple of 4096."""
    for layer in layers(net("separable")):
        for parameter in (layer.weights, layer.bias):
            assert parameter is None or parameter.offset % ALIGNMENT == 0


def _kernel(made: Fixed) -> Op:
    return made.conv(made.image, 8, (17, 3))


def _stride(made: Fixed) -> Op:
    return made.conv(made.image, 8, stride=9)


def _deep(made: Fixed) -> Op:
    return made.conv(made.conv(made.image, 1600, (1, 1)), 8, (12, 12), pad=[0] * 4)


def _prelu(made: Fixed) -> Op:
    return made.conv(made.image, 8, act="PRELU", prelu_in=20, prelu_shift=6)


def _slope(made: Fixed) -> Op:
    return made.conv(made.image, 8, act="LEAKYRELU", LEAKYRELU_alpha=0.3)


def _sum(made: Fixed) -> Op:
    return made.eltwise(made.conv(made.image, 8, at=7), made.conv(made.image, 8, at=2), at=5)


def _capped(made: Fixed) -> Op:
    return made.eltwise(made.image, made.image, act="RELU6")


def _bent(made: Fixed) -> Op:
    bent = made.reshape(made.conv(made.image, 8), 1, 10, 40, 8)
    made.conv(bent, 4)
    return bent


def _resized(made: Fixed) -> Op:
    attrs = {"mode": "BILINEAR", "scale": [2.0, 2.0], "align_corners": False, "half_pixel_centers": False}
    return build.fixed(made.graph, "upsample-fix", "big", {"input": [made.conv(made.image, 8)]}, 4, **attrs)  # type: ignore[arg-type]


def _huge(made: Fixed) -> Op:
    return made.conv(made.image, 3000, (1, 1))


def _far(made: Fixed) -> Op:
    return made.conv(made.conv(made.image, 2000, (1, 1)), 8, dilation=36, pad=[36] * 4)


@pytest.mark.parametrize(
    ("build_op", "why", "remedy"),
    [
        (_kernel, "kernel 3 x 17 exceeds 16", "kernels up to 16"),
        (_stride, "stride 9 exceeds 8", "strides up to 8"),
        (_deep, "lines of a bank", "fewer channels"),
        (_prelu, "no PReLU", "LeakyReLU"),
        (_slope, "slope 0.3", "train"),
        (_sum, "more bits than the DPU's adder", "closer together"),
        (_capped, "no RELU6", "ReLU"),
        (_bent, "written anew", "fully connected"),
        (_resized, "repeating pixels", "nearest"),
        (_huge, "3000 channels", "fewer channels"),
        (_far, "bytes apart", "smaller dilation"),
    ],
)
def test_what_the_dpu_cannot_do_goes_to_the_processor(build_op: Callable[[Fixed], Op], why: str, remedy: str) -> None:
    """Protects the limits of UG1414 and of the instruction fields: each with its reason and what to change."""
    made = Fixed(size=(40, 40) if build_op is _far else (20, 20))
    name = build_op(made).name
    part = network(made.graph, standard("B512"))
    reason = next(reason for reason in part.cpu if reason.op == name)
    assert why in reason.why
    assert remedy in reason.remedy
    agrees(made.graph, part)


def test_leaky_relu_needs_hardware_that_has_it() -> None:
    """Protects targets built without LeakyReLU."""
    made = Fixed()
    made.conv(made.image, 8, act="LEAKYRELU")
    plain = standard("B512").fingerprint & ~(1 << 28)
    from net2bit.dpu.arch import arch  # noqa: PLC0415 - beside its one use

    (reason,) = network(made.graph, arch(plain)).cpu
    assert "CONV_RELU_LEAKYRELU_RELU6" in reason.remedy


@pytest.mark.parametrize(("weights", "bias", "what"), [(-4, 6, "shift_cut -3"), (20, -2, "shift_bias 27")])
def test_positions_beyond_the_shifters_are_an_error(weights: int, bias: int, what: str) -> None:
    """Protects the message for positions that no machine code can express: tensors and positions are named."""
    made = Fixed()
    made.conv(made.image, 8, weights_at=weights, bias_at=bias, at=4)
    with pytest.raises(QuantError, match=what) as caught:
        network(made.graph, standard("B512"))
    assert "'image' 5" in caught.value.where
    assert f"'conv1_w' {weights}" in caught.value.where


def test_parts_run_in_order() -> None:
    """Protects the order of subgraphs: each after those that feed it, also when branches rejoin."""
    made = Fixed()
    first = made.conv(made.image, 8)
    slow = made.conv(first, 8, act="PRELU", prelu_in=20, prelu_shift=6)
    made.conv(made.eltwise(made.conv(first, 8), slow), 4)
    part = network(made.graph, standard("B2304"))
    assert [isinstance(one, CpuPart) for one in part.subgraphs] == [False, True, False]
    assert part.dpu[0].ops == ("conv1", "conv3")
    assert list(part.dpu[1].inputs) == ["conv2", "conv3"]
    agrees(made.graph, part)


def test_a_batch_is_refused() -> None:
    """Protects the hint to export with one picture."""
    graph = Graph("net")
    build.data_fix(graph, "image", (4, 8, 8, 3), 5)
    with pytest.raises(ModelError, match="4 pictures"):
        network(graph, standard("B512"))


def test_a_float_graph_is_refused() -> None:
    """Protects the hint to quantize first."""
    graph = Graph("net")
    build.relu(graph, "relu", build.data(graph, "image", (1, 8, 8, 3)))
    with pytest.raises(ModelError, match="no fixed-point ops"):
        network(graph, standard("B512"))

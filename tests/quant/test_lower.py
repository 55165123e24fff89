"""Lowering: the integer network computes the very codes of the fake-quantized one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quant_nets import Net, images, residual, unet

from net2bit.errors import QuantError
from net2bit.quant.arith import Rounding, quantize
from net2bit.quant.executor import run_integer
from net2bit.quant.floating import run_float
from net2bit.quant.limits import Adjuster, Limits
from net2bit.quant.lower import lower
from net2bit.quant.points import find, group
from net2bit.quant.positions import non_overflow
from net2bit.quant.quantize import constant, fake_quantize
from net2bit.quant.strip import strip
from net2bit.xir import build
from net2bit.xir.graph import Graph
from net2bit.xir.verify import verify


def positions(graph: Graph, shift: int = 0) -> dict[str, int]:
    """Return positions without overflow on a few images, *shift* finer, within the DPU's limits."""
    points, groups = find(graph), group(find(graph))
    seen = run_float(graph, {"image": images(2)}, list(points))
    finest = {name: non_overflow(constant(graph, name)) for point in points.values() for name in point.parameters}
    found = {name: min(non_overflow(seen[member]) for member in groups.members[groups.of[name]]) + shift for name in points} | finest
    Adjuster(points, groups, Limits(), found, finest).run()
    return found


def codes_of(graph: Graph) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the codes of every tensor of a fake-quantized graph, by the float and by the integer executor."""
    lowered, taken = lower(graph), strip(graph)
    verify(lowered)
    names = [name for name in taken.fixes if name in lowered and lowered.op(name).data is None]
    batch = images(3, seed=5)
    fake = run_float(graph, {"image": batch}, [taken.fixes[name] for name in names])
    whole = run_integer(lowered, {"image": quantize(batch, taken.positions["image"])}, keep=names)
    return {name: np.ldexp(fake[taken.fixes[name]].astype(np.float64), taken.positions[name]) for name in names}, whole


def equal(graph: Graph) -> None:
    """Check that both executors give the same codes for every tensor."""
    fake, whole = codes_of(graph)
    for name, codes in fake.items():
        assert np.array_equal(codes, whole[name]), name


@pytest.mark.parametrize("make", [unet, residual])
@given(seed=st.integers(0, 1000), shift=st.integers(-1, 2), spread=st.sampled_from([1.0, 4.0]))
@settings(max_examples=8, deadline=None)
def test_integers_equal_the_fake_quantized_network(make: type, seed: int, shift: int, spread: float) -> None:
    """Law: for every tensor of a random network the fake-quantized numbers are the integer network's codes, bit for bit."""
    graph = make(seed, spread)
    equal(fake_quantize(graph, positions(graph, shift), Rounding.HALF_EVEN))


@pytest.mark.parametrize("act", ["", "relu", "relu6", "leaky-relu"])
@pytest.mark.parametrize("window", [(2, 2), (3, 3), (5, 5), (7, 7), (3, 2)])
def test_every_activation_and_average_window(act: str, window: tuple[int, int]) -> None:
    """Every fused activation and the DPU's factors of average pooling come out alike in both forms."""
    net = Net(seed=3)
    build.avgpool2d(net.graph, "mean", net.conv(net.image, 5, "conv", act), window, stride=[1, 1])
    equal(fake_quantize(net.graph, positions(net.graph), Rounding.HALF_AWAY))


def test_other_ops_have_a_fixed_point_form() -> None:
    """Multiplication, padding, reshaping, hard sigmoid and global pooling are lowered and agree as well."""
    net = Net(seed=4)
    one = net.conv(net.image, 4, "one", "")
    gate = build.place(net.graph, "hard-sigmoid", "gate", {"input": [net.conv(net.image, 4, "two", "")]})
    padded = build.pad(net.graph, "pad", build.mul(net.graph, "scaled", one, gate), [0, 0, 1, 2, 0, 1, 0, 0])
    pooled = build.avgpool2d(net.graph, "all", padded, (9, 11), **{"global": True})
    flat = build.reshape(net.graph, "flat", pooled, [1, 4])
    hidden = net.activate(build.inner_product(net.graph, "fc1", flat, net.random.normal(size=(6, 4)), net.random.normal(size=6)), "relu")
    build.inner_product(net.graph, "fc2", hidden, net.random.normal(size=(2, 6)))
    graph = fake_quantize(net.graph, positions(net.graph), Rounding.HALF_EVEN)
    equal(graph)
    assert [op.type for op in lower(graph)].count("conv2d-fix") == 4


def test_stripping_undoes_quantizing() -> None:
    """Law: taking a fake-quantized network apart and writing it again gives the same network."""
    graph = residual(seed=2)
    made = fake_quantize(graph, positions(graph), Rounding.HALF_EVEN)
    taken = strip(made)
    again = fake_quantize(taken.graph, taken.positions, Rounding.HALF_EVEN)
    assert [(op.name, op.type, op.args, op.attrs) for op in again] == [(op.name, op.type, op.args, op.attrs) for op in made]
    assert all(np.array_equal(op.data, made.op(op.name).data) for op in again if op.data is not None)


def test_vendor_form_of_an_average_pooling_is_understood() -> None:
    """A pooling followed by the product with its factor, as the vendor writes it, is one pooling in integers."""
    graph = Graph("vendor")
    source = build.fix(graph, "image_fix", build.data(graph, "image", (1, 8, 8, 3)), 6)
    inner = build.avgpool2d(graph, "mean_i0", source, (3, 3))
    scale = build.const(graph, "mean_i1", np.array([0.984375]))
    build.fix(graph, "mean_fix", build.mul(graph, "mean", inner, scale), 6)
    lowered = lower(graph)
    assert [(op.name, op.type) for op in lowered] == [("image", "data-fix"), ("mean", "pool-fix")]
    assert lowered.op("mean").tensor.name == "mean_fix"


def test_vendor_concatenation_without_quantized_inputs_is_understood() -> None:
    """An input of a concatenation that the vendor left without a quantizer takes the concatenation's position."""
    net = Net()
    left, right = net.conv(net.image, 4, "left"), net.conv(net.image, 4, "right")
    build.concat(net.graph, "both", left, right)
    made = fake_quantize(net.graph, positions(net.graph), Rounding.HALF_EVEN)
    for name in (left.name, right.name):
        made.redirect(f"{name}_fix", name)
        made.remove(f"{name}_fix")
    lowered = lower(made)
    assert {lowered.op(name).tensor.attrs["fix_point"] for name in (left.name, right.name, "both")} == {strip(made).positions["both"]}


def test_a_tensor_without_quantizer_is_named() -> None:
    """A graph that is not fully quantized is refused with the tensor's name."""
    net = Net()
    net.conv(net.image, 4, "conv")
    with pytest.raises(QuantError, match="has no quantizer"):
        lower(net.graph)


def test_relu6_at_a_coarse_position_is_refused() -> None:
    """The DPU's ReLU6 ends at code 96, so a position at which that is not 6 would change the function: it is named instead."""
    net = Net(seed=3)
    net.conv(net.image, 5, "conv", "relu6")
    at = positions(net.graph) | {"conv_relu6": 3}
    with pytest.raises(QuantError, match="position 3"):
        lower(fake_quantize(net.graph, at, Rounding.HALF_EVEN))

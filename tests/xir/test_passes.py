"""The passes: contracts, and the same results before and behind."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import random_graph, values

from net2bit.errors import ModelError
from net2bit.quant.floating import run_float
from net2bit.xir import build, passes
from net2bit.xir.graph import Graph, Op
from net2bit.xir.passes import STANDARD, Pass, apply
from net2bit.xir.verify import verify

RNG = np.random.default_rng(0)
FEED = RNG.normal(size=(1, 8, 8, 4)).astype(np.float32)


def outputs(graph: Graph) -> list[np.ndarray]:
    """Return what the graph's outputs are for one fixed input, in order."""
    found = run_float(graph, {"input": FEED}, keep=passes.ends(graph))
    return [found[name] for name in passes.ends(graph)]


def same(graph: Graph, *steps: Pass) -> dict[str, int]:
    """Apply *steps*, demand the same results up to rounding, and return how often each changed something."""
    before = outputs(graph)
    result = apply(graph, steps)
    behind = outputs(graph)
    for one, other in zip(before, behind, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= 1e-4 * max(1.0, float(np.abs(one).max()))
    return dict(result.changes)


def base() -> Graph:
    """Return a graph with only its input."""
    graph = Graph("g")
    build.data(graph, "input", (1, 8, 8, 4))
    return graph


def moments(channels: int) -> dict[str, np.ndarray]:
    """Return random moments of a batch normalization."""
    found = {part: RNG.normal(size=channels) for part in ("gamma", "beta", "moving_mean")}
    return found | {"moving_var": RNG.uniform(0.5, 2, channels)}


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(STANDARD))
def test_every_pass_keeps_the_result(seed: int, step: Pass) -> None:
    """Law: each pass, where its requirement holds, leaves a valid graph with the same outputs up to float32 rounding."""
    graph = random_graph(seed)
    same(graph, *([passes.EXPLICIT_PADDING] if step.requires(graph) else []), step)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_standard_passes_keep_the_result_and_finish(seed: int) -> None:
    """Law: the standard passes keep the outputs, leave no batch normalization and no SAME, and a second round of them changes nothing."""
    graph = random_graph(seed, 12)
    same(graph, *STANDARD)
    assert not graph.of_type("batchnorm", "scale")
    assert all(op.attrs.get("pad_mode", "FLOOR") == "FLOOR" for op in graph)
    kinds = [op.type for op in graph]
    assert not apply(graph, STANDARD).modified
    assert [op.type for op in graph] == kinds


@pytest.mark.parametrize("kind", ["conv2d", "grouped", "depthwise-conv2d", "transposed-conv2d", "inner-product"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_batch_normalization_folds_into_the_layer_before(kind: str, bias: bool) -> None:  # noqa: FBT001  a pytest parameter
    """Weights and bias of every kind of layer take the gain and the shift; the tensor then carries the folded op's name."""
    graph = base()
    if kind == "inner-product":
        build.inner_product(graph, "layer", "input", values(RNG, 5, 256), values(RNG, 5) if bias else None)
    elif kind == "depthwise-conv2d":
        build.depthwise_conv2d(graph, "layer", "input", values(RNG, 2, 3, 3, 4), values(RNG, 8) if bias else None)
    else:
        shape = (6, 3, 3, 2 if kind == "grouped" else 4)
        op_type = "conv2d" if kind == "grouped" else kind
        attrs = {"group": 2} if kind == "grouped" else {}
        build.conv2d(graph, "layer", "input", values(RNG, *shape), values(RNG, 6) if bias else None, op_type=op_type, **attrs)
    build.batchnorm(graph, "bn", "layer", moments(graph.op("layer").tensor.shape[-1]), 1e-3)
    changes = same(graph, passes.FOLD_BEHIND, passes.REMOVE_DEAD)
    assert changes["fold gains and shifts into the convolution before"] == 1
    assert "bn" not in graph
    assert graph.op("layer").tensor.name == "bn"
    assert len(graph) == 4


def test_a_bias_becomes_the_layers_and_keeps_its_name() -> None:
    """An `add` of one constant for each channel is the convolution's bias, under the constant's own name; a scale folds behind it."""
    graph = base()
    build.conv2d(graph, "conv", "input", values(RNG, 3, 1, 1, 4))
    build.add(graph, "conv/BiasAdd", "conv", build.const(graph, "conv/bias", values(RNG, 3)))
    build.mul(graph, "half", build.const(graph, "factor", np.array([0.5])), "conv/BiasAdd")
    build.place(graph, "sub", "less", {"input": ["half", build.const(graph, "c", values(RNG, 3))]})
    build.place(graph, "sub", "more", {"input": [build.const(graph, "d", values(RNG, 1, 1, 1, 3)), "less"]})
    build.place(graph, "div", "part", {"input": ["more", build.const(graph, "e", np.array([4.0]))]})
    assert same(graph, passes.FOLD_BEHIND)["fold gains and shifts into the convolution before"] == 5
    assert [op.name for op in graph] == ["input", "conv_weights", "conv/bias", "conv"]
    assert graph.op("conv").args["bias"] == ["conv/bias"]
    assert graph.op("conv").tensor.name == "part"


def test_shared_weights_and_shared_results_stay() -> None:
    """A constant that two layers share is not changed for one of them, and a layer that two ops see is left alone."""
    graph = base()
    weights = build.const(graph, "shared", values(RNG, 4, 1, 1, 4))
    build.conv2d(graph, "a", "input", weights)
    build.batchnorm(graph, "bn", "a", moments(4), 1e-3)
    build.conv2d(graph, "b", "bn", weights)
    build.relu(graph, "seen", "b")
    build.mul(graph, "scaled", "b", build.const(graph, "two", np.array([2.0])))
    before = weights.data
    assert same(graph, passes.FOLD_BEHIND)["fold gains and shifts into the convolution before"] == 1
    assert graph.op("shared").data is before
    assert graph.op("a").args["weights"] != graph.op("b").args["weights"]
    assert "scaled" in graph


@pytest.mark.parametrize("group", [1, 2])
def test_a_batch_normalization_folds_into_the_convolution_behind(group: int) -> None:
    """Without padding both gain and shift fold into a following convolution, also one in groups, behind any other op."""
    graph = base()
    build.relu(graph, "relu", "input")
    build.batchnorm(graph, "bn", "relu", moments(4), 1e-3)
    build.conv2d(graph, "conv", "bn", values(RNG, 6, 3, 3, 4 // group), group=group)
    assert same(graph, passes.FOLD_AHEAD)["fold gains and shifts into the convolution behind"] == 1
    assert "bn" not in graph


def test_padding_keeps_a_shift_out_of_the_convolution_behind() -> None:
    """Padded zeros stand behind the shift, so the shift cannot fold: it becomes a depthwise convolution; a pure gain folds."""
    graph = base()
    build.relu(graph, "relu", "input")
    build.batchnorm(graph, "bn", "relu", moments(4), 1e-3)
    build.conv2d(graph, "conv", "bn", values(RNG, 6, 3, 3, 4), pad=[1, 1, 1, 1])
    build.relu(graph, "relu2", "conv")
    build.mul(graph, "gain", "relu2", build.const(graph, "factors", values(RNG, 6)))
    build.conv2d(graph, "last", "gain", values(RNG, 2, 3, 3, 6), pad=[1, 1, 1, 1])
    changes = same(graph, passes.FOLD_AHEAD, passes.SPREAD_AFFINE)
    assert changes["fold gains and shifts into the convolution behind"] == 1
    assert changes["turn what is left into depthwise convolutions"] == 1
    assert graph.op("bn").type == "depthwise-conv2d"
    assert "gain" not in graph


def test_a_decomposed_normalization_becomes_one_op() -> None:
    """A product and a sum, as TensorFlow 2 freezes a normalization behind an activation, become one depthwise convolution."""
    graph = base()
    build.relu(graph, "relu", "input")
    build.mul(graph, "product", "relu", build.const(graph, "gain", values(RNG, 4)))
    build.add(graph, "sum", "product", build.const(graph, "shift", values(RNG, 4)))
    same(graph, *STANDARD)
    assert [op.type for op in graph if op.data is None] == ["data", "relu", "depthwise-conv2d"]
    assert graph.op("sum").tensor.name == "sum"


def test_resizes_of_height_and_width_become_one() -> None:
    """Upsampling in two pieces is one resize by [w, h]."""
    graph = base()
    build.resize(graph, "rows", "input", (1.0, 2.0))
    build.resize(graph, "columns", "rows", (3.0, 1.0))
    assert same(graph, passes.MERGE_RESIZES)["merge resizes of height and width"] == 1
    assert graph.op("columns").attrs["scale"] == [3.0, 2.0]
    assert graph.op("columns").args["input"] == ["input"]


@pytest.mark.parametrize(
    ("paddings", "fits"), [((0, 0, 1, 0, 1, 1, 0, 0), True), ((0, 0, 3, 0, 0, 0, 0, 0), False), ((0, 0, 1, 1, 1, 1, 0, 1), False)]
)
def test_a_margin_becomes_padding_where_the_kernel_reaches(paddings: tuple[int, ...], fits: bool) -> None:  # noqa: FBT001  a pytest parameter
    """A margin of zeros folds into a convolution's padding up to kernel - 1; a wider one, or one of channels, stays."""
    graph = base()
    build.pad(graph, "margin", "input", paddings)
    build.conv2d(graph, "conv", "margin", values(RNG, 2, 3, 3, graph.op("margin").tensor.shape[3]), stride=[2, 2])
    assert same(graph, passes.FOLD_PADDING)["fold margins into convolutions"] == fits
    assert ("margin" not in graph) == fits


@pytest.mark.parametrize("kind", ["conv2d", "depthwise-conv2d", "transposed-conv2d"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [3, 4])
def test_same_becomes_numbers(kind: str, stride: int, kernel: int) -> None:
    """Explicit padding gives SAME's output for every kind of convolution; a pool's mean leaves it out as before."""
    graph = base()
    shape = (1 if kind == "depthwise-conv2d" else 5, kernel, kernel, 4)
    build.conv2d(graph, "conv", "input", values(RNG, *shape), op_type=kind, stride=[stride, 1], pad_mode="SAME")
    build.avgpool2d(graph, "mean", "conv", (2, 3), stride=[2, 2], pad_mode="SAME", count_include_pad=False)
    build.maxpool2d(graph, "max", "mean", (2, 2), stride=[2, 1], pad_mode="SAME")
    assert same(graph, passes.EXPLICIT_PADDING)["explicit padding"] == 3


def test_constants_fold() -> None:
    """What depends on constants only becomes one constant, and what it was made of goes."""
    graph = base()
    one = build.const(graph, "one", values(RNG, 2, 2))
    turned = build.place(graph, "transpose", "turned", {"input": [one]}, {"order": [1, 0]})
    flat = build.reshape(graph, "flat", build.mul(graph, "product", turned, build.const(graph, "three", np.array([3.0]))), (4,))
    build.add(graph, "sum", "input", flat)
    assert same(graph, passes.FOLD_CONSTANTS)["fold constants"] == 3
    assert [op.name for op in graph] == ["input", "flat", "sum"]


def test_identities_go_and_outputs_stay() -> None:
    """An identity disappears, but for one that makes an output of a value that is used elsewhere, or of the input itself."""
    graph = base()
    build.relu(graph, "relu", "input")
    build.place(graph, "identity", "inner", {"input": ["relu"]})
    build.relu6(graph, "end", "inner")
    build.place(graph, "identity", "shown", {"input": ["relu"]})
    build.place(graph, "identity", "echo", {"input": ["input"]})
    build.place(graph, "identity", "last", {"input": ["end"]})
    graph.attrs["return_ops"] = ["last", "shown", "echo"]
    assert same(graph, passes.DROP_IDENTITIES)["drop identities"] == 2
    assert graph.attrs["return_ops"] == ["end", "shown", "echo"]


def test_dead_code_goes() -> None:
    """What no output needs is removed; inputs stay."""
    graph = base()
    build.data(graph, "unused", (1,))
    build.relu(graph, "kept", "input")
    build.conv2d(graph, "side", "input", values(RNG, 2, 1, 1, 4))
    graph.attrs["return_ops"] = ["kept"]
    assert passes.remove_dead(graph) == 2
    assert [op.name for op in graph] == ["input", "unused", "kept"]


def breaks(graph: Graph) -> int:
    """Stand for a pass with a bug."""
    graph.op("relu").tensor.shape = (1,)
    return 1


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Pass("buggy", breaks), "pass 'buggy' broke the graph: the output of relu 'relu'"),
        (Pass("picky", lambda _graph: 0, requires=lambda _graph: "no"), "pass 'picky' requires what does not hold: no"),
        (Pass("lying", lambda _graph: 0, ensures=lambda _graph: "no"), "pass 'lying' ensures what does not hold: no"),
    ],
)
def test_a_broken_contract_names_the_pass(step: Pass, message: str) -> None:
    """A pass that breaks the graph, or whose requirement or promise does not hold, is an error with its name."""
    graph = base()
    build.relu(graph, "relu", "input")
    with pytest.raises(ModelError, match=message):
        apply(graph, [step])


@pytest.mark.parametrize(
    ("step", "make"),
    [
        (passes.EXPLICIT_PADDING, lambda g: build.maxpool2d(g, "op", "input", (3, 3), pad_mode="SAME")),
        (passes.DROP_IDENTITIES, lambda g: build.relu(g, "op", build.place(g, "identity", "i", {"input": ["input"]}))),
        (passes.SPREAD_AFFINE, lambda g: build.batchnorm(g, "op", "input", moments(4), 1e-3)),
        (passes.REMOVE_DEAD, lambda g: build.const(g, "op", np.zeros(3))),
    ],
)
def test_each_promise_is_a_real_check(step: Pass, make: Callable[[Graph], Op]) -> None:
    """What a pass ensures fails on a graph that it has not seen yet, and holds behind it."""
    graph = base()
    build.relu(graph, "end", "input")
    make(graph)
    assert step.ensures(graph)
    assert apply(graph, [step]).modified
    assert not step.ensures(graph)


def test_an_unchanged_graph_is_reported_as_such() -> None:
    """A pass with nothing to do says so."""
    graph = base()
    build.relu(graph, "relu", "input")
    verify(graph)
    assert not apply(graph, STANDARD).modified

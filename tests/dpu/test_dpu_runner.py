"""Whole models: by machine code, by the graph, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from fixed_nets import Fixed

from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.compile import compile_graph
from net2bit.dpu.runner import Port, Runner
from net2bit.errors import ModelError, ProgramError, QuantError
from net2bit.quant.arith import dequantize
from net2bit.quant.executor import run_integer
from net2bit.xir import build
from net2bit.xir.graph import FLOAT32, Attr, Graph, Op, Tensor
from net2bit.xir.xmodel import read, write

FINGERPRINT = standard("B512").fingerprint


def classifier() -> Graph:
    """Return a small network with a float end: convolution, pool, convolution over everything, softmax."""
    net = Fixed((8, 8), 3)
    pooled = net.pool(net.conv(net.image, 6), kernel=(2, 2), stride=2)
    logits = net.conv(pooled, 5, (4, 4), pad=(0, 0, 0, 0), act="NONE")
    graph = net.graph
    real = graph.add(
        Op("reals", "fix2float", Tensor("reals", logits.tensor.shape, FLOAT32), dict(logits.tensor.attrs), {"input": [logits.name]})
    )
    graph.add(Op("classes", "softmax", Tensor("classes", logits.tensor.shape, FLOAT32), {"axis": -1}, {"input": [real.name]}))
    return graph


@pytest.fixture(scope="module")
def compiled() -> Graph:
    """Return the classifier, compiled."""
    return compile_graph(classifier(), FINGERPRINT).graph


def pictures(count: int = 3) -> np.ndarray:
    """Return random codes."""
    return np.random.default_rng(7).integers(-128, 128, (count, 8, 8, 3)).astype(np.int8)


def test_vendor_model(reference: Path) -> None:
    """The vendor's compiled classifier gives, as machine code, the bytes that AMD's simulator gives, for all its inputs."""
    golden = np.load(reference / "golden" / "dpu_mnist_sim_runner.npz")
    runner = Runner(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
    inputs = np.concatenate([golden[f"{index}/in"] for index in range(32)])
    outputs = np.stack([golden[f"{index}/out"] for index in range(32)])
    logits = runner.graph.of_type("download")[0].name
    assert runner.inputs == (Port("input_1", (1, 28, 28, 1), 6),)
    found = runner.run({"input_1": inputs}, keep=[logits], strict=True)
    assert np.array_equal(found[logits], outputs)
    assert np.allclose(found["quant_dense_1_softmax"].sum(1), 1)
    graph = runner.run({"input_1": inputs}, "integer", keep=[logits])
    assert all(np.array_equal(found[name], graph[name]) for name in found)
    assert np.array_equal(runner.run({"input_1": dequantize(inputs[:2], 6)}, keep=[logits])[logits], outputs[:2])


def test_both_engines(compiled: Graph, tmp_path: Path) -> None:
    """Machine code and graph of a model with a float end agree bit for bit, picture by picture, also after a way through a file."""
    write(compiled, tmp_path / "net.xmodel")
    runner = Runner(tmp_path / "net.xmodel")
    assert [item.name for item in runner.outputs] == ["classes"]
    codes = pictures()
    by_code, by_graph = (runner.run({"image": codes}, engine, strict=True) for engine in ("simulator", "integer"))
    wanted = run_integer(classifier(), {"image": codes})
    assert by_code["classes"].dtype == np.float32
    assert np.array_equal(by_code["classes"], by_graph["classes"])
    assert np.array_equal(by_code["classes"], wanted["classes"])
    alone = np.concatenate([runner.run({"image": codes[at : at + 1]})["classes"] for at in (2, 1, 0)])
    assert np.array_equal(alone[::-1], by_code["classes"])


@pytest.mark.parametrize("act", ["NONE", "LEAKYRELU"])
def test_fine_bias(act: str) -> None:
    """A bias finer than the machine can shift is stored coarser; both engines and the graph before compiling still agree."""
    net = Fixed((6, 6), 4)
    net.conv(net.image, 7, act=act, bias_at=16)
    runner = Runner(compile_graph(net.graph, FINGERPRINT).graph)
    codes = np.random.default_rng(1).integers(-128, 128, (2, 6, 6, 4)).astype(np.int8)
    found = [next(iter(runner.run({"image": codes}, engine).values())) for engine in ("simulator", "integer")]
    assert np.array_equal(*found)
    assert np.array_equal(found[0], next(iter(run_integer(net.graph, {"image": codes}).values())))


def test_processor_in_between() -> None:
    """Where the processor computes something between two DPU subgraphs, each runs in its turn on what the one before gives."""
    net = Fixed((6, 6), 4)
    attrs: dict[str, Attr] = {"mode": "BILINEAR", "scale": [2.0, 2.0], "align_corners": False, "half_pixel_centers": False}
    wide = build.fixed(net.graph, "upsample-fix", "wide", {"input": [net.conv(net.image, 5)]}, 4, **attrs)
    net.eltwise(net.conv(wide, 6), net.conv(wide, 6))
    compiled = compile_graph(net.graph, FINGERPRINT)
    assert len(compiled.programs) == 2
    runner = Runner(compiled.graph)
    codes = np.random.default_rng(1).integers(-128, 128, (2, 6, 6, 4)).astype(np.int8)
    found = [runner.run({"image": codes}, engine, keep=["wide"], strict=True) for engine in ("simulator", "integer")]
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[1])
    assert found[0]["wide"].shape == (2, 12, 12, 5)


def test_numbers(compiled: Graph) -> None:
    """Floats are quantized as the input says, and int8 outputs are given as numbers where that is asked for."""
    runner = Runner(compiled)
    point = runner.inputs[0].fix_point
    assert point is not None
    codes = pictures(1)
    by_codes = runner.run({"image": codes})["classes"]
    assert np.array_equal(by_codes, runner.run({"image": dequantize(codes, point)})["classes"])
    logits = compiled.of_type("download")[0]
    found, reals = (runner.run({"image": codes}, keep=[logits.name], reals=reals)[logits.name] for reals in (False, True))
    assert found.dtype == np.int8
    assert np.array_equal(reals, dequantize(found, int(logits.tensor.attrs["fix_point"])))  # type: ignore[arg-type]


def test_quantized_only() -> None:
    """A model that is not compiled runs by its graph; by machine code it is an error that says what to do."""
    runner = Runner(classifier())
    codes = pictures()
    assert np.array_equal(runner.run({"image": codes}, "integer")["classes"], run_integer(classifier(), {"image": codes})["classes"])
    with pytest.raises(ModelError, match="not compiled"):
        runner.run({"image": codes})


def test_quantizer_output() -> None:
    """A fake-quantized network runs in integers under the names of its float ops, and gives the codes behind its quantizers."""
    graph = Graph("fake")
    image = build.data(graph, "image", (1, 4, 4, 2))
    source = build.fix(graph, "image_fix", image, 5)
    pooled = build.maxpool2d(graph, "pool", source, (2, 2), stride=[2, 2])
    build.fix(graph, "pool_fix", pooled, 5)
    runner = Runner(graph)
    codes = np.random.default_rng(3).integers(-128, 128, (2, 4, 4, 2)).astype(np.int8)
    assert runner.inputs == (Port("image", (1, 4, 4, 2), 5),)
    found = runner.run({"image": codes}, "integer", reals=True)
    assert [array.tolist() for array in found.values()] == [
        dequantize(codes.reshape(2, 2, 2, 2, 2, 2).max((2, 4)), 5).tolist(),
    ]


REFUSED = {
    "name": ({"imgae": pictures()}, "no input 'imgae'", "image"),
    "missing": ({}, "no value is given for the input 'image'", ""),
    "batch": ({"image": pictures()[0]}, r"\[8, 8, 3\], not N x 8 x 8 x 3", ""),
    "shape": ({"image": pictures()[:, :7]}, r"\[3, 7, 8, 3\]", ""),
    "empty": ({"image": pictures()[:0]}, r"\[0, 8, 8, 3\]", ""),
    "type": ({"image": pictures().view(np.uint8)}, "uint8", ""),
    "wide": ({"image": pictures().astype(np.int64)}, "int64", ""),
    "nan": ({"image": np.full((1, 8, 8, 3), np.nan, np.float32)}, "not finite", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_feeds(compiled: Graph, case: str) -> None:
    """A feed of another name, shape or type is refused, with the near miss and what is wanted."""
    feeds, words, meant = REFUSED[case]
    with pytest.raises(QuantError, match=words) as caught:
        Runner(compiled).run(feeds)
    assert caught.value.suggestion == meant
    if case == "batch":
        assert "array[None]" in caught.value.remedy


def test_engine_and_keep(compiled: Graph) -> None:
    """Unknown engines and ops are near misses; what lies inside of the machine code is left to the other engine."""
    runner = Runner(compiled)
    with pytest.raises(QuantError, match="no engine 'simulater'") as caught:
        runner.run({"image": pictures()}, "simulater")
    assert caught.value.suggestion == "simulator"
    with pytest.raises(QuantError, match="no op 'reels'") as caught:
        runner.run({"image": pictures()}, keep=["reels"])
    assert caught.value.suggestion == "reals"
    with pytest.raises(ModelError, match="inside of a DPU subgraph"):
        runner.run({"image": pictures()}, keep=[compiled.of_type("conv2d-fix")[0].name])


def test_damaged(compiled: Graph, tmp_path: Path) -> None:
    """A cut-off file, cut-off machine code and parameters that are too short are errors, not results."""
    write(compiled, tmp_path / "net.xmodel")
    content = (tmp_path / "net.xmodel").read_bytes()
    (tmp_path / "cut.xmodel").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError):
        Runner(tmp_path / "cut.xmodel")
    for name, kind in (("mc_code", ProgramError), ("reg_id_to_parameter_value", ModelError)):
        graph = read(tmp_path / "net.xmodel")
        assert graph.root is not None
        node = next(child for child in graph.root.children if child.attrs.get("device") == "DPU")
        node.attrs[name] = node.attrs[name][:-6] if name == "mc_code" else {"REG_0": b"abc"}  # type: ignore[index]
        with pytest.raises(kind):
            Runner(graph).run({"image": pictures()}, "simulator" if name == "mc_code" else "integer")

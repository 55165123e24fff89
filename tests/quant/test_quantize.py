"""The stage `quantize`: the vendor's form, the moves it reports, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from quant_nets import CONFIG, Net, Stages, images, residual, unet

from net2bit.errors import QuantError
from net2bit.quant import calibrate, quantize
from net2bit.quant.arith import Rounding
from net2bit.quant.floating import run_float
from net2bit.quant.points import find
from net2bit.quant.quantize import constant, fake_quantize, fit
from net2bit.quant.strip import strip
from net2bit.quant.table import Entry, Table, load
from net2bit.xir import build
from net2bit.xir.access import number
from net2bit.xir.graph import Graph
from net2bit.xir.verify import verify
from net2bit.xir.xmodel import read


def stages(folder: Path, graph: Graph, **config: object) -> Stages:
    """Run calibration and quantization of a network."""
    made = Stages(folder, graph)
    made.run(calibrate.run, "positions.json", "float.xmodel", "dataset.h5")
    made.run(quantize.run, "int.xmodel", "float.xmodel", "positions.json", **config)
    return made


def test_form_is_the_vendors(tmp_path: Path, reference: Path) -> None:
    """Ops, attributes, arguments and names follow a real file of the vendor's quantizer: `x -> x_fix`, constants rounded."""
    stages(tmp_path, unet())
    ours, theirs = read(tmp_path / "int.xmodel"), read(reference / "xmodel" / "VoxelNet_int.xmodel")
    for kind in ("fix", "conv2d", "relu", "concat", "const", "data"):
        one, other = ours.of_type(kind)[0], theirs.of_type(kind)[0]
        assert set(one.attrs) == set(other.attrs), kind
        assert set(one.args) == set(other.args), kind
        assert one.tensor.dtype == other.tensor.dtype
    assert all(op.name == f"{op.arg('input')}_fix" for op in [*ours.of_type("fix"), *theirs.of_type("fix")])
    assert ours.attrs["return_ops"] == ["head_fix"]
    for op in ours.of_type("fix"):
        assert (op.attrs["bit_width"], op.attrs["if_signed"], op.attrs["round_mode"]) == (8, True, "DPU_ROUND")


@pytest.mark.parametrize("make", [unet, residual])
def test_constants_hold_what_their_codes_stand_for(tmp_path: Path, make: type) -> None:
    """Every weight and bias is a whole multiple of its step within int8, and within half a step of the float one."""
    stages(tmp_path, make(3, 3.0))
    graph, plain = read(tmp_path / "int.xmodel"), read(tmp_path / "float.xmodel")
    verify(graph)
    for op in graph.of_type("const"):
        at = number(graph.op(f"{op.name}_fix"), "fix_point")
        codes, wanted = np.ldexp(constant(graph, op.name), at), np.ldexp(constant(plain, op.name), at)
        assert np.array_equal(codes, np.clip(np.rint(wanted), -128, 127)), op.name


def test_only_what_ends_a_chain_is_quantized() -> None:
    """A convolution ahead of its activation has no quantizer of its own; a pool, a concatenation and the input have one."""
    graph = fake_quantize(unet(), dict.fromkeys([op.name for op in unet()], 5), Rounding.HALF_EVEN)
    assert "enc1_fix" not in graph
    assert {"image_fix", "enc1_relu_fix", "pool_fix", "up_fix", "concat_fix", "head_fix"} <= {op.name for op in graph}


def test_rounding_of_weights_is_configured(tmp_path: Path) -> None:
    """The configured mode decides where a weight halfway between two codes goes."""
    net = Net()
    build.conv2d(net.graph, "conv", net.image, np.array([[[[0.5, 1.5, 127.0]]]]) / 128)
    positions = {"image": 7, "conv": 5, "conv_weights": 7}
    even, away = (fake_quantize(net.graph, positions, mode) for mode in (Rounding.HALF_EVEN, Rounding.HALF_AWAY))
    assert constant(even, "conv_weights").ravel().tolist() == [0.0, 2 / 128, 127 / 128]
    assert constant(away, "conv_weights").ravel().tolist() == [1 / 128, 2 / 128, 127 / 128]
    assert not list(tmp_path.iterdir())


def test_moves_are_reported_and_kept_in_the_file(tmp_path: Path) -> None:
    """A position that a limit moved is in the progress, in the count and in the file, with its figures."""
    limits = CONFIG["limits"] | {"shift_cut": [0, 6]}
    made = stages(tmp_path, unet(), limits=limits)
    moves = read(tmp_path / "int.xmodel").attrs["net2bit_moves"]
    assert isinstance(moves, list)
    assert made.metric("moved_positions") == len(moves) > 0
    assert "shift_cut" in str(moves[0])
    assert any(event.get("text") == moves[0] for event in made.events)
    taken = strip(read(tmp_path / "int.xmodel"))
    for point in taken.points().values():
        if point.weights:
            assert taken.positions[point.inputs[0]] + taken.positions[point.weights] - taken.positions[point.name] <= 6


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    """Two runs write the same file."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        stages(tmp_path / name, residual())
    assert (tmp_path / "a" / "int.xmodel").read_bytes() == (tmp_path / "b" / "int.xmodel").read_bytes()


def test_positions_of_another_network_are_refused(tmp_path: Path) -> None:
    """A tensor that the table does not know is named, with what to do."""
    stages(tmp_path, unet())
    with pytest.raises(QuantError, match="no position for 'stem_leaky-relu'"):
        fit(residual(), load(tmp_path / "positions.json"), quantize.Limits())


def test_leaky_relu_gets_the_slope_of_the_dpu() -> None:
    """A slope near 26/256 becomes that one; another is refused with what to do."""
    for alpha, fits in ((0.1, True), (0.2, False)):
        net = Net()
        conv = net.conv(net.image, 4, "conv", "")
        build.leaky_relu(net.graph, "leaky", conv, alpha)
        positions = dict.fromkeys(("image", "conv_weights", "conv_bias", "leaky"), 6)
        if fits:
            assert fake_quantize(net.graph, positions, Rounding.HALF_EVEN).op("leaky").attrs["alpha"] == 26 / 256
        else:
            with pytest.raises(QuantError, match=r"slope 0\.2"):
                fake_quantize(net.graph, positions, Rounding.HALF_EVEN)


@pytest.mark.parametrize(
    ("kind", "message"),
    [("softmax", "cannot be quantized for the DPU"), ("relu", "cannot fuse"), ("resize", "only 'NEAREST'"), ("pad", "other numbers")],
)
def test_what_the_dpu_cannot_do_is_named(kind: str, message: str) -> None:
    """An op without int8 form, an activation behind nothing to fuse with, interpolation and odd padding are refused by name."""
    net = Net()
    source = build.maxpool2d(net.graph, "pool", net.image)
    makers = {
        "softmax": lambda: build.softmax(net.graph, "odd", source),
        "relu": lambda: build.relu(net.graph, "odd", source),
        "resize": lambda: build.resize(net.graph, "odd", source, mode="BILINEAR"),
        "pad": lambda: build.pad(net.graph, "odd", source, [0, 0, 1, 1, 1, 1, 0, 0], mode="REFLECT"),
    }
    makers[kind]()
    with pytest.raises(QuantError, match=message) as caught:
        find(net.graph)
    assert "odd" in caught.value.what


def test_constant_operands_are_refused() -> None:
    """An addition of a constant has no form on the DPU; the error names both."""
    net = Net()
    build.add(net.graph, "sum", net.image, build.const(net.graph, "shift", np.ones((1, 8, 8, 3))))
    with pytest.raises(QuantError, match="'sum' takes the constant 'shift'"):
        find(net.graph)


def test_quantized_network_is_near_the_float_one(tmp_path: Path) -> None:
    """On images of the calibration's kind the quantized output keeps more than 20 dB."""
    stages(tmp_path, unet())
    graph, plain = read(tmp_path / "int.xmodel"), read(tmp_path / "float.xmodel")
    wanted, found = (run_float(one, {"image": images(4)}).popitem()[1] for one in (plain, graph))
    assert np.sum(np.square(wanted - found)) < 0.01 * np.sum(np.square(wanted))


def test_table_positions_are_its_entries() -> None:
    """The short form of a table holds every tensor's position."""
    entry = Entry("weights", "conv", 7, -1.0, 1.0)
    assert Table("min_error", {}, (), "train", 0, {"w": entry}).positions == {"w": 7}

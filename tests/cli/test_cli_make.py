"""Making networks: `quantize` and `compile`."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_nets import frozen, pictures, refused, said

from net2bit.quant.executor import run_integer
from net2bit.quant.lower import lower
from net2bit.xir.xmodel import read


def test_quantizing_gives_a_network_that_runs(made: Path) -> None:
    """The quantized network executes in integers, on the input size of the frozen graph."""
    graph = lower(read(made / "small_int.xmodel"))
    (outputs,) = run_integer(graph, {graph.inputs()[0].name: np.load(made / "x.npy")}).values()
    assert outputs.shape == (2, 8, 8, 5)


def test_quantizing_twice_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    """Same graph and pictures, same file."""
    said("quantize", made / "frozen.pb", "--calibration", made / "images", "-o", tmp_path / "small_int.xmodel")
    assert (tmp_path / "small_int.xmodel").read_bytes() == (made / "small_int.xmodel").read_bytes()


def test_arrays_calibrate_like_the_pictures_they_are(made: Path, tmp_path: Path) -> None:
    """Network inputs in a .npy file take the place of pictures."""
    np.save(tmp_path / "inputs.npy", np.random.default_rng(0).normal(size=(3, 16, 16, 3)).astype(np.float32))
    words = ("--calibration", tmp_path / "inputs.npy", "--method", "non_overflow", "-o", tmp_path / "a_int.xmodel", "--json")
    found = json.loads(said("quantize", made / "frozen.pb", *words))
    assert (found["images"], found["name"]) == (3, "a")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--calibration", "nowhere"), "nowhere"),
        (("--calibration", "empty"), "no pictures"),
        (("--calibration", "damaged"), "damaged/a.png"),
        (("--calibration", "wrong.npy"), "float32 [N, 16, 16, 3]"),
    ],
)
def test_bad_calibration_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str) -> None:
    """No folder, no pictures, a damaged one, arrays of another size: each a clear message."""
    monkeypatch.chdir(tmp_path)
    Path("frozen.pb").write_bytes(frozen())
    pictures(Path("images"), 1)
    for name in ("empty", "damaged"):
        Path(name).mkdir()
    Path("damaged/a.png").write_bytes(b"\x89PNG no")
    np.save("wrong.npy", np.zeros((2, 8, 8, 3), np.float32))
    assert message in refused("quantize", "frozen.pb", *words, "-o", "out.xmodel")
    assert not Path("out.xmodel").exists()


def test_a_damaged_frozen_graph_is_named(tmp_path: Path) -> None:
    """A file that is no frozen graph is a message with its name."""
    (tmp_path / "bad.pb").write_bytes(b"no graph at all")
    assert "bad.pb" in refused("quantize", tmp_path / "bad.pb", "--calibration", tmp_path, "-o", tmp_path / "x.xmodel")


@pytest.mark.parametrize("target", ["DPUCZDX8G_ISA1_B4096", "0x101000016010405", "B512"])
def test_the_same_network_on_other_hardware(made: Path, tmp_path: Path, target: str) -> None:
    """Compiled for another DPU, from the quantized network or from a compiled model's graph, it computes the same bytes."""
    for source in ("small_int", "small"):
        said("compile", made / f"{source}.xmodel", "--target", target, "-o", tmp_path / f"{source}.xmodel")
        said("run", tmp_path / f"{source}.xmodel", "--input", made / "x.npy", "--output", tmp_path / f"{source}.npy")
    said("run", made / "small.xmodel", "--input", made / "x.npy", "--output", tmp_path / "first.npy")
    assert np.array_equal(np.load(tmp_path / "small_int.npy"), np.load(tmp_path / "first.npy"))
    assert np.array_equal(np.load(tmp_path / "small.npy"), np.load(tmp_path / "first.npy"))


def test_the_vendors_model_compiles_again(reference: Path, tmp_path: Path) -> None:
    """The graph of the vendor's MNIST, compiled for a smaller DPU, gives the results recorded of the vendor's program."""
    recorded = np.load(reference / "golden/dpu_mnist_sim_runner.npz")
    model = reference / "xmodel/dpu_mnist_classifier.xmodel"
    said("compile", model, "--target", "DPUCZDX8G_ISA1_B1152", "-o", tmp_path / "mnist.xmodel")
    np.save(tmp_path / "in.npy", recorded["0/in"])
    for name, path in (("ours", tmp_path / "mnist.xmodel"), ("vendors", model)):
        said("run", path, "--input", tmp_path / "in.npy", "--output", tmp_path / f"{name}.npy")
    assert np.array_equal(np.load(tmp_path / "ours.npy"), np.load(tmp_path / "vendors.npy"))


def test_side_files_are_written_on_demand(made: Path, tmp_path: Path) -> None:
    """meta.json, md5sum.txt and the kernel's text stand beside the model when asked for."""
    words = ("--target", "DPUCZDX8G_ISA1_B2304", "--side-files", "-o", tmp_path / "net.xmodel", "--json")
    found = json.loads(said("compile", made / "small_int.xmodel", *words))
    assert {Path(name).name for name in found["files"]} == {"net.xmodel", "meta.json", "md5sum.txt", "net_kernel.info"}
    assert all(Path(name).is_file() for name in found["files"])
    assert "DPUKernel" in (tmp_path / "net_kernel.info").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "DPUCZDX8G_ISA1_B4069"), "B4096"),
        (("--target", "DPUCZDX8G_ISA0_B4096_MAX_BG2"), "ISA0"),
        (("--target", "0x1"), "0x1"),
    ],
)
def test_what_cannot_be_compiled_for_is_named(made: Path, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    """An unknown target, one of the older generation, a fingerprint of nothing: each a clear message."""
    assert message in refused("compile", made / "small_int.xmodel", *words, "-o", tmp_path / "x.xmodel")
    assert not (tmp_path / "x.xmodel").exists()


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        (("compile", "a.xmodel", "--target", "B512", "-o", "x.xmodel", "--effort", "quick"), ("trivial", "fast", "search")),
        (("run", "a.xmodel", "--input", "x.npy", "--engine", "simulater"), ("simulator", "integer")),
        (("quantize", "a.pb", "--calibration", ".", "-o", "x.xmodel", "--scaling", "tff"), ("tf", "unit", "raw")),
        (("quantize", "a.pb", "--calibration", ".", "-o", "x.xmodel", "--method", "max"), ("min_error", "min_diffs", "non_overflow")),
    ],
)
def test_a_wrong_choice_is_status_two(words: tuple[str, ...], choices: tuple[str, ...]) -> None:
    """An option with few values: another one ends with status 2, before any file is opened, and names them all."""
    text = refused(*words, status=2)
    assert all(f"'{choice}'" in text for choice in choices)


@pytest.mark.slow
def test_ops_of_the_processor_are_named_with_reasons(reference: Path, tmp_path: Path) -> None:
    """A quantized network with ops that the DPU lacks compiles: those stay on the processor, each with its reason."""
    model = reference / "xmodel" / "VoxelNet_int.xmodel"
    found = json.loads(said("compile", model, "--target", "B4096", "-o", tmp_path / "v.xmodel", "--json"))
    assert found["subgraphs"] == 2
    assert all(op["reason"] for op in found["cpu_ops"])


def test_a_float_network_is_refused(made: Path, tmp_path: Path) -> None:
    """A network without quantizers is sent to `net2bit quantize`."""
    from net2bit.xir.from_pb import read_pb  # noqa: PLC0415 - this test alone needs it
    from net2bit.xir.xmodel import write  # noqa: PLC0415

    write(read_pb(made / "frozen.pb", "small"), tmp_path / "float.xmodel")
    words = ("--target", "DPUCZDX8G_ISA1_B4096", "-o", tmp_path / "x.xmodel")
    assert "net2bit quantize" in refused("compile", tmp_path / "float.xmodel", *words)

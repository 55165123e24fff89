"""Executing compiled models: `run`."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_nets import refused, said, two_by_two

from net2bit.xir.xmodel import write


def test_machine_code_equals_the_graph(made: Path, tmp_path: Path) -> None:
    """The instruction simulator and the integer executor write the same bytes, picture by picture of a batch."""
    for engine in ("simulator", "integer"):
        said("run", made / "small.xmodel", "--input", made / "x.npy", "--output", tmp_path / f"{engine}.npy", "--engine", engine)
    ours, theirs = (np.load(tmp_path / f"{engine}.npy") for engine in ("simulator", "integer"))
    assert ours.shape == (2, 8, 8, 5)
    assert np.array_equal(ours, theirs)
    assert len(np.unique(ours)) > 10


def test_the_vendors_program_gives_the_recorded_results(reference: Path, tmp_path: Path) -> None:
    """The vendor's MNIST, executed as machine code, gives what AMD's own instruction simulator gave."""
    model, recorded = reference / "xmodel/dpu_mnist_classifier.xmodel", np.load(reference / "golden/dpu_mnist_sim_runner.npz")
    np.save(tmp_path / "in.npy", np.concatenate([recorded[f"{index}/in"] for index in range(4)]))
    known = json.loads(said("inspect", model, "--json"))
    assert known["outputs"][0]["name"] == "quant_dense_1_softmax"
    behind = "quant_dense_1(TransferMatMulToConv2d)_inserted_fix_3_reshaped_download_0"
    said("run", model, "--input", tmp_path / "in.npy", "--output", f"{behind}={tmp_path / 'out.npy'}")
    assert np.array_equal(np.load(tmp_path / "out.npy"), np.stack([recorded[f"{index}/out"] for index in range(4)]))


def test_floats_are_quantized_at_the_input(made: Path, tmp_path: Path) -> None:
    """A float input gives what its int8 codes give."""
    codes = np.load(made / "x.npy")
    point = json.loads(said("inspect", made / "small.xmodel", "--json"))["inputs"][0]["fix_point"]
    np.save(tmp_path / "real.npy", (codes * 2.0**-point).astype(np.float32))
    said("run", made / "small.xmodel", "--input", tmp_path / "real.npy", "--output", tmp_path / "a.npy")
    said("run", made / "small.xmodel", "--input", made / "x.npy", "--output", tmp_path / "b.npy")
    assert np.array_equal(np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy"))


def test_names_and_folders_are_taken(made: Path, tmp_path: Path) -> None:
    """An input by its name, all outputs into a folder, and a summary as JSON; the folder is made."""
    found = json.loads(said("run", made / "small.xmodel", "--input", f"input={made / 'x.npy'}", "--output", f"{tmp_path}/new/", "--json"))
    (one,) = found["outputs"]
    assert np.load(one["file"]).shape == tuple(one["shape"])
    assert Path(one["file"]).parent == tmp_path / "new"


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    """Each input by its name, codes beside floats; all outputs into a folder, or one by its name; what is left out is named."""
    write(two_by_two(), tmp_path / "pair_int.xmodel")
    said("compile", tmp_path / "pair_int.xmodel", "--target", "B512", "-o", tmp_path / "pair.xmodel")
    codes = np.random.default_rng(0).integers(-128, 128, (3, 6, 7, 4), np.int8)
    np.save(tmp_path / "codes.npy", codes)
    np.save(tmp_path / "reals.npy", codes / 32)
    np.save(tmp_path / "one.npy", codes[:1])
    model, left, right = tmp_path / "pair.xmodel", f"left={tmp_path / 'codes.npy'}", f"right={tmp_path / 'reals.npy'}"
    found = json.loads(said("run", model, "--input", left, "--input", right, "--output", f"{tmp_path}/all/", "--json"))["outputs"]
    assert {(one["dtype"], tuple(one["shape"]), one["fix_point"]) for one in found} == {
        ("int8", (3, 6, 7, 20), 4),
        ("int8", (3, 6, 7, 3), 4),
    }
    name, place = found[1]["name"], tmp_path / "chosen.npy"
    said("run", model, "--input", left, "--input", right, "--output", f"{name}={place}", "--engine", "integer")
    assert np.array_equal(np.load(place), np.load(found[1]["file"]))
    assert "'right'" in refused("run", model, "--input", left)
    assert "say which one" in refused("run", model, "--input", tmp_path / "codes.npy")
    assert "say which one" in refused("run", model, "--input", left, "--input", right, "--output", "x.npy")
    assert "different sizes" in refused("run", model, "--input", left, "--input", f"right={tmp_path / 'one.npy'}")


def test_nothing_is_executed_for_a_place_that_is_not_there(made: Path, tmp_path: Path) -> None:
    """An output in a folder that does not exist is refused before the work, by every command, with what to do."""
    for words in (
        ("run", made / "small.xmodel", "--input", made / "x.npy", "--output"),
        ("compile", made / "small_int.xmodel", "--target", "B512", "-o"),
        ("quantize", made / "frozen.pb", "--calibration", made / "images", "-o"),
        ("latency", made / "small.xmodel", "--board", "kv260", "--timeline"),
        ("arch", "B512", "-o"),
        ("dcf", made / "frozen.pb", "-o"),
    ):
        assert "mkdir -p" in refused(*words, tmp_path / "absent" / "file.xmodel")
        if words[0] != "run":
            assert "is a folder" in refused(*words, tmp_path)


def test_strict_execution_accepts_our_program(made: Path) -> None:
    """Our programs read nothing that was never written and leave no hazard: strict execution agrees."""
    assert "int8 2 x 8 x 8 x 5" in said("run", made / "small.xmodel", "--input", made / "x.npy", "--strict")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((1, 16, 15, 3), np.int8), "N x 16 x 16 x 3"),
        (np.zeros((16, 16, 3), np.int8), "array[None]"),
        (np.zeros((1, 16, 16, 3), np.int16), "int16"),
        (np.full((1, 16, 16, 3), np.nan, np.float32), "not finite"),
    ],
)
def test_an_input_that_does_not_fit_is_named(made: Path, tmp_path: Path, array: np.ndarray, words: str) -> None:
    """Another shape, a missing batch, another type or no numbers: one message with the input's name and what it takes."""
    np.save(tmp_path / "bad.npy", array)
    message = refused("run", made / "small.xmodel", "--input", tmp_path / "bad.npy")
    assert "'input'" in message
    assert words in message


def test_files_that_are_no_arrays_are_named(made: Path, tmp_path: Path) -> None:
    """A missing file, a damaged one, and one of Python objects are each one message with the file's name."""
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "cut.npy", np.zeros(100))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-8])
    np.save(tmp_path / "objects.npy", np.array([{}, []], object), allow_pickle=True)
    for name in ("text", "cut", "objects", "absent"):
        assert f"{name}.npy" in refused("run", made / "small.xmodel", "--input", tmp_path / f"{name}.npy")


def test_unknown_names_meet_the_known_ones(made: Path) -> None:
    """A misspelt input or output is answered with what there is."""
    x = made / "x.npy"
    assert "did you mean: input" in refused("run", made / "small.xmodel", "--input", f"inputt={x}")
    assert "second" in refused("run", made / "small.xmodel", "--input", x, "--output", "nothing=a.npy")

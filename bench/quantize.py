"""net2bit's quantizer against amd-quark's XINT8, on the same network and the same calibration images.

    python bench/quantize.py [--model FLOAT.xmodel] [--data dataset.h5] [--images 16] [--eval 32] [--adaround] [--peer FOLDER]

Without --model and --data it takes those of the default experiment (`dist/default`, made by ./doitw). The peer lives in an environment
of its own, made on first use from requirements-quantize.txt (about 2 GB) in --peer. Printed are CPU seconds of one thread, from the float
file to the quantized file, imports left out, and the signal to quantization noise of the logits on images that neither has seen. Both
results are executed by the same integers (net2bit's, rounding half up), so that only the quantizers differ.
"""

import argparse
import json
import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # numpy's library reads it when it is loaded

import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout need not be installed

import onnx_form
from measure import table

from net2bit.data.packed import open_packed, scale
from net2bit.job import Job
from net2bit.quant import calibrate, equalize, quantize, rounding
from net2bit.quant.arith import Rounding, dequantize
from net2bit.quant.arith import quantize as codes_of
from net2bit.quant.executor import Executor
from net2bit.quant.floating import FloatExecutor
from net2bit.quant.lower import lower
from net2bit.quant.points import find
from net2bit.quant.quantize import fake_quantize
from net2bit.quant.snr import decibel
from net2bit.quant.strip import strip
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read

HERE = Path(__file__).resolve().parent
PEER = Path.home() / ".cache" / "net2bit" / "bench-quark"
TARGET_RATIO, TARGET_DB = 3.0, -0.1
LIMITS = {"shift_cut": [0, 16], "shift_bias_max": 15, "shift_read": [0, 7], "shift_write": [-7, 15]}
Floats = NDArray[np.float32]
Stage = tuple[Callable[[Job], None], str, tuple[str, ...]]

PLAIN: tuple[Stage, ...] = (
    (calibrate.run, "positions.json", ("float.xmodel", "dataset.h5")),
    (quantize.run, "int.xmodel", ("float.xmodel", "positions.json")),
)
REFINED: tuple[Stage, ...] = (
    (equalize.run, "float.xmodel", ("float.xmodel", "dataset.h5")),
    *PLAIN,
    (rounding.run, "int.xmodel", ("int.xmodel", "float.xmodel", "dataset.h5")),
)


@dataclass(frozen=True)
class Result:
    """A quantizer's result: CPU seconds it took, and the fake-quantized network."""

    name: str
    cpu: float
    graph: Graph


def ours(name: str, stages: Sequence[Stage], method: str, files: dict[str, Path], images: int) -> Result:
    """Run net2bit's stages as the build does, each from its files to its file."""
    rules = {"weights": "half_even", "activations": "half_up"}
    config = {"method": method, "calibration": {"images": images, "split": "train", "seed": 0}, "rounding": rules, "limits": LIMITS}
    with tempfile.TemporaryDirectory() as folder:
        known, began = dict(files), time.process_time()
        for at, (run, makes, needs) in enumerate(stages):
            made = Path(folder) / f"{at}-{makes}"
            run(Job({"quant": config}, {kind: known[kind] for kind in needs}, {makes: made}, Path(folder)))
            known[makes] = made
        return Result(name, time.process_time() - began, read(known["int.xmodel"]))


def calibration_images(files: dict[str, Path], count: int) -> Floats:
    """Return the images that net2bit calibrates on, as the network takes them."""
    chosen = calibrate.Calibration(count, "train", 0)
    return np.concatenate([batch for _, batch in chosen.open(files["dataset.h5"], count)])


def peer_python(folder: Path) -> Path:
    """Return the interpreter of the peer's environment, made where it is missing."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"making the peer's environment in {folder} ...", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements-quantize.txt"], check=True)
        (folder / "ready").touch()
    return python


def theirs(name: str, config: str, python: Path, graph: Graph, images: Floats) -> Result:
    """Run amd-quark, and take its codes and positions over."""
    with tempfile.TemporaryDirectory() as folder:
        model, out, feed = (Path(folder) / file for file in ("float.onnx", "int.onnx", "images.npy"))
        onnx_form.save(graph, model)
        np.save(feed, images)
        command = [python, HERE / "quantize_peer.py", model, feed, out, config]
        environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"amd-quark failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        cost: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return Result(name, cost["cpu"], taken_over(graph, onnx.load(out)))


def taken_over(graph: Graph, model: onnx.ModelProto) -> Graph:
    """Return the fake-quantized form of *graph* with the positions and the codes of a QDQ model made of it."""
    values = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    positions: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            name = _plain(node.input[0])
            positions.setdefault(name, round(-np.log2(float(values[node.input[1]]))))
    made = fake_quantize(graph, positions, Rounding.HALF_EVEN)
    for point in find(graph).values():
        for name in point.parameters:
            codes = values[f"{name}_quantized"]
            if codes.ndim > 1:
                codes = codes.transpose(np.argsort(onnx_form.AXES[point.type == "depthwise-conv2d"]))
            made.op(name).data = dequantize(codes, positions[name])
    return made


def _plain(name: str) -> str:
    return name.removesuffix("_quantized").removesuffix("_QuantizeLinear_Output")


def logits(graph: Graph, images: Floats) -> Floats:
    """Execute a float or (in integers) a fake-quantized network."""
    entry, batches = graph.inputs()[0].name, [images[at : at + 4] for at in range(0, len(images), 4)]
    if not graph.of_type("fix"):
        executor = FloatExecutor(graph)
        return np.concatenate([executor.run({entry: batch}).popitem()[1] for batch in batches])
    whole, positions = Executor(lower(graph)), strip(graph).positions
    found = [whole.run({entry: codes_of(batch, positions[entry])}).popitem() for batch in batches]
    return np.concatenate([dequantize(codes, positions[name]) for name, codes in found])


def sqnr(wanted: Floats, found: Floats) -> float:
    """Return the signal to noise ratio in dB."""
    noise = float(np.sum(np.square(wanted - found, dtype=np.float64)))
    return decibel(float(np.sum(np.square(wanted, dtype=np.float64))), noise) or float("inf")


def report(results: Sequence[Result], graph: Graph, images: Floats) -> None:
    """Print the figures and whether the targets are met."""
    wanted, peer = (
        logits(graph, images),
        results[-1] if len(results) == 1 else next(item for item in results if item.name.endswith("XINT8")),
    )
    base = sqnr(wanted, logits(peer.graph, images))
    rows = []
    for item in results:
        found = logits(item.graph, images)
        gain, same = sqnr(wanted, found) - base, float(np.mean(wanted.argmax(-1) == found.argmax(-1)))
        rows.append(
            [item.name, f"{item.cpu:.2f}", f"{peer.cpu / item.cpu:.1f}x", f"{base + gain:.2f}", f"{gain:+.2f}", f"{100 * same:.3f} %"]
        )
    print(table(["quantizer", "CPU s", "faster", "SQNR dB", "against peer", "argmax = float"], rows))
    print(f"targets: {TARGET_RATIO:g}x faster, SQNR {TARGET_DB:+g} dB or better; judged by net2bit's first row and its last")


def main() -> None:
    """Run all quantizers and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made = HERE.parent / "dist" / "default"
    parser.add_argument("--model", type=Path, default=made / "unet_float.xmodel")
    parser.add_argument("--data", type=Path, default=made / "dataset.h5")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--eval", type=int, default=32)
    parser.add_argument("--adaround", action="store_true", help="also amd-quark's AdaRound (minutes)")
    parser.add_argument("--peer", type=Path, default=PEER)
    given = parser.parse_args()
    files = {"float.xmodel": given.model, "dataset.h5": given.data}
    python, graph = peer_python(given.peer), read(given.model)
    torch.set_num_threads(1)
    with open_packed(given.data) as packed:
        images = scale(packed.split("val").images[: given.eval])
    feed = calibration_images(files, given.images)
    logits(graph, images[:1])  # the libraries' own start
    results = [
        ours("net2bit min_error", PLAIN, "min_error", files, given.images),
        ours("net2bit min_diffs (vendor's rule)", PLAIN, "min_diffs", files, given.images),
        ours("net2bit refined", REFINED, "min_error", files, given.images),
        theirs("amd-quark XINT8", "XINT8_QCONFIG", python, graph, feed),
    ]
    if given.adaround:
        results.append(theirs("amd-quark XINT8 + AdaRound", "XINT8_ADAROUND_QCONFIG", python, graph, feed))
    report(results, graph, images)


if __name__ == "__main__":
    main()

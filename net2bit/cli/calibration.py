"""From a frozen graph and pictures to a quantized network, in one go."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from net2bit.cli.arrays import load
from net2bit.data.pictures import fit_image, read_rgb
from net2bit.errors import DataError, ModelError, near
from net2bit.quant.arith import Rounding
from net2bit.quant.calibrate import Collector, entries
from net2bit.quant.floating import FloatExecutor
from net2bit.quant.images import batch_size
from net2bit.quant.limits import Limits
from net2bit.quant.points import find
from net2bit.quant.positions import checked
from net2bit.quant.quantize import fake_quantize, fit
from net2bit.quant.table import Table
from net2bit.xir.from_pb import read_pb
from net2bit.xir.graph import Graph, Op
from net2bit.xir.passes import STANDARD, apply
from net2bit.xir.verify import verify
from net2bit.xir.xmodel import write

SUFFIXES: Final = (".png", ".jpg", ".jpeg")
SCALINGS: Final = {"tf": (127.5, 1.0), "unit": (255.0, 0.0), "raw": (1.0, 0.0)}
"""What a byte is divided by, and what is then subtracted, to make a network input of it."""
COLOURS: Final = 3
WEIGHTS, ACTIVATIONS = Rounding.HALF_EVEN, Rounding.HALF_UP

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Choice:
    """The options of `net2bit quantize`."""

    method: str
    scaling: str
    images: int
    name: str | None


def quantized(frozen: Path, calibration: Path, output: Path, choice: Choice) -> dict[str, Any]:
    """Write the quantized network and return what is to be said about it.

    Raises:
        DataError: There are no pictures, or they do not fit the network.
        ModelError: The frozen graph is damaged, or has an operation that cannot be converted.
        QuantError: The network cannot be quantized.
    """
    graph = read_pb(frozen, choice.name or output.stem.removesuffix("_int"))
    apply(graph, STANDARD)
    table = _calibrated(graph, calibration, choice)
    positions, moves = fit(graph, table, Limits())
    made = fake_quantize(graph, positions, WEIGHTS)
    verify(made)
    write(made, output)
    return {
        "name": made.name,
        "file": str(output),
        "images": len(table.images),
        "tensors": len(positions),
        "moves": [str(move) for move in moves],
        "positions": positions,
    }


def _calibrated(graph: Graph, source: Path, choice: Choice) -> Table:
    port = _input(graph)
    collector = Collector(find(graph), checked(choice.method), ACTIVATIONS)
    executor, names = FloatExecutor(graph), list[str]()
    for part, images in _batches(source, port, choice, batch_size(graph, collector.watched)):
        collector.see(executor.run({port.name: images}, collector.watched))
        names += part
    return Table(choice.method, {}, tuple(names), "calibration", 0, entries(graph, collector, WEIGHTS))


def _input(graph: Graph) -> Op:
    inputs = graph.inputs()
    if len(inputs) != 1:
        raise ModelError(f"the network has {len(inputs)} inputs; pictures can feed one only", where=graph.name)
    return inputs[0]


def _batches(source: Path, port: Op, choice: Choice, batch: int) -> Iterator[tuple[list[str], Floats]]:
    if source.suffix == ".npy":
        array = _array(source, port)[: choice.images]
        names = [f"{source.name}[{index}]" for index in range(len(array))]
        yield from ((names[at : at + batch], array[at : at + batch]) for at in range(0, len(array), batch))
        return
    paths = _pictures(source)[: choice.images]
    for at in range(0, len(paths), batch):
        part = paths[at : at + batch]
        yield [path.name for path in part], np.stack([_scaled(path, port, choice.scaling) for path in part])


def _array(source: Path, port: Op) -> Floats:
    array = load(source)
    wanted = tuple(port.tensor.shape[1:])
    if array.shape[1:] != wanted or not len(array) or array.dtype.kind != "f":
        raise DataError(
            f"'{source.name}' holds {array.dtype} {list(array.shape)}, the network's input is float32 [N, {', '.join(map(str, wanted))}]",
            where=str(source),
            remedy="save the network's inputs as float32, the picture's index first",
        )
    return array.astype(np.float32)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(
            "there is no such folder of pictures", where=str(folder), remedy="name a folder of PNG or JPEG files, or a .npy file"
        )
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError("the folder holds no pictures", where=str(folder), remedy=f"put files ending in {', '.join(SUFFIXES)} into it")
    return found


def _scaled(path: Path, port: Op, scaling: str) -> Floats:
    height, width, channels = port.tensor.shape[1:]
    if scaling not in SCALINGS:
        raise DataError(
            f"there is no scaling '{scaling}'",
            where="--scaling",
            remedy=f"one of {', '.join(SCALINGS)}",
            suggestion=near(scaling, SCALINGS),
        )
    if channels not in (1, COLOURS):
        raise DataError(f"the network takes {channels} channels, a picture has 1 or 3", where=path.name, remedy="save inputs as .npy")
    divisor, less = (np.float32(value) for value in SCALINGS[scaling])
    image = fit_image(read_rgb(path), (height, width)).astype(np.float32)
    grey = image.mean(axis=2, keepdims=True) if channels == 1 else image
    return np.asarray(grey / divisor - less, np.float32)

"""Quantizes an ONNX model with amd-quark: run by `bench/quantize.py` in the peer's own environment.

    python quantize_peer.py MODEL.onnx IMAGES.npy OUT.onnx CONFIG

Prints one line of JSON at the end: CPU and wall seconds of the quantizing itself. Importing the package, which compiles an extension on
first use, is not counted. IMAGES is float32 NHWC.
"""

import copy
import json
import sys
import time
from collections.abc import Iterator

import numpy as np
import onnx
import quark.onnx
import torch
from onnxruntime.quantization import CalibrationDataReader


class Reader(CalibrationDataReader):
    """Feeds one image at a time."""

    def __init__(self, images: np.ndarray, name: str) -> None:
        """Take *images*, NHWC, for the input *name*."""
        self._feeds: Iterator[dict[str, np.ndarray]] = iter(
            [{name: np.ascontiguousarray(image[None].transpose(0, 3, 1, 2))} for image in images]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next image, or None."""
        return next(self._feeds, None)


def main(model: str, images: str, out: str, config: str) -> None:
    """Quantize and report."""
    torch.set_num_threads(1)
    chosen = copy.deepcopy(getattr(quark.onnx, config))
    reader = Reader(np.load(images), onnx.load(model).graph.input[0].name)
    began, wall = time.process_time(), time.perf_counter()
    quark.onnx.ModelQuantizer(chosen).quantize_model(model, out, reader)
    print("\n" + json.dumps({"cpu": time.process_time() - began, "wall": time.perf_counter() - wall}))


if __name__ == "__main__":
    main(*sys.argv[1:])

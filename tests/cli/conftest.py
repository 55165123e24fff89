"""The small network's files, made by the commands themselves, once."""

from pathlib import Path

import numpy as np
import pytest
from cli_nets import frozen, pictures, said


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `frozen.pb`, `images/`, the quantized and the compiled network, and an input `x.npy`."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "frozen.pb").write_bytes(frozen())
    images = pictures(folder / "images")
    said("quantize", folder / "frozen.pb", "--calibration", images, "-o", folder / "small_int.xmodel")
    said("compile", folder / "small_int.xmodel", "--target", "DPUCZDX8G_ISA1_B1152", "-o", folder / "small.xmodel")
    np.save(folder / "x.npy", np.random.default_rng(2).integers(-128, 128, (2, 16, 16, 3), np.int8))
    return folder

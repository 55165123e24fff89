"""PNG files to arrays and back down to the model's size; a file that cannot be used is a DataError that names it."""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from net2bit.errors import DataError

_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""Everything that Pillow is known to raise over a damaged PNG (found by feeding it thousands)."""
_WIDE = {"I", "I;16", "I;16B", "I;16L"}
"""Pillow's modes of one 16-bit channel."""


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Return a picture as uint8 [H, W, 3] RGB.

    Grey, palette and 16-bit pictures are converted (16 bits keep their upper 8); transparency is dropped.

    Raises:
        DataError: The file is missing, damaged or no picture.
    """
    image = _open(path)
    if image.mode in _WIDE:
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGBA").convert("RGB"))


def read_ids(path: Path) -> NDArray[np.uint8]:
    """Return a label picture as uint8 [H, W] of ids; a palette picture's ids are its indices.

    Raises:
        DataError: The file is missing, damaged or no picture, or holds colours where ids are expected.
    """
    image = _open(path)
    if image.mode in _WIDE and np.asarray(image).max(initial=0) <= 255:  # noqa: PLR2004 - the largest byte
        return np.asarray(image).astype(np.uint8)
    if image.mode not in {"L", "P"}:
        raise DataError(
            f"a label picture must have one 8-bit channel, but this one is {image.mode}",
            where=str(path),
            remedy="use the pictures of label ids, not those of colours",
        )
    return np.asarray(image)


def fit_image(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return *image* at *size* (height, width): by the mean over the area when it shrinks, else by bilinear interpolation."""
    height, width = size
    if image.shape[:2] == size:
        return image
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((width, height), method))


def fit_labels(labels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return *labels* at *size* (height, width), each pixel the one nearest to its middle: no id is invented."""
    if labels.shape == size:
        return labels
    rows, columns = (_nearest(have, want) for have, want in zip(labels.shape, size, strict=True))
    return np.ascontiguousarray(labels[np.ix_(rows, columns)])


def _nearest(have: int, want: int) -> NDArray[np.intp]:
    """Return, for *want* equal parts of *have* pixels, the pixel that each part's middle lies in."""
    return (np.arange(want) * 2 + 1) * have // (2 * want)


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except _DAMAGE as error:
        raise DataError(
            f"the picture cannot be read: {_reason(error)}",
            where=str(path),
            remedy="copy the file again from its source, or set dataset.on_bad_input=skip",
        ) from error


def _reason(error: Exception) -> str:
    """Return why a picture cannot be read, without its path: reports must not depend on where a data set lies."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture, or its header is damaged"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__

"""Pictures as `data:` URIs, small enough that the whole page stays below its limit."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from PIL import Image

from net2bit.errors import StageError

QUALITY = 88  # WebP; below it the edges of class maps bleed
WIDEST = 1600  # pixels
Item = TypeVar("Item")


def uri(path: Path) -> str:
    """Return the picture at *path* as a WebP `data:` URI, narrowed to at most 1600 pixels.

    Raises:
        StageError: The file is no picture.
    """
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except OSError as error:
        raise StageError(f"'{path.name}' cannot be read as a picture", where=path.name, remedy="build it again") from error
    if picture.width > WIDEST:
        picture = picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY, method=6)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def spread(paths: Sequence[Path], budget: int) -> list[tuple[Path, str]]:
    """Return pictures with their URIs, as many as *budget* characters allow: evenly spread, the first and the last always there."""
    found = [(path, uri(path)) for path in paths]
    count = len(found)
    while count > 1 and sum(len(text) for _, text in thinned(found, count)) > budget:
        count -= 1
    return thinned(found, count)


def thinned(items: Sequence[Item], count: int) -> list[Item]:
    """Return *count* of *items*, evenly spread, the last one included."""
    if count >= len(items):
        return list(items)
    if count <= 1:
        return list(items[-1:])
    return [items[round(index * (len(items) - 1) / (count - 1))] for index in range(count)]

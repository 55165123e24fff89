"""Names of points, made of what differs between them: `b512-separable_unet-width0.25`."""

import hashlib
from collections.abc import Collection, Sequence
from typing import Final

from net2bit.graph import paths
from net2bit.sweep.arguments import experiments, key_of

_DIGITS: Final = 6


def swept(points: Sequence[Sequence[str]], fixed: Collection[str]) -> tuple[str, ...]:
    """Return the keys by which *points* (overrides of each) are told apart: all but those that the sweep gives one value (*fixed*)."""
    keys = dict.fromkeys(key_of(word) for words in points for word in experiments(words))
    return tuple(key for key in keys if key not in fixed)


def label(words: Sequence[str], keys: Collection[str], taken: Collection[str], default: str) -> str:
    """Return the name of the point that *words* make: safe as a file name, and none of those *taken*.

    Args:
        words: Its overrides.
        keys: Keys by which points are told apart.
        taken: Names of other points.
        default: The name of a point that nothing tells apart.
    """
    parts = [_part(word) for word in experiments(words) if key_of(word) in keys]
    text = "-".join(parts) or default
    short = paths.slug(text)
    if short not in taken and len(text) <= paths.LABEL_LENGTH:
        return short
    digest = hashlib.sha256("\n".join(words).encode()).hexdigest()[:_DIGITS]
    return f"{short[: paths.LABEL_LENGTH - _DIGITS - 1]}-{digest}"


def _part(word: str) -> str:
    """Return the value alone for a choice of a file (`dpu=b512`), with the last part of its key for a value (`model.width=0.5`)."""
    key, value = key_of(word), word.partition("=")[2].strip("'\"")
    plain = value.strip("[]").replace(",", "x")
    if word.startswith("~"):
        return f"no-{key.rsplit('.', 1)[-1]}"
    return plain if "." not in key else f"{key.rsplit('.', 1)[-1]}{plain}"

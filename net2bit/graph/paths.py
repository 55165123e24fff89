"""Where artifacts lie: `build/<kind>/<label>-<digest8>/<file>`, and `dist/<experiment>/<file>` for the chosen ones."""

import re
from collections.abc import Callable

BUILD = "build"
DIST = "dist"
STATE = ".net2bit"
"""The folder of everything that is remembered between builds."""

PAGE = "report.html"
"""The kind whose copy in `dist/` is written by `publish` instead of linked."""

LABEL_LENGTH = 48

_FIELD = re.compile(r"\{([^{}]+)\}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._]+")


def fill(pattern: str, lookup: Callable[[str], object]) -> str:
    """Return *pattern* with each `{config.key}` replaced by what *lookup* gives for it; a list is joined with `x`."""
    if "{" not in pattern:
        return pattern
    return _FIELD.sub(lambda found: plain(lookup(found[1])), pattern)


def plain(value: object) -> str:
    """Return a config value as a short text: `128x256` for a list, `none` for null, no `.0` on a whole number."""
    if isinstance(value, list | tuple):
        return "x".join(plain(item) for item in value)
    if value is None:
        return "none"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def slug(text: str) -> str:
    """Return *text* as a folder's name: letters, digits, dots, single dashes and underscores; never empty, never hidden."""
    return _UNSAFE.sub("-", text).strip("-.")[:LABEL_LENGTH].rstrip("-.") or "x"


def artifact(kind: str, label: str, digest: str, file: str) -> str:
    """Return the path, relative to the project's root, of an artifact."""
    return f"{BUILD}/{kind}/{label}-{digest[:8]}/{file}"


def labelled(path: str) -> str:
    """Return the path of an artifact's folder up to its digest: what it has in common with its other variants of that label."""
    return path.rpartition("/")[0].rpartition("-")[0]

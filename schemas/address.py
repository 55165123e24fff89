"""Where a shared cache may lie: the forms of `cache.remote.url`, checked without any package."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

EXTRAS: Final[Mapping[str, str]] = {
    "http": "",
    "https": "",
    "file": "",
    "s3": "s3",
    "gs": "gs",
    "ssh": "ssh",
    "webdav": "webdav",
    "webdavs": "webdav",
}
"""Scheme -> the extra of this package that it needs; empty where none is."""


def fault(url: str) -> str:
    """Return what is wrong with *url* as a shared cache's address, an empty text where nothing is. It repeats no secret."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "not a URL"
    if parts.scheme not in EXTRAS or "://" not in url:
        return f"it begins with none of {', '.join(f'{name}://' for name in EXTRAS)}"
    return _secret(parts) or _place(parts)


def _secret(parts: SplitResult) -> str:
    if parts.password is not None or (parts.username and parts.scheme in {"http", "https", "webdav", "webdavs"}):
        return "it holds a user or a password: put them into NET2BIT_CACHE_AUTH as user:password, and leave them out of the URL"
    if parts.query or parts.fragment:
        return "it holds a query or a fragment, where secrets may hide: give the address alone"
    return ""


def _place(parts: SplitResult) -> str:
    if parts.scheme == "file":
        return "" if not parts.netloc and len(parts.path) > 1 else "a folder is written as file:///path/of/the/folder"
    if not parts.hostname:
        return "it names no bucket" if parts.scheme in {"s3", "gs"} else "it names no host"
    if any(part == ".." for part in parts.path.split("/")):
        return "it climbs (..)"
    return ""

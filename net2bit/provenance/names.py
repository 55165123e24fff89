"""Which relative paths may be written to disk when a stranger names them."""

import unicodedata
from collections.abc import Iterable
from typing import Final

from net2bit.provenance.errors import Untrusted

_LONGEST: Final = 255  # bytes of one name on the file systems in use
_DEEPEST: Final = 4096  # bytes of a path


def safe(path: str) -> str:
    """Return *path* where it leads nowhere but into the folder it is relative to, on every file system; a slash at its end is kept.

    Raises:
        Untrusted: It is absolute or empty, climbs (`..`), or holds a backslash, a control character, or a name that is too long.
    """
    parts = path.removesuffix("/").split("/")
    if not all(map(_plain, parts)) or len(path.encode("utf-8", "replace")) > _DEEPEST:
        raise Untrusted(f"a path that may lead astray: {path[:80]!r}")
    return path


def _plain(name: str) -> bool:
    if name in {"", ".", ".."} or "\\" in name or any(unicodedata.category(letter) in {"Cc", "Cf", "Cs"} for letter in name):
        return False
    return len(name.encode()) <= _LONGEST


def distinct(paths: Iterable[str]) -> None:
    """Refuse paths of which two are one file on a file system without case, or where a file lies in the place of a folder.

    Raises:
        Untrusted: There are such.
    """
    files: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        plain = unicodedata.normalize("NFC", path).casefold()
        if plain in files:
            raise Untrusted(f"two paths that may be one file: {path[:80]!r}")
        files.add(plain)
        folders.update(_above(plain))
    if any(path.removesuffix("/") in folders or (not path.endswith("/") and f"{path}/" in files) for path in files):
        raise Untrusted("one path is both a file and a folder")


def _above(path: str) -> Iterable[str]:
    folder = path.removesuffix("/").rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]

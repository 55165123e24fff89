"""A shared cache in a folder, a bucket, or behind ssh or WebDAV: the same names over fsspec.

Where a file system puts files whole (buckets), so does this; elsewhere a file is written under another name and moved.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

from net2bit.cache.transport import CHUNK, Missing, Readable, Refused, Stream, Unavailable
from net2bit.errors import ToolError
from schemas.address import EXTRAS

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_WHOLE: Final = frozenset({"s3", "gs"})  # what is put there appears at once, or not at all
_BLOCK: Final = 8 << 20  # bytes of one request to a bucket
_PIECE: Final = 1 << 20  # bytes that are written at once: behind each may be a journey
_FORBIDDEN: Final = ("AccessDenied", "Forbidden", "Permission", "InvalidAccessKey", "SignatureDoesNotMatch", "HostKey", "Unauthorized")


class Tree:
    """The cache below one folder of a file system."""

    def __init__(self, scheme: str, top: str, files: "AbstractFileSystem") -> None:
        """Use the folder *top* of *files*, which was found under *scheme*."""
        self._scheme = scheme
        self._top = top.rstrip("/")
        self._files = files
        self._made: set[str] = set()

    def exists(self, name: str) -> bool:
        """Return whether something lies under *name*."""
        with _told(name), suppress(Missing, FileNotFoundError):
            self._files.info(self._path(name))
            return True
        return False

    @contextmanager
    def get(self, name: str, offset: int = 0) -> Iterator[Stream]:
        """Open what lies under *name*, from *offset* on."""
        path = self._path(name)
        with _told(name):  # what goes wrong in the caller's hands is no fault of the file system's
            size = int(self._files.info(path)["size"])
            file = self._files.open(path, "rb", **self._reading())
        try:
            start = offset if offset < size else 0
            if start:
                file.seek(start)
            yield Stream(start, size, lambda: _read(name, file))
        finally:
            with suppress(Exception):  # all that was wanted was read
                file.close()

    def _reading(self) -> dict[str, Any]:
        return {"block_size": _BLOCK, "cache_type": "readahead"} if self._scheme in {"s3", "gs"} else {}

    def put(self, name: str, content: Readable, size: int) -> None:
        """Put *size* bytes under *name*."""
        try:
            self._put(name, content, size)
        except Missing:  # not the content, which is here: what it should lie in
            raise Refused("there is no such bucket or folder") from None

    def _put(self, name: str, content: Readable, size: int) -> None:
        with _told(name):
            path = self._path(name)
            if self._scheme in _WHOLE:
                self._write(path, content, size)
                return
            self._make(path.rpartition("/")[0])
            fresh = f"{path}.{uuid4().hex}.new"
            try:
                self._write(fresh, content, size)
                self._move(fresh, path)
            except BaseException:
                with suppress(Exception):
                    self._files.rm_file(fresh)
                raise

    def _write(self, path: str, content: Readable, size: int) -> None:
        if self._scheme in {"webdav", "webdavs"}:
            self._files.upload_fileobj(content, path, overwrite=True, size=size)
            return
        with self._files.open(path, "wb") as file:
            while chunk := content.read(_PIECE):
                file.write(chunk)

    def _move(self, source: str, target: str) -> None:
        if self._scheme == "file":
            os.replace(source, target)  # noqa: PTH105 - the paths are texts of fsspec's
        elif self._scheme in {"webdav", "webdavs"}:
            self._files.client.move(source, target, overwrite=True)
        else:
            self._files.mv(source, target)

    def _make(self, folder: str) -> None:
        if folder not in self._made:
            self._files.makedirs(folder, exist_ok=True)
            self._made.add(folder)

    def _path(self, name: str) -> str:
        return f"{self._top}/{name}" if self._top else name

    def close(self) -> None:
        """Close its connections, as each library does it."""
        with suppress(Exception):  # what is broken is closed, too
            if self._scheme in {"webdav", "webdavs"}:
                self._files.client.http.close()
            elif self._scheme == "s3":
                self._files.close_session(self._files.loop, self._files._s3)  # noqa: SLF001 - nothing public closes it
            elif self._scheme == "gs":
                self._files.close_session(None, self._files._session)  # noqa: SLF001 - likewise
            elif self._scheme == "ssh":
                self._files._finalize(self._files.loop, self._files._pool, self._files._stack)  # noqa: SLF001 - likewise


def open_tree(url: str, auth: str = "", timeout: float = 10.0) -> Tree:
    """Return the cache at *url*, for the schemes of `schemas.address` that are no web server's.

    Args:
        url: Where `ac/` and `cas/` lie.
        auth: `user:password` or a bearer token, for WebDAV; ssh and buckets find their own credentials.
        timeout: Seconds to wait for a connection, where the file system can be told.

    Raises:
        ToolError: A package is missing.
        Unavailable: The file system cannot be reached.
    """
    parts = urlsplit(url)
    try:
        with _told(url):
            top, files = _OPENERS[parts.scheme](parts, auth, timeout)
    except ImportError as fault:
        extra = EXTRAS.get(parts.scheme, "")
        remedy = f"install it: .venv/bin/pip install -c constraints.txt 'net2bit[{extra}]' (in the project's folder: -e '.[{extra}]')"
        raise ToolError(
            f"a cache at {parts.scheme}:// needs the package {(fault.name or '').partition('.')[0]}",
            where="cache.remote.url",
            remedy=remedy,
        ) from None
    return Tree(parts.scheme, top, files)


def _file(parts: SplitResult, _auth: str, _timeout: float) -> tuple[str, "AbstractFileSystem"]:
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415 - one scheme's package

    return parts.path, LocalFileSystem(skip_instance_cache=True)


def _s3(parts: SplitResult, _auth: str, timeout: float) -> tuple[str, "AbstractFileSystem"]:
    import s3fs  # noqa: PLC0415 - likewise

    how = {"connect_timeout": timeout, "read_timeout": timeout, "retries": {"max_attempts": 2}}
    # Digests are compared here; the library's checksums do without parts of contents, and not every maker's store knows them.
    how |= {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    files = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True, config_kwargs=how)
    return f"{parts.netloc}{parts.path}", files


def _gs(parts: SplitResult, _auth: str, timeout: float) -> tuple[str, "AbstractFileSystem"]:
    # The class of the package's own face asks what kind of bucket it is, before each request, with credentials of its own.
    from gcsfs.core import GCSFileSystem  # noqa: PLC0415 - likewise

    logging.getLogger("gcsfs").addHandler(logging.NullHandler())  # what it would write to the terminal is told in one notice
    return f"{parts.netloc}{parts.path}", GCSFileSystem(use_listings_cache=False, skip_instance_cache=True, timeout=timeout)


def _ssh(parts: SplitResult, _auth: str, timeout: float) -> tuple[str, "AbstractFileSystem"]:
    import sshfs  # noqa: PLC0415 - likewise

    # known_hosts: () stands for the user's own list; the library would trust every host otherwise.
    given: dict[str, Any] = {"port": parts.port, "username": parts.username}
    said = {name: value for name, value in given.items() if value}
    files = sshfs.SSHFileSystem(parts.hostname, known_hosts=(), connect_timeout=timeout, skip_instance_cache=True, **said)
    return parts.path, files


def _webdav(parts: SplitResult, auth: str, timeout: float) -> tuple[str, "AbstractFileSystem"]:
    from webdav4.fsspec import WebdavFileSystem  # noqa: PLC0415 - likewise

    base = f"{'https' if parts.scheme == 'webdavs' else 'http'}://{parts.netloc}{parts.path}"
    user, colon, password = auth.partition(":")
    how: dict[str, Any] = {"auth": (user, password)} if colon else {"headers": {"Authorization": f"Bearer {auth}"}} if auth else {}
    return "", WebdavFileSystem(base, timeout=timeout, skip_instance_cache=True, **how)


_OPENERS: Final[Mapping[str, Callable[[SplitResult, str, float], tuple[str, "AbstractFileSystem"]]]] = {
    "file": _file,
    "s3": _s3,
    "gs": _gs,
    "ssh": _ssh,
    "webdav": _webdav,
    "webdavs": _webdav,
}


def _read(name: str, file: BinaryIO) -> bytes:
    with _told(name):
        return file.read(CHUNK)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn whatever a file system raises into our faults: the libraries behind them have no common word for failing."""
    try:
        yield
    except (Missing, Refused, Unavailable, ImportError):
        raise
    except FileNotFoundError:
        raise Missing(name) from None
    except Exception as fault:  # noqa: BLE001 - see above; each of them ends in a rebuild and a notice
        said = f"{type(fault).__name__}: {fault}".splitlines()[0][:200]
        kind = Refused if isinstance(fault, PermissionError) or any(word in said for word in _FORBIDDEN) else Unavailable
        raise kind(said) from None

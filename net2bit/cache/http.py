"""A shared cache on a web server: GET, HEAD and PUT over connections that stay open.

Any server that takes PUT will do: nginx with its DAV module, Apache, bazel-remote, a bucket with an HTTP door. Certificates are
checked against the system's list (SSL_CERT_FILE names another). Proxies come from the environment, as for other programs.
"""

import base64
import re
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, IncompleteRead
from urllib3.util import parse_url

import net2bit
from net2bit.cache.transport import CHUNK, Missing, Readable, Refused, Stream, Unavailable

_CONNECTIONS: Final = 16
_RESIDUE: Final = 64 * 1024  # bytes of an answer nobody reads: fewer are read for the connection's sake
_JUMPS: Final = 3  # redirects that are followed
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_WRITTEN: Final = frozenset({200, 201, 202, 204})
_BUSY: Final = frozenset({408, 425, 429})
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]+/([0-9]{1,18}|\*)")
_DECORATION: Final = re.compile(r"^\[[^]]*\] | \(_ssl.*\)$")  # of OpenSSL's messages
_PART, _GONE, _NO_RANGE, _FAULT, _FULL = 206, 404, 416, 500, 507
_REASON: Final = 80  # most letters of a server's own words


class Http:
    """The cache below one URL."""

    def __init__(self, url: str, auth: str = "", timeout: float = 10.0) -> None:
        """Reach the cache at *url*; nothing is sent yet.

        Args:
            url: Where `ac/` and `cas/` lie.
            auth: `user:password`, or a bearer token; sent to this very server only.
            timeout: Seconds to wait for a connection, and for each piece of an answer.
        """
        self._url = url.rstrip("/") + "/"
        self._agent = {"User-Agent": f"net2bit/{net2bit.__version__}", "Accept-Encoding": "identity"}
        self._secret = {"Authorization": _authorization(auth)} if auth else {}
        self._origin = _origin(self._url)
        self._pool = _pool(self._url, timeout)

    def exists(self, name: str) -> bool:
        """Return whether something lies under *name*."""
        with self._answer("HEAD", name, {}) as answer:
            return int(answer.status) != _GONE

    @contextmanager
    def get(self, name: str, offset: int = 0) -> Iterator[Stream]:
        """Open what lies under *name*, from *offset* on where the server knows ranges."""
        with self._answer("GET", name, {"Range": f"bytes={offset}-"} if offset else {}) as answer:
            if answer.status == _GONE:
                raise Missing(name)
            if answer.status != _NO_RANGE:
                start, size = _extent(answer)
                yield Stream(start, size, lambda: _read(answer))
                return
            if not offset:
                raise Unavailable("it answers that there is no such part, and none was asked for")
        with self.get(name) as stream:  # what is there is shorter than what was got before
            yield stream

    def put(self, name: str, content: Readable, size: int) -> None:
        """Put *size* bytes under *name*."""
        with self._answer("PUT", name, {"Content-Length": str(size), "Content-Type": "application/octet-stream"}, content) as answer:
            if answer.status not in _WRITTEN:
                raise Refused(_said(answer))

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    @contextmanager
    def _answer(
        self, method: str, name: str, headers: Mapping[str, str], body: Readable | None = None
    ) -> "Iterator[urllib3.BaseHTTPResponse]":
        """Send a request, follow redirects where that is safe, and hand out an answer that is no fault (404 is none)."""
        with _told():  # what goes wrong in the caller's hands is no fault of the server's
            answer = self._send(method, self._url + name, headers, body)
        try:
            _check(answer)
            yield answer
        finally:
            _give_back(answer)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: Readable | None) -> urllib3.BaseHTTPResponse:
        for _ in range(_JUMPS + 1):
            secret = self._secret if _origin(url) == self._origin else {}
            answer = self._pool.urlopen(
                method, url, body=body, headers={**self._agent, **secret, **headers}, redirect=False, retries=False,
                preload_content=False, decode_content=False,
            )  # fmt: skip
            if answer.status not in _MOVED or body is not None:
                return answer
            _give_back(answer)
            url = _next(url, answer)
        raise Refused("it redirects without end")


def _pool(url: str, timeout: float) -> urllib3.PoolManager:
    how: dict[str, Any] = {"timeout": urllib3.Timeout(connect=timeout, read=timeout), "maxsize": _CONNECTIONS, "blocksize": CHUNK}
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.netloc):
        return _through(proxy, how)
    return urllib3.PoolManager(**how)


def _through(proxy: str, how: Mapping[str, Any]) -> urllib3.ProxyManager:
    """Connect by way of *proxy*, which is named with or without a scheme, a user and a password."""
    where = proxy if "://" in proxy else f"http://{proxy}"
    secret = parse_url(where).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(secret)) if secret else None
    return urllib3.ProxyManager(where, proxy_headers=headers, **how)


def _authorization(auth: str) -> str:
    if ":" in auth:
        return "Basic " + base64.b64encode(auth.encode()).decode()
    return "Bearer " + auth


def _origin(url: str) -> tuple[str | None, str | None, int]:
    """Return what a secret belongs to, as the library that will connect reads it: two readers may find two hosts in one text."""
    parts = parse_url(url)
    return parts.scheme, parts.host, parts.port or (443 if parts.scheme == "https" else 80)


def _next(url: str, answer: urllib3.BaseHTTPResponse) -> str:
    try:
        target = urljoin(url, answer.headers.get("Location", ""))
        scheme = parse_url(target).scheme
    except ValueError:
        raise Refused("it redirects to what is no address") from None
    if scheme not in {"http", "https"} or (scheme == "http" and parse_url(url).scheme == "https"):
        raise Refused("it redirects to where nothing is safe")
    return target


def _check(answer: urllib3.BaseHTTPResponse) -> None:
    status = answer.status
    if (status >= _FAULT and status != _FULL) or status in _BUSY:
        raise Unavailable(_said(answer))
    if status not in _WRITTEN | {_PART, _GONE, _NO_RANGE}:  # also where the disk is full: what lies there can be read
        raise Refused(_said(answer))


def _said(answer: urllib3.BaseHTTPResponse) -> str:
    return f"it answers {answer.status} {(answer.reason or '')[:_REASON]}".rstrip()


def _extent(answer: urllib3.BaseHTTPResponse) -> tuple[int, int | None]:
    """Return where an answer begins in the content, and how long the whole content is."""
    length = answer.headers.get("Content-Length", "")
    if answer.status != _PART:
        return 0, int(length) if _LENGTH.fullmatch(length) else None
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if found is None:
        raise Unavailable("it answers with a part of something")
    return int(found[1]), int(found[2]) if found[2] != "*" else None


def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
    with _told():
        return answer.read1(CHUNK)


def _give_back(answer: urllib3.BaseHTTPResponse) -> None:
    """Keep the connection where little is left of the answer; close it otherwise."""
    left = getattr(answer, "length_remaining", None)
    if left is None or left > _RESIDUE:
        answer.close()
        return
    answer.drain_conn()
    answer.release_conn()


@contextmanager
def _told() -> Iterator[None]:
    """Turn the library's faults into ours; none of them repeats a header."""
    try:
        yield
    except (HTTPError, OSError) as fault:
        raise Unavailable(_words(fault)) from None


def _words(fault: BaseException) -> str:
    """Return the innermost reason of a fault in one line."""
    while inner := next((one for one in (getattr(fault, "reason", None), *fault.args) if isinstance(one, BaseException)), None):
        fault = inner
    if isinstance(fault, IncompleteRead):
        return "it breaks off"
    text = str(fault).rpartition(": ")[2] if isinstance(fault, HTTPError) else getattr(fault, "strerror", None) or str(fault)
    return _DECORATION.sub("", str(text or type(fault).__name__).splitlines()[0])[:200]

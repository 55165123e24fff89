"""Servers that do what servers should not: small programs over sockets, one behaviour each."""

import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

CHUNK: Final = 16_384


@dataclass
class Request:
    """A request that was read."""

    method: str
    path: str
    offset: int
    head: str = ""


@dataclass
class Bad:
    """A web server for the files below *top* whose answers *behave* sends.

    Attributes:
        top: The folder with `ac` and `cas`.
        behave: Receives the server, the connection, the request and the file's content (empty where there is none).
        requests: All requests so far.
        over: Set when the server is closed: who waits for nothing waits for that.
    """

    top: Path
    behave: "Callable[[Bad, socket.socket, Request, bytes], None]"
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Listen."""
        self._door = socket.create_server(("127.0.0.1", 0))
        self._port = self._door.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)
        return self

    def __exit__(self, *_fault: object) -> None:
        """End every connection."""
        self.over.set()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for thread in self._threads:
            thread.join(30)

    @property
    def url(self) -> str:
        """Where the cache lies."""
        return f"http://127.0.0.1:{self._port}"

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(30)
            head = b""
            while b"\r\n\r\n" not in head:
                more = connection.recv(CHUNK)
                if not more:
                    return
                head += more
            method, path = head.decode("latin-1").split(" ", 2)[:2]
            start = re.search(rb"Range: bytes=(\d+)-", head)
            request = Request(method, path, int(start[1]) if start else 0, head.decode("latin-1"))
            self.requests.append(request)
            file = self.top / path.lstrip("/")
            self.behave(self, connection, request, file.read_bytes() if file.is_file() else b"")


def head(status: str = "200 OK", **fields: object) -> bytes:
    """Return the head of an answer that ends its connection; fields are written with underscores."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *lines, "", ""]).encode()


def good(_server: Bad, connection: socket.socket, request: Request, content: bytes) -> None:
    """Answer as a server should."""
    if not content:
        connection.sendall(head("404 Not Found", Content_Length=0))
        return
    rest = content[request.offset :]
    where = {"Content_Range": f"bytes {request.offset}-{len(content) - 1}/{len(content)}"} if request.offset else {}
    connection.sendall(head("206 Partial Content" if request.offset else "200 OK", Content_Length=len(rest), **where))
    if request.method == "GET":
        connection.sendall(rest)


def contents_only(behave: Callable[[Bad, socket.socket, Request, bytes], None]) -> Callable[[Bad, socket.socket, Request, bytes], None]:
    """Return a server that is good but for what lies under `/cas`."""

    def chosen(server: Bad, connection: socket.socket, request: Request, content: bytes) -> None:
        (behave if request.path.startswith("/cas/") else good)(server, connection, request, content)

    return chosen


def silent(server: Bad, _connection: socket.socket, _request: Request, _content: bytes) -> None:
    """Never answer."""
    server.over.wait()


def dripping(server: Bad, connection: socket.socket, _request: Request, content: bytes) -> None:
    """Send a byte now and then."""
    connection.sendall(head(Content_Length=len(content)))
    for at in range(len(content)):
        connection.sendall(content[at : at + 1])
        if server.over.wait(0.1):
            return


def dripping_head(server: Bad, connection: socket.socket, _request: Request, _content: bytes) -> None:
    """Send a byte of the head now and then."""
    for byte in head(X="y" * 10_000):
        connection.sendall(bytes([byte]))
        if server.over.wait(0.1):
            return


def stalling(server: Bad, connection: socket.socket, request: Request, content: bytes) -> None:
    """Send half, then nothing, and leave the connection open."""
    if request.method == "HEAD" or len(content) < 2 * CHUNK:
        good(server, connection, request, content)
        return
    connection.sendall(head(Content_Length=len(content)) + content[: len(content) // 2])
    server.over.wait()


def cutting(_server: Bad, connection: socket.socket, _request: Request, content: bytes) -> None:
    """Close the connection in the middle."""
    connection.sendall(head(Content_Length=len(content)) + content[: len(content) // 2])


def resetting(_server: Bad, connection: socket.socket, _request: Request, content: bytes) -> None:
    """Reset the connection in the middle."""
    connection.sendall(head(Content_Length=len(content)) + content[: len(content) // 2])
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def understating(_server: Bad, connection: socket.socket, _request: Request, content: bytes) -> None:
    """Say that there is less than there is."""
    connection.sendall(head(Content_Length=len(content) // 2) + content)


def overstating(_server: Bad, connection: socket.socket, _request: Request, content: bytes) -> None:
    """Say that there is more than there is, and send it."""
    connection.sendall(head(Content_Length=len(content) + 1000) + content + bytes(1000))


def boasting(_server: Bad, connection: socket.socket, _request: Request, _content: bytes) -> None:
    """Say that there is more than any disk holds."""
    connection.sendall(head(Content_Length=10**18))


def endless(server: Bad, connection: socket.socket, _request: Request, content: bytes) -> None:
    """Say nothing about the length, and never stop."""
    connection.sendall(head() + content)
    while not server.over.is_set():
        connection.sendall(bytes(CHUNK))


def faulty(_server: Bad, connection: socket.socket, _request: Request, _content: bytes) -> None:
    """Be at fault."""
    connection.sendall(head("500 Internal Server Error", Content_Length=0))


def changed(_server: Bad, connection: socket.socket, _request: Request, content: bytes) -> None:
    """Send something else of the same length."""
    connection.sendall(head(Content_Length=len(content)) + bytes(len(content)))


def garbled(_server: Bad, connection: socket.socket, _request: Request, _content: bytes) -> None:
    """Speak something else than HTTP."""
    connection.sendall(b"\x16\x03\x01 220 smtp ready\r\n" * 100)


def absent(_server: Bad, _connection: socket.socket, _request: Request, _content: bytes) -> None:
    """Close the connection without a word."""


def elsewhere(_server: Bad, connection: socket.socket, request: Request, content: bytes) -> None:
    """Answer every request with a part from somewhere else."""
    connection.sendall(
        head("206 Partial Content", Content_Length=10, Content_Range=f"bytes {request.offset + 7}-{request.offset + 16}/{len(content)}")
    )
    connection.sendall(bytes(10))


def tearing(_server: Bad, connection: socket.socket, request: Request, content: bytes) -> None:
    """Send a third of the whole at a time, and close; ranges are known."""
    rest = content[request.offset :]
    where = {"Content_Range": f"bytes {request.offset}-{len(content) - 1}/{len(content)}"} if request.offset else {}
    connection.sendall(head("206 Partial Content" if request.offset else "200 OK", Content_Length=len(rest), **where))
    connection.sendall(rest[: len(content) // 3 + 1])

"""What the transfers of the shared cache are compared with: `cp`, `curl` and `sha256sum`, and the least that a verified transfer can take.

Nothing is removed between two measurements: ext4 makes files up to thirty times slower for minutes after thousands were removed.
"""

import hashlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_CHUNK = 1 << 18  # bytes


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that *work* takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def away(path: Path) -> None:
    """Put *path* out of sight, until all is measured."""
    if path.exists():
        path.rename(path.with_name(f"gone-{os.urandom(8).hex()}"))


def copied(source: Path, target: Path) -> float:
    """Return the seconds of `cp -r`, as a program of its own."""
    return _commands(target, ["/bin/cp", "-r", str(source), str(target)])


def synced(source: Path, target: Path) -> float:
    """Return the seconds of `cp -r` and of writing through to the disk."""
    return _commands(target, ["/bin/cp", "-r", str(source), str(target)], ["/bin/sync", "-f", str(target)])


def curled(url: str, target: Path) -> float:
    """Return the seconds of what a person does by hand: `curl`, then `sha256sum`."""
    return _commands(target, ["curl", "-sf", "-o", str(target), url], ["sha256sum", str(target)])


def _commands(target: Path, *commands: list[str]) -> float:
    def run() -> None:
        for command in commands:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    seconds = timed(run)
    away(target)
    return seconds


def least(port: int, path: str, size: int, target: Path) -> float:
    """Return the seconds of a transfer that only receives, hashes and writes, each half in a thread of its own.

    No cache can check a SHA-256 so: two halves have two digests.
    """

    def both() -> None:
        fd = os.open(target, os.O_RDWR | os.O_CREAT, 0o600)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda part: _bring(fd, _pieces(port, path, *part), part[0]), [(0, size // 2), (size // 2, size)]))
        os.close(fd)

    seconds = timed(both)
    away(target)
    return seconds


def _bring(fd: int, pieces: Iterator[memoryview], at: int) -> str:
    """Hash *pieces* and write them from the offset *at* on."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        os.pwrite(fd, piece, at)
        at += len(piece)
    return digest.hexdigest()


def _pieces(port: int, path: str, first: int, end: int) -> Iterator[memoryview]:
    """Yield the bytes from *first* to *end* of what lies at *path*, as they come; a piece is gone when the next one is asked for."""
    buffer, head = memoryview(bytearray(_CHUNK)), b""
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes={first}-{end - 1}\r\n\r\n".encode())
        while b"\r\n\r\n" not in head:
            head += wire.recv(_CHUNK)
        body = head.partition(b"\r\n\r\n")[2]
        yield memoryview(body)
        left = end - first - len(body)
        while left > 0 and (count := wire.recv_into(buffer)):
            left -= count
            yield buffer[:count]
    if left:
        raise SystemExit(f"{path} broke off")

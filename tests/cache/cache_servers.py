"""Real servers for the tests of the shared cache: plain processes on free ports, ended with the test."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SECRET = "ci:open sesame"  # noqa: S105 - of a server that lives as long as a test
_LONG = 60  # seconds: nothing here takes that long on the slowest machine

NGINX = """
{modules}
{user}
daemon off;
worker_processes 2;
pid {top}/nginx.pid;
error_log {top}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {top}/access.log;
    proxy_temp_path {top}/proxy;
    fastcgi_temp_path {top}/fastcgi;
    uwsgi_temp_path {top}/uwsgi;
    scgi_temp_path {top}/scgi;
    {servers}
}}
"""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def program(name: str) -> str:
    """Return the path of *name*; the test is skipped where it is not installed."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", str(PROJECT / ".venv/bin")]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextmanager
def running(command: Sequence[str], port: int, log: Path, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends, and wait until it listens on *port*."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env)
    try:
        _await(process, port, log)
        yield process
    finally:
        process.terminate()
        process.wait(_LONG)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _LONG
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(log.read_text(errors="replace"))


@dataclass
class Nginx:
    """A web server that runs as the how-to page says."""

    top: Path
    port: int

    @property
    def url(self) -> str:
        """Where the cache lies."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def files(self) -> Path:
        """The folder that it serves."""
        return self.top / "srv"

    def names(self, folder: str) -> set[str]:
        """Return the names of what lies in `ac` or `cas`."""
        return {path.name for path in (self.files / folder).glob("*")}

    def requests(self) -> list[tuple[str, str, int]]:
        """Return (method, path, status) of every request so far."""
        found = re.findall(r'"(\w+) (\S+) HTTP/1.1" (\d+)', (self.top / "access.log").read_text())
        return [(method, path, int(status)) for method, path, status in found]


def documented() -> str:
    """Return the nginx configuration of docs/how-to/cache.md."""
    text = (PROJECT / "docs/how-to/cache.md").read_text()
    found = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@contextmanager
def nginx(
    top: Path, *, change: Mapping[str, str] | None = None, more: str = "", modules: Sequence[Path] = (), flags: str = ""
) -> Iterator[Nginx]:
    """Run nginx with the documented configuration, its places moved into *top*; *change* replaces words, *more* adds servers.

    *modules* are loaded; *flags* stand behind the port (`ssl`).
    """
    command = program("nginx")
    port = free_port()
    server = Nginx(top, port)
    server.files.mkdir(parents=True)
    user, _, password = SECRET.partition(":")
    (top / "htpasswd").write_text(f"{user}:{{PLAIN}}{password}\n")
    text = documented()
    places = {
        "listen 8080": f"listen 127.0.0.1:{port} {flags}",
        "/srv/net2bit-cache": str(server.files),
        "/etc/nginx/net2bit.htpasswd": f"{top}/htpasswd",
    }
    for old, new in {**(change or {}), **places}.items():
        assert old in text, old
        text = text.replace(old, new)
    (top / "nginx.conf").write_text(
        NGINX.format(
            modules="".join(f"load_module {path};" for path in modules),
            user="user root;" if os.geteuid() == 0 else "",
            top=top,
            servers=text + more,
        )
    )
    with running([command, "-p", str(top), "-e", f"{top}/error.log", "-c", f"{top}/nginx.conf"], port, top / "nginx.log"):
        yield server

"""The same two trees behind every kind of address, each on a real server."""

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cache_google import buckets, environment
from cache_project import Tree, client, fetch, open_settings, stage
from cache_servers import SECRET, free_port, nginx, program, running

from net2bit.cache.settings import AUTH
from net2bit.errors import ToolError

SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {top}/host
AuthorizedKeysFile {top}/authorized
PidFile {top}/pid
PasswordAuthentication no
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
"""


@dataclass
class Place:
    """Where a cache lies, and what the environment must say for it."""

    url: str
    good: Mapping[str, str] = field(default_factory=dict)
    bad: Mapping[str, str] | None = None
    why: str = ""


@contextmanager
def _folder(top: Path) -> Iterator[Place]:
    yield Place(f"file://{top}/remote")


@contextmanager
def _ssh(top: Path) -> Iterator[Place]:
    pytest.importorskip("sshfs")
    daemon, keygen, port = program("sshd"), program("ssh-keygen"), free_port()
    home, stranger = top / "home", top / "stranger"
    for folder in (home / ".ssh", stranger / ".ssh"):
        folder.mkdir(parents=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    for name in (top / "host", home / ".ssh/id_ed25519"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(name)], check=True)
    shutil.copy(home / ".ssh/id_ed25519.pub", top / "authorized")
    shutil.copy(home / ".ssh/id_ed25519", stranger / ".ssh/id_ed25519")
    kind, key = (top / "host.pub").read_text().split()[:2]
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    (top / "sshd.conf").write_text(SSHD.format(port=port, top=top))
    with running([daemon, "-D", "-e", "-f", str(top / "sshd.conf")], port, top / "sshd.log"):
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{top}/remote"
        yield Place(url, {"HOME": str(home)}, {"HOME": str(stranger)}, "ost key")


@contextmanager
def _s3(top: Path) -> Iterator[Place]:
    pytest.importorskip("s3fs")
    port = free_port()
    (top / "buckets/bucket").mkdir(parents=True)
    command = [program("rclone"), "serve", "s3", "--config", str(top / "rclone.conf"), "--addr", f"127.0.0.1:{port}"]
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "a secret", "AWS_DEFAULT_REGION": "us-east-1"}
    with running([*command, "--auth-key", "key,a secret", str(top / "buckets")], port, top / "s3.log"):
        keys["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
        yield Place("s3://bucket/net2bit", keys, keys | {"AWS_SECRET_ACCESS_KEY": "another"}, "denied|Forbidden|Signature|403")


@contextmanager
def _gs(top: Path) -> Iterator[Place]:
    with buckets(top) as server:
        yield Place("gs://bucket/net2bit", environment(server.url))


@contextmanager
def _webdav(top: Path) -> Iterator[Place]:
    pytest.importorskip("webdav4")
    module = Path("/usr/lib/nginx/modules/ngx_http_dav_ext_module.so")
    if not module.exists():
        pytest.skip("nginx's module dav-ext is not installed")
    port = free_port()
    (top / "dav/net2bit").mkdir(parents=True)
    more = (
        f"server {{ listen 127.0.0.1:{port}; root {top}/dav; client_max_body_size 0; location / {{ dav_methods PUT DELETE MKCOL COPY MOVE;"
        f" dav_ext_methods PROPFIND; create_full_put_path on; auth_basic dav; auth_basic_user_file {top}/nginx/htpasswd; }} }}"
    )
    with nginx(top / "nginx", more=more, modules=[module]):
        yield Place(f"webdav://127.0.0.1:{port}/net2bit", {AUTH: SECRET}, {AUTH: "ci:wrong"}, "401|Unauthorized")


PLACES = {"file": _folder, "ssh": _ssh, "s3": _s3, "gs": _gs, "webdav": _webdav}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Run the server of one kind of address."""
    with ExitStack() as stack:
        yield stack.enter_context(PLACES[request.param](tmp_path))


def test_sent_and_restored(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one machine has sent another restores, byte for byte."""
    for name, value in place.good.items():
        monkeypatch.setenv(name, value)
    first, second = Tree(tmp_path / "a", open_settings(place.url)), Tree(tmp_path / "b", open_settings(place.url, mode="read"))
    assert first.build().how == "ran"
    *waiting, sent = first.notices
    assert sent.startswith("sent 1 result to ")
    assert all(notice.startswith("sending ") for notice in waiting)
    assert second.build().how == "restored", second.notices
    assert second.content() == first.content()
    assert not list(tmp_path.rglob("*.new"))


def test_a_broken_transfer_is_continued(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece that is here already is not read again."""
    for name, value in place.good.items():
        monkeypatch.setenv(name, value)
    tree = Tree(tmp_path / "a", open_settings(place.url))
    tree.build()
    content = (tree.root / "build/net.bin").read_bytes()
    first = client(place.url, notices := [])
    found = fetch(first, tree.key(), tmp_path / "arrivals")
    assert found
    arrived = tmp_path / "arrivals" / next(one.digest for one in found.statement.outputs if not one.tree)
    arrived.unlink()
    arrived.with_name(f"{arrived.name}.part").write_bytes(content[:150_000])
    offsets: list[int] = []
    transport = first._reach()
    read = transport.get
    monkeypatch.setattr(transport, "get", lambda name, offset=0: offsets.append(offset) or read(name, offset))
    assert fetch(first, tree.key(), tmp_path / "arrivals"), notices
    assert 150_000 in offsets
    assert arrived.read_bytes() == content
    first.close()


def test_wrong_credentials(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not come in builds everything, after one notice that tells no secret; a host that is not known is not trusted."""
    if place.bad is None:
        pytest.skip("neither a folder nor the stand-in for Google's store asks for credentials")
    for name, value in place.bad.items():
        monkeypatch.setenv(name, value)
    tree = Tree(tmp_path / "a", open_settings(place.url, retries=0))
    assert tree.build().how == "ran"
    assert len(tree.notices) == 1
    assert not {"another", "wrong", "secret"} & set(tree.notices[0].split())
    assert re.search(place.why, tree.notices[0]), tree.notices


@pytest.mark.parametrize("scheme", ["http", "ssh", "s3", "gs", "webdav"])
def test_a_silent_server(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of any kind that takes the connection and says nothing holds up no build, neither by reading nor by writing."""
    pytest.importorskip({"http": "urllib3", "ssh": "sshfs", "s3": "s3fs", "gs": "gcsfs", "webdav": "webdav4"}[scheme])
    with socket.create_server(("127.0.0.1", 0)) as door:
        host = f"127.0.0.1:{door.getsockname()[1]}"
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": f"http://{host}"}
        for name, value in {**keys, **environment(f"http://{host}")}.items():
            monkeypatch.setenv(name, value)
        url = f"{scheme}://bucket" if scheme in {"s3", "gs"} else f"{scheme}://{host}/x"
        for mode in ("read", "write"):
            tree = Tree(tmp_path / mode, open_settings(url, mode=mode, timeout=1.0, retries=0))
            assert tree.build().how == "ran"
            assert len(tree.notices) == 1
            assert "is left out of this build" in tree.notices[0]


def test_a_read_only_folder(tmp_path: Path) -> None:
    """A folder that cannot be written is one that only reads."""
    remote = tmp_path / "remote"
    Tree(tmp_path / "a", open_settings(f"file://{remote}")).build()
    tree = Tree(tmp_path / "b", open_settings(f"file://{remote}"))
    (remote / "ac").rename(remote / "old")
    (remote / "ac").write_text("in the way")
    assert tree.build(stage(word="b")).how == "ran"
    assert len(tree.notices) == 1


@pytest.mark.parametrize(
    ("scheme", "package", "extra"), [("s3", "s3fs", "s3"), ("ssh", "sshfs", "ssh"), ("webdav", "webdav4", "webdav"), ("gs", "gcsfs", "gs")]
)
def test_a_missing_package(scheme: str, package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package for an address is not installed, the message says how to install it."""
    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ToolError) as caught:
        fetch(client(f"{scheme}://host/bucket", []), "0" * 64, tmp_path)
    assert f"needs the package {package}" in caught.value.what
    assert f"net2bit[{extra}]" in caught.value.remedy

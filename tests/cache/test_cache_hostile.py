"""Servers that attack the client rather than the content: heads that no parser likes, redirects that confuse two of them."""

import gc
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import cache_bad as bad
import pytest
import urllib3
from cache_bad import Bad, Request, contents_only
from cache_project import Tree, client, fetch, open_settings, published, stage
from cache_servers import SECRET

from net2bit.cache import bundle, entry, wire
from net2bit.cache.http import Http, _next
from net2bit.cache.settings import AUTH
from net2bit.cache.transport import Refused
from net2bit.errors import ConfigError

# urllib3 leaves the socket of an answer whose head it cannot read to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
NAME = "cas/" + "a" * 64
Behave = Callable[[Bad, socket.socket, Request, bytes], None]


@pytest.fixture(autouse=True)
def _swept() -> Iterator[None]:
    """Leave nothing to be collected within another test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree whose result lies in a folder in the layout of the shared cache."""
    return published(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def offered(honest: Tree) -> Path:
    """The folder with that result."""
    return honest.root.parent / "remote"


def answering(status: str, **fields: object) -> Behave:
    """Return a server that answers everything with this head, and no content."""

    def behave(_server: Bad, connection: socket.socket, _request: Request, _content: bytes) -> None:
        connection.sendall(bad.head(status, **fields))

    return behave


def never_satisfied(_server: Bad, connection: socket.socket, _request: Request, _content: bytes) -> None:
    """Say to every request that its range cannot be had, also to those without a range."""
    connection.sendall(bad.head("416 Range Not Satisfiable", Content_Length=0))


def continuing(server: Bad, connection: socket.socket, _request: Request, _content: bytes) -> None:
    """Say that the answer goes on, for ever."""
    while not server.over.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


HEADS = {
    "a length of 5000 digits": answering("200 OK", Content_Length="9" * 5000),
    "a negative length": answering("200 OK", Content_Length="-1"),
    "two lengths": answering("200 OK", Content_Length="5, 6"),
    "a range of 5000 digits": answering("206 Partial Content", Content_Range=f"bytes {'9' * 5000}-9/{'9' * 5000}", Content_Length=1),
    "a range that ends before it begins": answering("206 Partial Content", Content_Range="bytes 9-3/4", Content_Length=0),
    "a range never to be had": never_satisfied,
    "a redirect to half an address": answering("302 Found", Location="http://[", Content_Length=0),
    "a redirect to a port that is none": answering("302 Found", Location="http://127.0.0.1:99999999/", Content_Length=0),
    "a redirect to no host": answering("302 Found", Location="http:///x", Content_Length=0),
    "a redirect without a place": answering("302 Found", Content_Length=0),
    "a redirect to a name of one letter, 70,000 times": answering("302 Found", Location="http://" + "a" * 60_000, Content_Length=0),
    "a redirect with a letter that no host has": answering("302 Found", Location="http://\xe9\xff..\x7f/", Content_Length=0),
    "300 fields": answering("200 OK", **{f"X{number}": number for number in range(300)}),
    "a field of a million letters": answering("200 OK", X="y" * 1_000_000),
    "a reason of 60,000 letters": answering("500 " + "no" * 30_000, Content_Length=0),
    "a status that is none": answering("999999999999999999999 OK"),
    "chunks of no length": answering("200 OK", Transfer_Encoding="chunked"),
    "compressed by nobody": answering("200 OK", Content_Encoding="gzip", Content_Length=0),
    "never an end of beginnings": continuing,
}


@pytest.mark.parametrize("where", ["all", "contents"])
@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_no_parser_likes(name: str, where: str, offered: Path, honest: Tree, tmp_path: Path) -> None:
    """Whatever an answer's head says, the right result is built, after at most one notice, of a bearable length."""
    behave = HEADS[name] if where == "all" else contents_only(HEADS[name])
    with Bad(offered, behave) as server:
        tree = Tree(tmp_path / "tree", open_settings(server.url, mode="read", timeout=1.0, retries=1))
        assert tree.build().how == "ran"
    assert tree.content() == honest.content()
    assert len(tree.notices) <= 1  # none where it all looks like a content that is not there
    assert len("".join(tree.notices)) < 300
    assert "not understood" not in "".join(tree.notices)  # each is foreseen
    assert tree.leftovers() == []


@pytest.mark.parametrize("name", HEADS)
def test_a_question_to_it(name: str, offered: Path, tmp_path: Path) -> None:
    """A dry run that asks such a server goes on, too."""
    with Bad(offered, HEADS[name]) as server:
        tree = Tree(tmp_path / "tree", open_settings(server.url, mode="read", timeout=1.0, retries=0))
        with tree.store() as store:
            assert store.restorable(stage(), tree.key()) in {True, False}


def test_a_redirect_that_two_parsers_read_differently(tmp_path: Path) -> None:
    """The password goes to nobody whose address only looks like the server's own."""
    with Bad(tmp_path, answering("404 Not Found", Content_Length=0)) as far:

        def near(server: Bad, connection: socket.socket, request: Request, _content: bytes) -> None:
            own = server.url.removeprefix("http://")
            connection.sendall(bad.head("302 Found", Location=f"{far.url}\\@{own}{request.path}", Content_Length=0))

        with Bad(tmp_path, near) as server:
            transport = Http(server.url, SECRET)
            assert not transport.exists(NAME)
            transport.close()
    assert ["Authorization" in one.head for one in server.requests + far.requests] == [True, False]


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "hTTps"])
def test_a_redirect_out_of_encryption(scheme: str) -> None:
    """No way of writing it leads from https to http."""
    answer = urllib3.HTTPResponse(headers={"Location": "http://elsewhere/"}, status=302)
    with pytest.raises(Refused, match="nothing is safe"):
        _next(f"{scheme}://here/", answer)


def test_a_server_without_room_is_still_read(offered: Path, honest: Tree, tmp_path: Path) -> None:
    """A disk that is full, on the other side, ends the sending and not the reading."""

    def full(server: Bad, connection: socket.socket, request: Request, content: bytes) -> None:
        if request.method == "PUT":
            connection.sendall(bad.head("507 Insufficient Storage", Content_Length=0))
        else:
            bad.good(server, connection, request, content)

    with Bad(offered, full) as server:
        tree = Tree(tmp_path / "tree", open_settings(server.url))
        with tree.store() as store:
            assert store.build(stage(word="new")).how == "ran"
        with tree.store() as store:
            assert store.build(stage()).how == "restored"
    assert tree.content() == honest.content()
    said = [notice for notice in tree.notices if not notice.startswith("sending ")]
    assert said == [f"nothing is sent to the shared cache {server.url}: it answers 507 Insufficient Storage"]


def test_a_server_that_writes_the_entry_anew(offered: Path, honest: Tree, tmp_path: Path) -> None:
    """bazel-remote decodes an entry, adds its worker, and encodes it: protobuf then leaves out the content of an empty file."""

    def anew(server: Bad, connection: socket.socket, request: Request, content: bytes) -> None:
        if request.path.startswith("/ac/") and content:
            files = [replace(one, contents=one.contents or None) for one in wire.decode(content)]
            content = wire.encode(files) + b"\x4a\x08\x0a\x06worker"
        bad.good(server, connection, request, content)

    with Bad(offered, anew) as server:
        tree = Tree(tmp_path / "tree", open_settings(server.url, mode="read"))
        assert tree.build().how == "restored"
    assert tree.content() == honest.content()
    assert tree.notices == []
    assert sha256(b"").hexdigest() not in {Path(one.path).name for one in server.requests}


@pytest.mark.parametrize(
    "auth", ["sesame\nX-Evil: 1", "ci:sesame\r\nX-Evil: 1", "s\xe9same", "sesame\udcff", "ci:sesame\udcff", "ses\x00ame"]
)
def test_a_secret_that_no_header_carries(auth: str) -> None:
    """A password or token of several lines, or of no letters, is refused before it is used, and not repeated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.environ", {AUTH: auth})
        with pytest.raises(ConfigError) as caught:
            client("http://127.0.0.1:1", [])
    assert caught.value.where == AUTH
    assert "same" not in str(caught.value)


def test_a_fault_that_nobody_thought_of(honest: Tree, tmp_path: Path) -> None:
    """Also what no part of the client foresees ends in one notice, which repeats nothing that the library says."""

    def broken(*_given: object) -> bool:
        raise ZeroDivisionError("sesame")

    notices: list[str] = []
    remote = client("http://127.0.0.1:1", notices, mode="read")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Http, "get", broken)
        patch.setattr(Http, "exists", broken)
        assert fetch(remote, honest.key(), tmp_path) is None
        assert "ZeroDivisionError" in remote.reachable()
        assert not client("http://127.0.0.1:1", notices).has(honest.key())
    remote.close()
    assert [("ZeroDivisionError" in notice, "sesame" in notice) for notice in notices] == [(True, False)] * 2


def test_a_product_called_bundles() -> None:
    """A small product may have any plain name: it is not read as a list of the client's own."""
    content = b"some words"
    digest = sha256(content).hexdigest()
    source = entry.Source("bundles", Path("bundles"), digest, executable=False, seal=(0, len(content), 0))
    assert bundle.listed(wire.decode(entry.message([source], {digest: content}, [], b"{}"))) == []


@pytest.mark.parametrize("form", ["http://us%40er:pass%3Aword@{}", "us%40er:pass%3Aword@{}"])
def test_a_proxy_with_a_password(form: str, offered: Path, honest: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy is named as for other programs, with or without a scheme; its password goes to it, and into no notice."""
    with Bad(offered, bad.faulty) as proxy:
        monkeypatch.setenv("http_proxy", form.format(proxy.url.removeprefix("http://")))
        tree = Tree(tmp_path / "tree", open_settings("http://cache.example.org/net2bit", mode="read", retries=0))
        assert tree.build().how == "ran"
    (request,) = proxy.requests
    assert request.path.startswith("http://cache.example.org/net2bit/ac/")
    assert f"Proxy-Authorization: Basic {b64encode(b'us@er:pass:word').decode()}".lower() in request.head.lower()
    assert tree.content() == honest.content()
    assert tree.notices == [
        "the shared cache http://cache.example.org/net2bit is left out of this build: it answers 500 Internal Server Error"
    ]


@pytest.mark.parametrize("proxy", ["ftp://127.0.0.1:1", "http://", "http://127.0.0.1:99999999", "http://user:sesame@127.0.0.1:1", "::"])
def test_a_proxy_that_is_none(proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's address that is none, or where nobody listens, costs one notice without its password."""
    monkeypatch.setenv("http_proxy", proxy)
    tree = Tree(tmp_path / "tree", open_settings("http://cache.example.org/net2bit", mode="read", retries=0))
    assert tree.build().how == "ran"
    assert len(tree.notices) == 1
    assert "sesame" not in tree.notices[0]

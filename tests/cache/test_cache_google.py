"""What is Google's own about a cache in its store: several pieces, buckets that are not there or only read, a library that talks."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from cache_google import Buckets, buckets, environment
from cache_project import Tree, in_process, open_settings, stage
from cache_servers import free_port, nginx

from net2bit.cache.transport import Missing, Transport
from net2bit.cache.tree import open_tree

NAME = "cas/" + "a" * 64


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    """Run the store, and make it the one that Google's libraries talk to."""
    with buckets(tmp_path) as server:
        for name, value in environment(server.url).items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def transport(store: Buckets) -> Iterator[Transport]:
    """Open a cache in the store's bucket."""
    del store
    found = open_tree("gs://bucket/net2bit")
    yield found
    found.close()


def _read(transport: Transport, offset: int = 0) -> tuple[int, int | None, bytes]:
    with transport.get(NAME, offset) as stream:
        return stream.offset, stream.size, b"".join(iter(stream.read, b""))


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # of aiohttp's, about a loop that does nothing else
@pytest.mark.parametrize("size", [0, 10, 9_000_001])
def test_what_was_put_is_there(transport: Transport, size: int) -> None:
    """Contents of no byte, of some, and of more than one piece come back whole, and in place of what lay there before."""
    content = bytes(range(251)) * (size // 251 + 1)
    transport.put(NAME, io.BytesIO(b"before"), 6)
    transport.put(NAME, io.BytesIO(content[:size]), size)
    assert transport.exists(NAME)
    assert _read(transport) == (0, size, content[:size])


def test_from_an_offset(transport: Transport) -> None:
    """A broken transfer goes on where it was; one that has more than there is begins anew."""
    transport.put(NAME, io.BytesIO(b"0123456789"), 10)
    assert _read(transport, 4) == (4, 10, b"456789")
    assert _read(transport, 10) == (0, 10, b"0123456789")


def test_missing(transport: Transport) -> None:
    """What is not there is told apart from a fault."""
    assert not transport.exists(NAME)
    with pytest.raises(Missing):
        _read(transport)


@pytest.mark.usefixtures("store")
def test_a_bucket_that_is_not_there(tmp_path: Path) -> None:
    """A wrong name is told once, in words, and nothing more is sent; the build is as good as without."""
    tree = Tree(tmp_path / "a", open_settings("gs://bukket/net2bit"))
    with tree.store() as opened:
        for word in ("a", "b", "c"):
            assert opened.build(stage(word=word)).how == "ran"
    said = [notice for notice in tree.notices if not notice.startswith("sending ")]
    assert said == ["nothing is sent to the shared cache gs://bukket/net2bit: there is no such bucket or folder"]


def test_a_bucket_that_is_only_read(store: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may only read takes what is there, and sends nothing after one refusal."""
    first = Tree(tmp_path / "a", open_settings("gs://bucket/net2bit"))
    first.build()
    port, uploads = free_port(), len(store.asked("POST"))
    guard = f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {store.url}; limit_except GET {{ deny all; }} }} }}"
    with nginx(tmp_path / "nginx", more=guard):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        second = Tree(tmp_path / "b", open_settings("gs://bucket/net2bit"))
        with second.store() as opened:
            for word in ("x", "y"):
                assert opened.build(stage(word=word)).how == "ran"
            assert opened.build(stage()).how == "restored"
    assert second.content() == first.content()
    (said,) = (notice for notice in second.notices if not notice.startswith("sending "))
    assert said.startswith("nothing is sent to the shared cache gs://bucket/net2bit: ")
    assert "Forbidden" in said
    assert len(store.asked("POST")) == uploads


DEAD = """
import sys
from pathlib import Path
from cache_project import Tree, open_settings
tree = Tree(Path(sys.argv[1]), open_settings("gs://bucket/net2bit", timeout=1.0, retries=0))
assert tree.build().how == "ran"
print(len(tree.notices), tree.notices[0])
"""


def test_a_dead_store_says_one_line(tmp_path: Path) -> None:
    """Nobody listens: the build goes on after one notice, and the library writes nothing to the terminal beside it."""
    pytest.importorskip("gcsfs")
    process = in_process(DEAD, str(tmp_path), env=environment(f"http://127.0.0.1:{free_port()}"))
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("1 the shared cache gs://bucket/net2bit is left out of this build: ")

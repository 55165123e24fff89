"""Servers that are slow, hang, break off, lie or refuse: every build ends, right, and says so once."""

import signal
from collections.abc import Callable
from pathlib import Path

import cache_bad as bad
import pytest
from cache_bad import Bad, contents_only
from cache_project import FIRST, Tree, client, fetch, fetching, in_process, open_settings, published, stage
from processes import wait_for


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree whose result lies in a folder in the layout of the shared cache."""
    return published(tmp_path_factory.mktemp("made"))


@pytest.fixture
def served(made: Tree) -> Path:
    """The folder with that result."""
    return made.root.parent / "remote"


WHOLLY = [
    bad.silent,
    bad.dripping_head,
    bad.faulty,
    bad.garbled,
    bad.absent,
    bad.endless,
    bad.boasting,
    bad.changed,
    bad.cutting,
    bad.elsewhere,
]
PARTLY = [
    bad.silent, bad.dripping, bad.stalling, bad.cutting, bad.resetting, bad.understating, bad.overstating, bad.boasting, bad.endless,
    bad.faulty, bad.changed, bad.elsewhere,
]  # fmt: skip


@pytest.mark.parametrize(
    "behave",
    [pytest.param(one, id=one.__name__) for one in WHOLLY]
    + [pytest.param(contents_only(one), id=f"contents-{one.__name__}") for one in PARTLY],
)
def test_the_build_ends_right(behave: Callable[..., None], served: Path, made: Tree, tmp_path: Path) -> None:
    """Whatever a server does, the result is built, nothing of the server's gets into it, and there is one notice."""
    with Bad(served, behave) as server:
        tree = Tree(tmp_path / "tree", open_settings(server.url, mode="read", timeout=1.0, retries=1))
        assert tree.build().how == "ran"
    assert tree.content() == made.content()
    assert len(tree.notices) == 1
    assert server.url in tree.notices[0]
    assert tree.leftovers() == []


@pytest.mark.parametrize("behave", [bad.silent, bad.faulty, bad.absent])
def test_one_fault_is_enough(behave: Callable[..., None], served: Path, tmp_path: Path) -> None:
    """After a fault the server is left out: the next stages do not wait for it, and it gets nothing."""
    with Bad(served, behave) as server:
        tree = Tree(tmp_path / "tree", open_settings(server.url, timeout=1.0, retries=0))
        with tree.store() as store:
            for word in ("a", "b", "c"):
                assert store.build(stage(word=word)).how == "ran"
    assert len(server.requests) == 1
    assert len(tree.notices) == 1
    assert "is left out of this build" in tree.notices[0]


def test_a_server_that_swallows_uploads(served: Path, tmp_path: Path) -> None:
    """Results that a server does not take hold up nothing: the build's end waits no longer than the timeout."""

    def deaf(server: Bad, connection: bad.socket.socket, request: bad.Request, content: bytes) -> None:
        (bad.silent if request.method == "PUT" else bad.good)(server, connection, request, content)

    with Bad(served, deaf) as server:
        tree = Tree(tmp_path / "tree", open_settings(server.url, timeout=1.0, retries=0))
        assert tree.build(stage(word="new")).how == "ran"
    assert [notice for notice in tree.notices if "is left out of this build" in notice] == tree.notices[-1:]


def test_torn_transfers_are_continued(served: Path, made: Tree, tmp_path: Path) -> None:
    """A connection that breaks off again and again is taken up where it was, within the tries that are allowed."""
    with Bad(served, contents_only(bad.tearing)) as server:
        tree = Tree(tmp_path / "tree", open_settings(server.url, mode="read"))
        assert tree.build().how == "restored"
    assert tree.content() == made.content()
    large = [one.offset for one in server.requests if one.path.startswith("/cas/")]
    assert FIRST["size"] // 3 + 1 in large


@pytest.fixture
def arrivals(served: Path, made: Tree, tmp_path: Path) -> Path:
    """A folder in which a process was killed in the middle of a transfer."""
    into = tmp_path / "arrivals"
    with Bad(served, contents_only(bad.stalling)) as server:
        process = fetching(server.url, made.key(), into)
        wait_for(lambda: any(part.stat().st_size >= FIRST["size"] // 2 for part in into.glob("*.part")))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return into


def test_a_killed_download_is_continued(arrivals: Path, served: Path, made: Tree) -> None:
    """What a killed process has got is hashed again and not fetched again."""
    with Bad(served, bad.good) as server:
        found = fetch(client(server.url, []), made.key(), arrivals)
    assert found
    assert FIRST["size"] // 2 in [one.offset for one in server.requests]
    digest = next(one.digest for one in found.statement.outputs if one.kind == "net.bin")
    assert (arrivals / digest).read_bytes() == (made.root / "build/net.bin").read_bytes()
    assert not list(arrivals.glob("*.part"))


def test_a_damaged_piece_is_fetched_again(arrivals: Path, served: Path, made: Tree) -> None:
    """A piece on disk that is not what was sent costs a transfer, and nothing else."""
    for part in arrivals.glob("*.part"):
        part.write_bytes(bytes(part.stat().st_size))
    with Bad(served, bad.good) as server:
        notices: list[str] = []
        found = fetch(client(server.url, notices), made.key(), arrivals)
    assert found
    assert notices == []
    digest = next(one.digest for one in found.statement.outputs if one.kind == "net.bin")
    assert (arrivals / digest).read_bytes() == (made.root / "build/net.bin").read_bytes()


def test_a_stop_ends_the_waiting(served: Path, made: Tree, tmp_path: Path) -> None:
    """Whoever stops the build does not wait for the server."""

    class Stop(BaseException):
        """The build is told to stop."""

    def stop() -> None:
        raise Stop

    with Bad(served, bad.silent) as server:
        remote = client(server.url, [])
        remote._poll = stop
        with pytest.raises(Stop):
            fetch(remote, made.key(), tmp_path)


def test_progress_is_told(served: Path, made: Tree, tmp_path: Path) -> None:
    """A transfer that takes longer than a moment says how far it is."""
    events: list[dict[str, object]] = []
    with Bad(served, contents_only(bad.stalling)) as server:
        assert fetch(client(server.url, [], timeout=2.0, retries=0), made.key(), tmp_path, watch=events.append) is None
    assert events[-1]["event"] == "progress"
    assert events[-1]["text"] == f"from {server.url}"
    assert 0 < int(str(events[-1]["done"])) < int(str(events[-1]["total"]))


def test_what_came_whole_is_not_fetched_again(served: Path, made: Tree, tmp_path: Path) -> None:
    """After a transfer that broke off, the files that had come whole are taken as they lie, once they are hashed again."""
    with Bad(served, contents_only(bad.stalling)) as server:
        assert fetch(client(server.url, [], timeout=1.0, retries=0), made.key(), tmp_path) is None
    whole = {path.name for path in tmp_path.iterdir() if len(path.name) == 64}
    damaged = max(tmp_path.iterdir(), key=lambda path: (path.suffix == "", path.stat().st_size))
    damaged.chmod(0o644)
    damaged.write_bytes(b"something else")
    with Bad(served, bad.good) as server:
        assert fetch(client(server.url, []), made.key(), tmp_path)
    asked = {Path(one.path).name for one in server.requests}
    assert asked & whole == {damaged.name}


def test_a_server_cannot_write_to_the_terminal(served: Path, made: Tree, tmp_path: Path) -> None:
    """What a server says is shown without anything that a terminal obeys."""

    def painting(_server: Bad, connection: bad.socket.socket, _request: bad.Request, _content: bytes) -> None:
        connection.sendall(bad.head("500 \x1b[2J\x07Painted", Content_Length=0))

    notices: list[str] = []
    with Bad(served, painting) as server:
        assert fetch(client(server.url, notices, retries=0), made.key(), tmp_path) is None
    assert "Painted" in notices[0]
    assert notices[0].isprintable()


BUILT = """
import sys
from pathlib import Path
from cache_project import Tree, open_settings, stage
from net2bit.graph import signals
signals.install()
Tree(Path(sys.argv[1]), open_settings(sys.argv[2], mode="write", timeout=600.0)).build(stage(word="new"))
"""


def test_a_signal_ends_the_sending(served: Path, tmp_path: Path) -> None:
    """Whoever stops a build at its end does not wait until everything is sent."""
    with Bad(served, bad.silent) as server:
        process = in_process(BUILT, str(tmp_path / "tree"), server.url)
        wait_for(lambda: bool(server.requests))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in err

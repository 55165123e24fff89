"""Two machines and a server: what one has built, the other restores."""

import io
import threading
from pathlib import Path
from unittest.mock import ANY

import pytest
from cache_project import Tree, open_settings, stage
from cache_servers import SECRET, Nginx

from net2bit.graph.display import Plain


@pytest.fixture
def first(tmp_path: Path, web: Nginx, request: pytest.FixtureRequest) -> Tree:
    """A machine that writes to the server."""
    request.getfixturevalue("writer")
    return Tree(tmp_path / "first", open_settings(web.url))


@pytest.fixture
def second(tmp_path: Path, web: Nginx) -> Tree:
    """A machine that reads from it, without a local cache."""
    return Tree(tmp_path / "second", open_settings(web.url, mode="read"))


def test_the_second_machine_builds_nothing(first: Tree, second: Tree, web: Nginx) -> None:
    """A result that one machine has sent is restored on another: every byte, every mode, and what its run took."""
    assert first.build().how == "ran"
    assert first.notices == [f"sent 1 result to {web.url} (0.4 MB)"]
    built = second.build()
    assert built.how == "restored"
    assert built.metrics == {"score": 0.5}
    assert second.content() == first.content()
    assert {"event": "restored", "from": web.url} in second.events
    assert (second.root / "build/pages/deep/empty").is_dir()
    assert second.notices == []
    assert second.leftovers() == []


def test_into_the_local_cache(first: Tree, second: Tree, web: Nginx, tmp_path: Path) -> None:
    """What has come once lies in the local cache, and is asked for no more."""
    first.build()
    second.local = tmp_path / "cache"
    second.build()
    second.forget()
    before = len(web.requests())
    assert second.build().how == "restored"
    assert len(web.requests()) == before
    assert list(second.local.glob("arrivals/*")) == []


@pytest.mark.usefixtures("writer")
def test_one_request_for_small_results(tmp_path: Path, web: Nginx) -> None:
    """Small files travel within the entry: restoring them is a single request."""
    small = stage(size=1000, files=20, each=500)
    Tree(tmp_path / "a", open_settings(web.url)).build(small)
    before = len(web.requests())
    assert Tree(tmp_path / "b", open_settings(web.url, mode="read")).build(small).how == "restored"
    assert len(web.requests()) == before + 1


def test_contents_first_entry_last(first: Tree, web: Nginx) -> None:
    """An entry appears when all that it names is there."""
    first.build()
    written = [path for method, path, status in web.requests() if method == "PUT"]
    assert written[-1].startswith("/ac/")
    assert all(path.startswith("/cas/") for path in written[:-1])


def test_nothing_is_sent_twice(first: Tree, tmp_path: Path, web: Nginx) -> None:
    """Contents that the server has are not sent again, and results that it has are not sent at all."""
    first.build()
    written = [path for method, path, _ in web.requests() if method == "PUT"]
    first.build(stage(files=6))
    more = [path for method, path, _ in web.requests() if method == "PUT"][len(written) :]
    assert len(more) == 3  # one page, the statement, the entry
    again = Tree(tmp_path / "again", open_settings(web.url))
    again.build()
    assert len([path for method, path, _ in web.requests() if method == "PUT"]) == len(written) + 3


def test_results_of_the_local_cache_are_sent(first: Tree, web: Nginx, tmp_path: Path) -> None:
    """What was built before there was a shared cache is sent when it is restored from the local one."""
    remote, first.remote, first.local = first.remote, {}, tmp_path / "cache"
    first.build()
    first.forget()
    first.remote = remote
    assert first.build().how == "restored"
    assert len(web.names("ac")) == 1


def test_reading_alone_sends_nothing(second: Tree, web: Nginx) -> None:
    """A machine that only reads builds what is missing, and sends nothing."""
    assert second.build().how == "ran"
    assert second.notices == []
    assert {method for method, _, _ in web.requests()} == {"GET"}


def test_writing_alone_takes_nothing(first: Tree, tmp_path: Path, web: Nginx) -> None:
    """A machine that only writes builds everything itself."""
    first.build()
    other = Tree(tmp_path / "other", open_settings(web.url, mode="write"))
    assert other.build().how == "ran"


def test_a_server_that_refuses_writes(tmp_path: Path, web: Nginx) -> None:
    """Without a password nothing is sent: one notice for the whole build, and no fault."""
    tree = Tree(tmp_path / "tree", open_settings(web.url))
    with tree.store() as store:
        for word in ("a", "b", "c"):
            assert store.build(stage(word=word)).how == "ran"
    assert len(tree.notices) == 1
    assert "nothing is sent to the shared cache" in tree.notices[0]
    assert "401" in tree.notices[0]


@pytest.mark.usefixtures("writer")
def test_unsigned_is_not_sent_where_signatures_count(tmp_path: Path, web: Nginx) -> None:
    """Nobody could use it."""
    tree = Tree(tmp_path / "tree", open_settings(web.url, trust="required", mode="write"))
    assert tree.build().how == "ran"
    assert "NET2BIT_SIGNING_KEY" in tree.notices[0]
    assert web.names("cas") == set()


def test_the_code_decides(first: Tree, second: Tree) -> None:
    """A result of other code is no result of this one."""
    first.build()
    (second.root / "cachelib/make.py").write_text((second.root / "cachelib/make.py").read_text() + "\n\ndef more():\n    pass\n")
    assert second.build().how == "ran"


def test_evicted_contents(first: Tree, second: Tree, web: Nginx) -> None:
    """An entry of which a content was deleted counts as none; the next writer makes it whole again."""
    first.build()
    for path in (web.files / "cas").iterdir():
        path.unlink()
    assert second.build().how == "ran"
    assert second.notices == []
    first.forget()
    assert first.build().how == "ran"
    second.forget()
    assert second.build().how == "restored"


def test_damaged_contents_are_replaced(first: Tree, second: Tree, web: Nginx) -> None:
    """A damaged content is noticed, made here, and replaced by whoever may write."""
    first.build()
    for path in (web.files / "cas").iterdir():
        path.write_bytes(bytes(path.stat().st_size))
    assert second.build().how == "ran"
    assert "is refused and made here" in second.notices[0]
    first.forget()
    assert first.build().how == "ran"
    second.forget()
    assert second.build().how == "restored"


def test_two_builds_fetch_at_once(first: Tree, web: Nginx, tmp_path: Path) -> None:
    """Two trees that share a local cache and want the same contents at once both get them whole."""
    first.build()
    trees = [Tree(tmp_path / f"tree{number}", open_settings(web.url, mode="read"), tmp_path / "cache") for number in range(4)]
    threads = [threading.Thread(target=tree.build) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [tree.content() == first.content() for tree in trees] == [True] * 4
    assert [(tree.notices, tree.events[-1]) for tree in trees] == [([], {"event": "restored", "from": ANY})] * 4


@pytest.mark.usefixtures("writer")
def test_the_same_entry_sent_at_once(tmp_path: Path, web: Nginx) -> None:
    """Several machines that have built the same send it at once, and what lies there is whole."""
    trees = [Tree(tmp_path / f"tree{number}", open_settings(web.url, mode="write")) for number in range(4)]
    threads = [threading.Thread(target=tree.build) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = Tree(tmp_path / "reader", open_settings(web.url, mode="read"))
    assert reader.build().how == "restored"


def test_a_dry_run_asks(first: Tree, second: Tree) -> None:
    """Before anything is built, the store tells that it would come from a cache."""
    with second.store() as store:
        assert not store.restorable(stage(), second.key())
    first.build()
    with second.store() as store:
        assert store.restorable(stage(), second.key())


def test_no_secret_anywhere(first: Tree, web: Nginx, tmp_path: Path) -> None:
    """The password is in no file that a build writes, neither here nor on the server."""
    first.local = tmp_path / "cache"
    first.build()
    word = SECRET.partition(":")[2].encode()
    for folder in (first.root, tmp_path / "cache", web.files):
        assert not [path for path in folder.rglob("*") if path.is_file() and word in path.read_bytes()]
    assert word.decode() not in repr(first.store().remote.__dict__)  # type: ignore[union-attr]


def test_a_log_says_where_from(first: Tree, second: Tree, web: Nginx) -> None:
    """A plain log names the server that a result came from, without its user."""
    first.build()
    second.build()
    out = io.StringIO()
    display = Plain(out)
    for event in second.events:
        display.hear("net.bin", event)
    assert out.getvalue() == f"   net.bin: restored from {web.url}\n"

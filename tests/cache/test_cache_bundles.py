"""Small files that travel together: fewer requests, and nothing is believed that one file would not be believed alone."""

import hashlib
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cache_bad as bad
import pytest
from cache_bad import Bad, contents_only
from cache_project import Tree, client, fetch, fetching, open_settings, published, stage
from hypothesis import given
from hypothesis import strategies as st
from processes import wait_for

from net2bit.cache import bundle, entry, wire
from net2bit.cache.blobs import Spoiled
from net2bit.cache.bundle import GREATEST, Bundle, grouped, listed, packed
from net2bit.cache.places import reach
from net2bit.cache.settings import RemoteSettings
from net2bit.cache.wire import Malformed, OutputFile
from net2bit.cache.work import Meter

FILES = 200
MANY = {"size": 10, "files": FILES, "each": 30_000}
CONTENTS = st.lists(st.integers(0, 400_000), max_size=300).map(lambda sizes: {_sha(str(at)): size for at, size in enumerate(sizes)})


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree whose result, with many small files, lies in a folder in the layout of the shared cache."""
    return published(tmp_path_factory.mktemp("made"), stage(**MANY))


@pytest.fixture
def served(made: Tree, tmp_path: Path) -> Path:
    """A copy of the folder with that result."""
    return Path(shutil.copytree(made.root.parent / "remote", tmp_path / "remote"))


def _restored(url: str, top: Path) -> Tree:
    tree = Tree(top / "again", open_settings(url, mode="read", retries=20))
    tree.build(stage(**MANY))
    return tree


def _how(tree: Tree) -> str:
    with tree.store() as store:
        return store.history.runs()[-1].how


def _entry(served: Path, made: Tree) -> tuple[Path, list[OutputFile]]:
    path = served / entry.address(made.key(stage(**MANY)))
    return path, list(wire.decode(path.read_bytes()))


@given(CONTENTS)
def test_each_small_content_travels_once(sizes: Mapping[str, int]) -> None:
    """Law: what travels in bundles is small, each content lies in one of them, and a few contents travel alone."""
    groups = grouped(sizes)
    found = [digest for group in groups for digest in group]
    assert len(set(found)) == len(found)
    small = {digest for digest, size in sizes.items() if size <= GREATEST}
    assert set(found) == (small if len(small) >= 16 else set())


@given(CONTENTS, st.text("abcdef", min_size=1))
def test_a_new_file_changes_one_bundle(sizes: Mapping[str, int], word: str) -> None:
    """Law: a file that comes changes no bundle but its own, as long as there are as many of them."""
    before = grouped(sizes)
    after = grouped({**sizes, _sha(word): 20_000})
    if before and len(after) == len(before):
        assert sum(group not in before for group in after) == 1


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=20, unique=True))
def test_a_list_says_what_was_packed(contents: Sequence[bytes]) -> None:
    """Law: the list in a message leads back to the bundles it was made of, and offsets to their contents."""
    known = {hashlib.sha256(one).hexdigest(): one for one in contents}
    made, whole = packed(sorted(known), known.__getitem__)
    assert listed(wire.decode(wire.encode(list(bundle.files([made]))))) == [made]
    for digest, one in known.items():
        assert whole[made.offset({digest}) :].startswith(one)


def test_they_come_in_few_requests(served: Path, made: Tree, tmp_path: Path) -> None:
    """A folder of two hundred files is restored by some ten requests; no file lies under its own digest, and each is what it was."""
    with Bad(served, bad.good) as server:
        tree = _restored(server.url, tmp_path)
    assert _how(tree) == "restored"
    assert tree.content() == made.content()
    assert len(server.requests) < FILES / 10
    path, said = _entry(served, made)
    assert all((served / "cas" / one.digest).is_file() for one in said if one.contents is None)
    assert len(list((served / "cas").iterdir())) < FILES / 10
    assert path.stat().st_size < 100_000


def test_a_result_that_is_there_is_not_sent_again(served: Path, made: Tree) -> None:
    """A second machine that has made the same finds its bundles there."""
    stamps = {path: path.stat().st_mtime_ns for path in (served / "cas").iterdir()}
    other = Tree(made.root.parent / "other", open_settings(f"file://{served}"))
    assert other.build(stage(**MANY)).how == "restored"
    shutil.rmtree(other.root / "build")
    shutil.rmtree(other.root / ".net2bit")
    for path in (served / "ac").iterdir():
        path.unlink()
    assert other.build(stage(**MANY)).how == "ran"
    _, said = _entry(served, made)
    again = [served / "cas" / one.digest for one in said if one.path.startswith(f"{bundle.LIST}.")]
    assert again
    assert all(path.stat().st_mtime_ns == stamps[path] for path in again)


def test_a_torn_bundle_is_continued(served: Path, made: Tree, tmp_path: Path) -> None:
    """A connection that breaks off is taken up at the first file that has not come."""
    with Bad(served, contents_only(bad.tearing)) as server:
        tree = _restored(server.url, tmp_path)
    assert _how(tree) == "restored"
    assert tree.content() == made.content()
    starts = [one.offset for one in server.requests if one.path.startswith("/cas/") and one.offset]
    assert starts
    assert all(start % MANY["each"] == 0 for start in starts)


def test_a_killed_transfer_is_continued(served: Path, made: Tree, tmp_path: Path) -> None:
    """What a killed process has taken out of a bundle is not fetched again."""
    arrivals, base = tmp_path / "arrivals", made.key(stage(**MANY))
    with Bad(served, contents_only(bad.stalling)) as server:
        process = fetching(server.url, base, arrivals)
        wait_for(lambda: sum(len(path.name) == 64 for path in arrivals.glob("*")) > 20)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with Bad(served, bad.good) as server:
        found = fetch(client(server.url, []), base, arrivals)
    assert found
    assert {Path(path).parent for path in found.lies.values()} == {arrivals}
    assert [one.offset for one in server.requests if one.offset]


def _other_bytes(served: Path, said: list[OutputFile]) -> list[OutputFile]:
    """Change a byte of a bundle."""
    path = served / "cas" / next(one.digest for one in said if one.path == f"{bundle.LIST}.0")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return said


def _cut(served: Path, said: list[OutputFile]) -> list[OutputFile]:
    """Cut a bundle off."""
    path = served / "cas" / next(one.digest for one in said if one.path == f"{bundle.LIST}.0")
    path.write_bytes(path.read_bytes()[:-1])
    return said


def _without(served: Path, said: list[OutputFile]) -> list[OutputFile]:
    """Remove a bundle."""
    (served / "cas" / next(one.digest for one in said if one.path == f"{bundle.LIST}.0")).unlink()
    return said


def _relisted(change: Callable[[list[OutputFile]], list[OutputFile]]) -> Callable[[Path, list[OutputFile]], list[OutputFile]]:
    """Change the list."""

    def attack(_served: Path, said: list[OutputFile]) -> list[OutputFile]:
        at = next(at for at, one in enumerate(said) if one.path == bundle.LIST)
        text = wire.encode(change(list(wire.decode(said[at].contents or b""))))
        return [*said[:at], OutputFile(bundle.LIST, hashlib.sha256(text).hexdigest(), len(text), contents=text), *said[at + 1 :]]

    return attack


def _unlisted(_served: Path, said: list[OutputFile]) -> list[OutputFile]:
    """Leave the list out."""
    return [one for one in said if one.path != bundle.LIST]


def _garbled(_served: Path, said: list[OutputFile]) -> list[OutputFile]:
    """Put something else in the list's place."""
    return [OutputFile(one.path, one.digest, one.size, contents=b"\xff" * 9) if one.path == bundle.LIST else one for one in said]


ATTACKS = [
    _other_bytes,
    _cut,
    _without,
    _unlisted,
    _garbled,
    _relisted(lambda found: found[::-1]),
    _relisted(lambda found: [found[-1], *found[1:]]),
    _relisted(lambda found: [OutputFile(one.path, one.digest, one.size + 1) for one in found]),
    _relisted(lambda found: [OutputFile(one.path, one.digest, 2**50) for one in found]),
    _relisted(lambda found: [OutputFile("../../etc/passwd", one.digest, one.size) for one in found]),
    _relisted(lambda found: [OutputFile("0" * 64, one.digest, one.size) for one in found]),
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_lie_costs_a_rebuild(
    attack: Callable[[Path, list[OutputFile]], list[OutputFile]], served: Path, made: Tree, tmp_path: Path
) -> None:
    """A bundle or a list that is damaged, gone or wrong never gets into a result: it is made here, and nothing is left behind."""
    path, said = _entry(served, made)
    path.write_bytes(wire.encode(attack(served, said)))
    tree = _restored(f"file://{served}", tmp_path)
    assert _how(tree) == "ran"
    assert tree.content() == made.content()
    assert tree.leftovers() == []


@pytest.mark.parametrize("size", [2**24 + 1, 2**62])
def test_a_bundle_too_large_is_none(size: int) -> None:
    """Nobody reads through bytes that he does not want, because a list says so."""
    with pytest.raises(Malformed):
        listed(list(bundle.files([Bundle("0" * 64, (("1" * 64, size),))])))


def test_only_what_is_missing_is_asked_for(served: Path, made: Tree, tmp_path: Path) -> None:
    """Of a bundle whose first files are here, the rest comes; one of which all is here is not asked for."""
    _, said = _entry(served, made)
    bundles = listed(said)
    here = {digest for one in bundles[:-1] for digest, _ in one.members} | {bundles[-1].members[0][0]}
    with Bad(served, bad.good) as server:
        found = client(server.url, []).fetch(
            made.key(stage(**MANY)), [("net.bin", False), ("pages", True)], tmp_path / "into", have=lambda digest, _: digest in here
        )
    assert found
    asked = [(one.path, one.offset) for one in server.requests if one.path.startswith("/cas/")]
    assert asked == [(f"/cas/{bundles[-1].digest}", bundles[-1].members[0][1])]


def test_what_is_taken_may_be_refused(served: Path, made: Tree) -> None:
    """Whoever takes a content may find that it is another one: the transfer ends there."""
    _, said = _entry(served, made)
    one = listed(said)[0]

    def refuse(_digest: str, _content: bytes) -> None:
        raise Spoiled("no")

    transport = reach(RemoteSettings.of(open_settings(f"file://{served}")))
    with pytest.raises(Spoiled):
        bundle.unpack(transport, one, [one.members[0][0]], refuse, Meter(), 0)

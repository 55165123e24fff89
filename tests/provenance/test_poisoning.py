"""A shared cache that lies: whatever stands there, the build makes the right thing, says so once, and goes on.

One machine fills the cache of a real nginx; an attacker who can write there changes it; another machine builds.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cache_project import Tree, client, fetch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from provenance_attacks import ANY, ASKED, OTHER, SIGNATURES, Scene, repointed, unsigned, wrong_key

from net2bit.cache import entry
from net2bit.provenance.envelope import LIMIT

Attack = Callable[[Scene], None]


def _refused(scene: Scene, victim: Tree) -> None:
    """Build as the victim: made here, equal to the honest result, one notice, nothing left behind."""
    built = victim.build(ASKED)
    assert built.how == "ran", victim.notices
    assert victim.content() == scene.honest
    assert len(victim.notices) == 1, victim.notices
    assert "shared cache" in victim.notices[0]
    assert scene.server.url in victim.notices[0]
    assert victim.leftovers() == []


def _name(attack: object) -> str:
    return getattr(attack, "__name__", "")


def test_honest_entry_is_taken(attacked: Scene) -> None:
    """Without an attack the signed result is restored, and nothing is said: what follows refuses attacks, not everything."""
    for trust in ("required", "prefer", "off"):
        victim = attacked.victim(trust)
        assert victim.build(ASKED).how == "restored"
        assert victim.content() == attacked.honest
        assert victim.notices == []


@pytest.mark.parametrize("attack", [*ANY, *SIGNATURES, unsigned], ids=_name)
def test_required(attacked: Scene, attack: Attack) -> None:
    """Where signatures are required, no attack gets through; none is fatal; each is told once."""
    attack(attacked)
    _refused(attacked, attacked.victim("required"))


@pytest.mark.parametrize("attack", [repointed, *SIGNATURES], ids=_name)
def test_prefer(attacked: Scene, attack: Attack) -> None:
    """Where signatures are preferred, a signature that is bad, foreign or gone from its envelope is refused."""
    attack(attacked)
    _refused(attacked, attacked.victim("prefer"))


def test_prefer_tells_once_what_nobody_signed(attacked: Scene) -> None:
    """Where signatures are preferred, an unsigned result is taken, with one notice."""
    unsigned(attacked)
    victim = attacked.victim("prefer")
    assert victim.build(ASKED).how == "restored"
    assert len(victim.notices) == 1
    assert "not signed" in victim.notices[0]


@pytest.mark.slow
@pytest.mark.parametrize("attack", ANY, ids=_name)
def test_off(attacked: Scene, attack: Attack) -> None:
    """Without signatures, digests and stage keys are still checked."""
    attack(attacked)
    _refused(attacked, attacked.victim("off"))


def _member(path: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        one = next(one for one in document["subject"] if one["annotations"].get("member") == "tool")
        one["annotations"]["member"] = path
        one["name"] = f"build/pages/{path}"

    return change


def _subject(**fields: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["subject"][0] |= fields

    return change


def _about(**annotations: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["subject"][0]["annotations"] |= annotations

    return change


def _no_tree_digest(document: dict[str, Any]) -> None:
    top = next(one for one in document["subject"] if one["annotations"].get("tree"))
    top["digest"]["sha256"] = "0" * 64


LIES = {
    "up": _member("../../evil"),
    "far up": _member("../" * 30 + "tmp/net2bit-evil"),
    "absolute": _member("/tmp/net2bit-evil"),  # noqa: S108 - it must not be written
    "backslash": _member("..\\..\\evil"),
    "here": _member("./evil"),
    "empty part": _member("deep//evil"),
    "control character": _member("evil\x1b[2Jx"),
    "other case": _member("NOTHING"),
    "other direction of writing": _member("evil\u202etxt"),
    "long name": _member("e" * 300),
    "in the place of a folder": _member("deep"),
    "below a file": _member("nothing/evil"),
    "a folder with content": _member("deep/empty/evil/../evil"),
    "product up": _subject(name="../evil"),
    "product absolute": _subject(name="/etc/evil"),
    "other kind": _about(kind="weights.h5"),
    "a tree in place of a file": _about(tree=True),
    "larger than allowed": _about(size=2**50),
    "smaller than it is": _about(size=10),
    "tree of another digest": _no_tree_digest,
    "a digest that is a path": _subject(digest={"sha256": "../../ac/evil".ljust(64, "0")}),
    "a digest in capitals": _subject(digest={"sha256": "A" * 64}),
}


@pytest.mark.parametrize("lie", LIES)
def test_trusted_writer_gone_wrong_brings_nothing(attacked: Scene, lie: str, tmp_path: Path) -> None:
    """Also what a trusted key has signed leads nowhere outside its tree, is no larger than allowed, and is what it says."""
    attacked.forge(LIES[lie], signed=True)
    notices: list[str] = []
    given: dict[str, Any] = {"mode": "read", "trust": "required", "keys": [attacked.key.line], "retries": 0, "max_entry": 10**9}
    remote = client(attacked.server.url, notices, **given)
    assert fetch(remote, attacked.bases["first"], tmp_path / "arrivals") is None
    remote.close()
    assert len(notices) == 1
    assert "is refused and made here" in notices[0]
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.slow
@pytest.mark.parametrize("lie", LIES)
def test_trusted_writer_gone_wrong(attacked: Scene, lie: str) -> None:
    """The same in whole builds: each makes the right thing, and goes on."""
    attacked.forge(LIES[lie], signed=True)
    _refused(attacked, attacked.victim("required", max_entry=10**9))
    assert not list(attacked.victims.rglob("*evil*"))
    assert not os.path.lexists("/tmp/net2bit-evil")  # noqa: S108 - where one of them would have written


@pytest.mark.parametrize("lie", ["up", "absolute", "larger than allowed", "tree of another digest"])
def test_stranger_where_nobody_signs(attacked: Scene, lie: str) -> None:
    """The same of statements that nobody signed, where signatures are off."""
    attacked.forge(LIES[lie], signed=False)
    _refused(attacked, attacked.victim("off"))


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_bit_is_refused_or_changes_nothing(filled: Scene, data: st.DataObject) -> None:
    """Law: with one bit of the entry or of a content flipped, nothing comes, or what the honest writer has sent."""
    digests = {one.digest for one in filled.entry() if one.path != entry.STATEMENT and one.contents is None}
    path = data.draw(st.sampled_from([filled.address(), *(filled.blob(digest) for digest in sorted(digests))]))
    before = path.read_bytes()
    bit = data.draw(st.integers(0, len(before) * 8 - 1))
    notices: list[str] = []
    with TemporaryDirectory() as folder:
        touched = bytearray(before)
        touched[bit // 8] ^= 1 << bit % 8
        path.write_bytes(touched)
        try:
            remote = client(filled.server.files.as_uri(), notices, mode="read", trust="required", keys=[filled.key.line], retries=0)
            found = fetch(remote, filled.bases["first"], Path(folder))
            remote.close()
        finally:
            path.write_bytes(before)
        if found is None:
            assert len(notices) == 1
            return
        assert path == filled.address()
        assert found.statement == replace(filled.statement(), signer=filled.key.name)
        for blob in entry.blobs(found.statement.outputs):
            assert hashlib.sha256((Path(folder) / blob.name).read_bytes()).hexdigest() == blob.digest


def test_larger_than_the_limit_is_left_alone(attacked: Scene) -> None:
    """An honest result above cache.remote.max_entry is not downloaded."""
    _refused(attacked, attacked.victim("required", max_entry=1000))
    assert not [path for _, path, _ in attacked.server.requests()[-1:] if path.startswith("/cas/")]


def test_old_entry_does_not_stand_in_for_a_new_one(attacked: Scene) -> None:
    """A signed entry of the code as it was does not pass for a result of the code as it is."""
    victim = attacked.victim("required")
    module = victim.root / "cachelib/make.py"
    module.write_text(module.read_text().replace("digest() *", "digest()[::-1] *"))
    new = victim.key(ASKED)
    assert new != attacked.bases["first"]
    (attacked.server.files / entry.address(new)).write_bytes(attacked.address().read_bytes())
    assert victim.build(ASKED).how == "ran"
    assert victim.content()["build/net.bin"] != attacked.honest["build/net.bin"]
    assert len(victim.notices) == 1


def test_message_with_more_than_files_makes_only_files(attacked: Scene) -> None:
    """Links, folders and a server's own metadata in the message are skipped: what is made is what the statement says."""
    link = b"\x0a\x05pages\x12\x0b/etc/passwd"
    more = b"".join(bytes([tag << 3 | 2, len(link)]) + link for tag in (3, 9, 10, 11, 12))
    attacked.address().write_bytes(attacked.address().read_bytes() + more)
    victim = attacked.victim("required")
    assert victim.build(ASKED).how == "restored"
    assert victim.content() == attacked.honest
    assert victim.notices == []
    assert not [path for path in (victim.root / "build").rglob("*") if path.is_symlink()]


def test_links_on_the_server_lead_nowhere(attacked: Scene) -> None:
    """A link in the place of a content is its target's content: another digest, refused."""
    product = attacked.product()
    product.unlink()
    product.symlink_to("/etc/passwd")
    _refused(attacked, attacked.victim("required"))


@pytest.mark.parametrize("attack", [repointed, wrong_key, *ANY[1:3]], ids=_name)
def test_local_cache_is_not_poisoned(attacked: Scene, attack: Attack) -> None:
    """What was refused is not kept: the next tree of this machine takes the right result from the local cache, in silence."""
    attack(attacked)
    _refused(attacked, attacked.victim("required", local=True))
    again = attacked.victim("required", local=True)
    assert again.build(ASKED).how == "restored"
    assert again.content() == attacked.honest
    assert again.notices == []


def test_content_of_a_stranger_in_the_local_cache_does_not_help_him(attacked: Scene) -> None:
    """A local blob that was damaged after it was taken in is not believed because the shared entry names it."""
    victim = attacked.victim("required", local=True)
    victim.build(ASKED)
    victim.forget()
    digest = hashlib.sha256(attacked.honest["build/net.bin"][0]).hexdigest()
    (blob,) = (attacked.victims / "local").glob(f"cas/*/{digest}")
    blob.chmod(0o644)
    content = bytearray(blob.read_bytes())
    content[5] ^= 4
    blob.write_bytes(content)
    victim.build(ASKED)
    assert victim.content() == attacked.honest


def test_many_lies_are_told_once(attacked: Scene) -> None:
    """Several refused results in one build are one notice."""
    for word in ("first", "other"):
        attacked.address(word).write_bytes(b"\xff")
    victim = attacked.victim("required")
    with victim.store() as store:
        assert [store.build(one).how for one in (OTHER, ASKED)] == ["ran", "ran"]
    assert len(victim.notices) == 1


def test_statement_above_its_limit_is_not_read(attacked: Scene) -> None:
    """A statement larger than any that is real is refused by its length."""
    sealed = b" " * (LIMIT + 1)
    attacked.say(sealed, inside=False)
    _refused(attacked, attacked.victim("required"))

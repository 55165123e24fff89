"""A shared cache on a real web server, filled by one machine, with everything that an attacker who can write to it may do."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cache_project import Tree, open_settings, stage
from cache_servers import SECRET, Nginx, nginx
from provenance_samples import signer

from net2bit.cache import entry, wire
from net2bit.cache.settings import AUTH
from net2bit.cache.wire import OutputFile
from net2bit.graph.stage import Stage
from net2bit.provenance.envelope import Trust, seal, unseal
from net2bit.provenance.keys import VARIABLE, PublicKey, generate, load_signer
from net2bit.provenance.statement import Statement

ASKED, OTHER = stage(), stage(word="other")
"""The result that the victim asks for, and another one that is also there."""


@dataclass
class Scene:
    """The server, and what its honest writer has put there."""

    server: Nginx
    key: PublicKey
    private: Path
    bases: dict[str, str]
    honest: dict[str, tuple[bytes, int]]
    victims: Path = Path()
    _saved: Path = field(init=False)

    def __post_init__(self) -> None:
        """Keep a copy of all files."""
        self._saved = self.server.top / "saved"
        shutil.copytree(self.server.files, self._saved)

    def undo(self) -> None:
        """Put the files back."""
        for folder in ("ac", "cas"):
            shutil.rmtree(self.server.files / folder)
            shutil.copytree(self._saved / folder, self.server.files / folder)

    def address(self, word: str = "first") -> Path:
        """Return the file of an entry."""
        return self.server.files / entry.address(self.bases[word])

    def blob(self, digest: str) -> Path:
        """Return the file of a content."""
        return self.server.files / "cas" / digest

    def entry(self, word: str = "first") -> list[OutputFile]:
        """Return an entry's files."""
        return list(wire.decode(self.address(word).read_bytes()))

    def put(self, files: Sequence[OutputFile]) -> None:
        """Put an entry in the place of the one that is asked for."""
        self.address().write_bytes(wire.encode(files))

    def product(self) -> Path:
        """Return the file of the largest content of the result that is asked for."""
        return self.blob(next(one.digest for one in self.entry() if one.path == "net.bin"))

    def sealed(self, word: str = "first") -> bytes:
        """Return an entry's statement as it is stored."""
        found = entry.pointer(self.entry(word))
        return found.contents if found.contents is not None else self.blob(found.digest).read_bytes()

    def statement(self, word: str = "first") -> Statement:
        """Return an entry's statement."""
        return unseal(self.sealed(word), Trust("off"))

    def say(self, sealed: bytes, *, inside: bool = True) -> None:
        """Put another statement into the entry that is asked for, within the message or beside it."""
        digest = hashlib.sha256(sealed).hexdigest()
        self.blob(digest).write_bytes(sealed)
        said = OutputFile(entry.STATEMENT, digest, len(sealed), contents=sealed if inside else None)
        self.put([said, *(one for one in self.entry() if one.path != entry.STATEMENT)])

    def forge(self, change: Callable[[dict[str, Any]], None], *, signed: bool) -> None:
        """Put a changed statement into the entry; *signed*: by the trusted key itself, as a writer gone wrong would."""
        document = json.loads(json.dumps(self.statement().document))
        change(document)
        self.say(seal(document, load_signer(str(self.private)) if signed else None))

    def victim(self, trust: str, *, local: bool = False, **given: Any) -> Tree:
        """Return a machine that reads the cache and trusts the honest writer's key."""
        keys = [self.key.line] if trust != "off" else []
        remote = open_settings(self.server.url, mode="read", trust=trust, keys=keys, retries=0, **given)
        number = len(list(self.victims.glob("tree*")))
        return Tree(self.victims / f"tree{number}", remote, self.victims / "local" if local else None)


@contextmanager
def scene(top: Path) -> Iterator[Scene]:
    """Run nginx and fill its cache from another machine."""
    key = generate(top / "writer.key")
    with nginx(top / "nginx") as server:
        writer = Tree(top / "writer", open_settings(server.url, trust="required", keys=[key.line]))
        before = {name: os.environ.get(name) for name in (AUTH, VARIABLE)}
        os.environ |= {AUTH: SECRET, VARIABLE: str(top / "writer.key")}
        try:
            bases = {word: _fill(writer, what) for word, what in (("other", OTHER), ("first", ASKED))}
        finally:
            os.environ.update({name: value for name, value in before.items() if value is not None})
            for name in (name for name, value in before.items() if value is None):
                del os.environ[name]
        yield Scene(server, key, top / "writer.key", bases, writer.content())


def _fill(writer: Tree, what: Stage) -> str:
    assert writer.build(what).how == "ran"
    return writer.key(what)


def repointed(scene: Scene) -> None:
    """The entry of another result, whole and signed, under the name of the one that is asked for."""
    scene.address().write_bytes(scene.address("other").read_bytes())


def corrupted(scene: Scene) -> None:
    """One bit of a content is another."""
    content = bytearray(scene.product().read_bytes())
    content[1000] ^= 1
    scene.product().write_bytes(content)


def truncated(scene: Scene) -> None:
    """A content ends early."""
    scene.product().write_bytes(scene.product().read_bytes()[:-7])


def emptied(scene: Scene) -> None:
    """A content is empty."""
    scene.product().write_bytes(b"")


def extended(scene: Scene) -> None:
    """A content goes on and on."""
    scene.product().write_bytes(scene.product().read_bytes() + b"\0" * 5_000_000)


def swapped(scene: Scene) -> None:
    """Two contents, both of the result, lie in each other's place."""
    first, second, *_ = sorted({one.digest for one in scene.entry() if one.path != entry.STATEMENT and one.contents is None})
    one, two = scene.blob(first).read_bytes(), scene.blob(second).read_bytes()
    scene.blob(first).write_bytes(two)
    scene.blob(second).write_bytes(one)


def other_inside(scene: Scene) -> None:
    """A small content that travels within the message is another."""
    scene.put([replace(one, contents=b"evil") if one.path == "pages/tool" else one for one in scene.entry()])


def other_statement(scene: Scene) -> None:
    """The statement within the message is not the one whose digest stands there."""
    scene.put([replace(one, contents=scene.sealed("other")) if one.path == entry.STATEMENT else one for one in scene.entry()])


def garbage(scene: Scene) -> None:
    """The entry is noise."""
    scene.address().write_bytes(hashlib.sha512(b"noise").digest() * 50)


def web_page(scene: Scene) -> None:
    """The entry is what a login page in between answers."""
    scene.address().write_bytes(b"<!doctype html><title>Sign in</title>" * 20)


def empty(scene: Scene) -> None:
    """The entry is empty: a message without files."""
    scene.address().write_bytes(b"")


def huge(scene: Scene) -> None:
    """The entry is larger than any that is real."""
    with scene.address().open("wb") as file:
        file.truncate(wire.LIMIT + 2**20)


def failed(scene: Scene) -> None:
    """The entry says that its run failed."""
    scene.address().write_bytes(scene.address().read_bytes() + b"\x20\x01")


def endless_length(scene: Scene) -> None:
    """A length in the message is larger than what is there."""
    scene.address().write_bytes(b"\x12\xff\xff\xff\xff\x0f" + scene.address().read_bytes())


def without_statement(scene: Scene) -> None:
    """The entry says nothing about where it comes from."""
    scene.put([one for one in scene.entry() if one.path != entry.STATEMENT])


def _wrapped(scene: Scene, **fields: Any) -> None:
    scene.say(json.dumps(json.loads(scene.sealed()) | fields).encode())


def unsigned(scene: Scene) -> None:
    """The statement is out of its envelope."""
    scene.say(seal(scene.statement().document, None))


def stripped(scene: Scene) -> None:
    """The envelope has no signature any more."""
    _wrapped(scene, signatures=[])


def wrong_key(scene: Scene) -> None:
    """Somebody else has signed."""
    scene.say(seal(scene.statement().document, signer(7)))


def lying_key_id(scene: Scene) -> None:
    """Somebody else has signed, and says to be the trusted key."""
    found = json.loads(seal(scene.statement().document, signer(7)))
    found["signatures"][0]["keyid"] = scene.key.id
    scene.say(json.dumps(found).encode())


def edited(scene: Scene) -> None:
    """The signed statement says something else: another content, which is there."""
    document = json.loads(json.dumps(scene.statement().document))
    content = b"evil"
    digest = hashlib.sha256(content).hexdigest()
    scene.blob(digest).write_bytes(content)
    document["subject"][0] |= {"digest": {"sha256": digest}}
    document["subject"][0]["annotations"]["size"] = len(content)
    envelope = json.loads(seal(document, signer(7)))
    scene.say(json.dumps(envelope | {"signatures": json.loads(scene.sealed())["signatures"]}).encode())


def other_type(scene: Scene) -> None:
    """The envelope says that it holds something else."""
    _wrapped(scene, payloadType="application/vnd.in-toto.provenance+json")


def foreign_signature(scene: Scene) -> None:
    """The signature is the trusted key's, over another statement."""
    _wrapped(scene, signatures=json.loads(scene.sealed("other"))["signatures"])


def nested(scene: Scene) -> None:
    """The statement is a million brackets."""
    scene.say(b'{"payload":' + b"[" * 1_000_000)


def digits(scene: Scene) -> None:
    """The statement is a number of a million digits."""
    scene.say(b'{"_type":' + b"9" * 1_000_000 + b"}")


def twice(scene: Scene) -> None:
    """The envelope holds two payloads, the signed one and another."""
    text = scene.sealed().decode()
    scene.say(text.replace('{"payload"', '{"payload":"e30=","payload"', 1).encode())


def not_text(scene: Scene) -> None:
    """The statement is no text, and does not travel within the message."""
    scene.say(b"\xff\xfe\x00" * 1000, inside=False)


ANY: tuple[Callable[[Scene], None], ...] = (
    repointed,
    corrupted,
    truncated,
    emptied,
    extended,
    swapped,
    other_inside,
    other_statement,
    garbage,
    web_page,
    empty,
    huge,
    failed,
    endless_length,
    without_statement,
    nested,
    digits,
    twice,
    not_text,
)
"""Attacks that no trust lets through."""
SIGNATURES: tuple[Callable[[Scene], None], ...] = (stripped, wrong_key, lying_key_id, edited, other_type, foreign_signature)
"""Attacks on a signature: refused wherever signatures are looked at."""

"""One result in a shared cache: under which name, what its message holds, and which contents belong to it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from net2bit.cache import bundle, wire
from net2bit.cache.blobs import Blob, Seal, Spoiled
from net2bit.cache.bundle import Bundle
from net2bit.job import canonical
from net2bit.provenance.envelope import Untrusted
from net2bit.provenance.statement import OutputFact, Statement

STATEMENT: Final = "provenance.intoto.json"
"""The output file that holds the sealed statement."""
INLINE: Final = 16 * 1024
"""Files up to this size (bytes) travel within the message: a request costs more than they do."""
_ROOM: Final = 4 * 2**20  # bytes of all that travels so in one message: the limit of gRPC servers that share the storage
_STATEMENT_ROOM: Final = 2**20


@dataclass(frozen=True)
class Source:
    """A file to send.

    Attributes:
        name: What it is called in the message: the product's kind, and the path within a tree.
        path: Where it lies.
        digest: SHA-256 of its content.
        executable: Whether it is a program.
        seal: How it stood when it was hashed: where it stands otherwise, it is another file by now, and not sent.
    """

    name: str
    path: Path
    digest: str
    executable: bool
    seal: Seal

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.seal[1]


def address(base: str) -> str:
    """Return the name of the entry of the stage key *base*; whoever changes the entries' form changes the number in it."""
    return "ac/" + hashlib.sha256(f"net2bit.ac/1\n{base}".encode()).hexdigest()


def signed(sealed: bytes) -> bool:
    """Return whether a statement comes in an envelope with signatures; none of them is checked."""
    return "signatures" in json.loads(sealed)


def inlined(sources: Sequence[Source], sealed: bytes) -> frozenset[str]:
    """Return the digests of the contents that travel within the message, the smallest first, as long as there is room."""
    room = _ROOM - (len(sealed) if len(sealed) <= _STATEMENT_ROOM else 0)
    found = set[str]()
    for one in sorted(sources, key=lambda one: one.size):
        room -= one.size
        if one.size > INLINE or room < 0:
            break
        found.add(one.digest)
    return frozenset(found)


def message(sources: Sequence[Source], contents: Mapping[str, bytes], bundles: Sequence[Bundle], sealed: bytes) -> bytes:
    """Return the entry's message; *contents* is what travels within it, by digest.

    A file that travels in a bundle is not named: servers that look after their entries would miss its content.
    """
    digest = hashlib.sha256(sealed).hexdigest()
    first = wire.OutputFile(STATEMENT, digest, len(sealed), contents=sealed if len(sealed) <= _STATEMENT_ROOM else None)
    inside = {member for one in bundles for member, _ in one.members}
    alone = [one for one in sources if one.digest not in inside]
    rest = (wire.OutputFile(one.name, one.digest, one.size, one.executable, contents.get(one.digest)) for one in alone)
    return wire.encode([first, *bundle.files(bundles), *rest])


def pointer(files: Sequence[wire.OutputFile]) -> wire.OutputFile:
    """Return the file among *files* that holds the statement.

    Raises:
        Spoiled: There is none.
    """
    for one in files:
        if one.path == STATEMENT:
            return one
    raise Spoiled("it holds no statement of where it comes from")


def check(statement: Statement, base: str, kinds: Sequence[tuple[str, bool]], limit: int) -> None:
    """Refuse a statement that is about something else than the stage key *base* and its products.

    Args:
        statement: What is said, by somebody who is trusted to.
        base: The stage key that was asked for.
        kinds: (kind, whether it is a folder) of each product, in order.
        limit: Most bytes of all products.

    Raises:
        Spoiled: It is too large.
        Untrusted: It is about something else.
    """
    if statement.base != base:
        raise Untrusted("its statement is about another result")
    if [(one.kind, one.tree) for one in statement.outputs] != list(kinds):
        raise Untrusted("its statement is about other products")
    if any(one.tree and _tree_digest(one) != one.digest for one in statement.outputs):
        raise Untrusted("its statement lists other files than it names")
    size = sum(one.size for one in statement.outputs)
    if size > limit:
        raise Spoiled(f"it has {size} bytes, and cache.remote.max_entry allows {limit}")


def _tree_digest(one: OutputFact) -> str:
    """Return the digest of a folder with these entries: that of its listing, as `graph.fingerprint` writes it."""
    text = canonical({"format": "net2bit.tree/1", "entries": sorted(one.entries)})
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def blobs(outputs: Sequence[OutputFact]) -> list[Blob]:
    """Return the contents that the products consist of, each once."""
    return list({blob.name: blob for one in outputs for blob in _blobs(one)}.values())


def _blobs(output: OutputFact) -> Iterator[Blob]:
    if not output.tree:
        yield Blob(output.digest, output.executable, output.size, output.size)
    for _, digest, executable in output.entries:
        if digest:
            yield Blob(digest, executable, output.size)

"""Many small files of one result as few contents: a request costs more than they do.

A bundle is the contents of some files, one behind the other; it lies under its own SHA-256. A list within the entry's message says which
contents lie in which bundle. Nobody signs the list, nor has to: it only says where bytes are to be found, and those of each file must have
the digest that the statement gives.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from net2bit.cache import wire
from net2bit.cache.blobs import Spoiled
from net2bit.cache.transport import Stream, Transport, Unavailable
from net2bit.cache.work import Meter, again

LIST: Final = "provenance.bundles"
"""The output file that holds the list; beside the statement, a name that no product has."""
GREATEST: Final = 256 * 1024
"""Bytes of the greatest file that travels so; larger ones are worth a request of their own."""
_FEWEST: Final = 16  # files from which on it pays
_ROOM: Final = 2**21  # bytes of a bundle on average; each is in memory as a whole while it is sent
_LIMIT: Final = 2**24  # bytes that no bundle exceeds
_BITS: Final = 16  # of a digest, which decide on its bundle
_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Bundle:
    """Contents that lie one behind the other.

    Attributes:
        digest: SHA-256 of all of them together.
        members: (SHA-256, bytes) of each, in order.
    """

    digest: str
    members: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(size for _, size in self.members)

    def offset(self, wanted: Collection[str]) -> int:
        """Return where the first of the *wanted* contents begins."""
        at = 0
        for digest, size in self.members:
            if digest in wanted:
                break
            at += size
        return at


def grouped(sizes: Mapping[str, int]) -> list[list[str]]:
    """Return which contents are to travel together, none where there are few.

    The first bits of a content's digest decide on its bundle, so that a file that changes, comes or goes changes no bundle but its own.

    Args:
        sizes: SHA-256 -> bytes.
    """
    small = sorted(digest for digest, size in sizes.items() if size <= GREATEST)
    if len(small) < _FEWEST:
        return []
    wide = min((sum(sizes[digest] for digest in small) // _ROOM).bit_length(), _BITS)
    groups: dict[int, list[str]] = {}
    for digest in small:
        groups.setdefault(int(digest[: _BITS // 4], 16) >> (_BITS - wide), []).append(digest)
    return [group for group in groups.values() if sum(sizes[digest] for digest in group) <= _LIMIT]


def packed(group: Sequence[str], read: Callable[[str], bytes]) -> tuple[Bundle, bytes]:
    """Return the bundle of the contents with the digests *group*, and its bytes; *read* gives those of one."""
    contents = [read(digest) for digest in group]
    whole = b"".join(contents)
    return Bundle(hashlib.sha256(whole).hexdigest(), tuple(zip(group, map(len, contents), strict=True))), whole


def files(bundles: Sequence[Bundle]) -> Iterator[wire.OutputFile]:
    """Yield what an entry's message says about *bundles*: themselves, so that servers know what belongs to it, and the list."""
    if not bundles:
        return
    text = wire.encode([wire.OutputFile(one.digest, digest, size) for one in bundles for digest, size in one.members])
    yield wire.OutputFile(LIST, hashlib.sha256(text).hexdigest(), len(text), contents=text)
    for number, one in enumerate(bundles):
        yield wire.OutputFile(f"{LIST}.{number}", one.digest, one.size)


def listed(found: Sequence[wire.OutputFile]) -> list[Bundle]:
    """Return the bundles that an entry lists.

    Raises:
        Malformed: The list is none, or one of its bundles is larger than any that is real.
    """
    text = next((one.contents for one in found if one.path == LIST and one.contents is not None), b"")
    members: dict[str, list[tuple[str, int]]] = {}
    for one in wire.decode(text):
        members.setdefault(one.path, []).append((one.digest, one.size))
    bundles = [Bundle(digest, tuple(inside)) for digest, inside in members.items()]
    if any(one.size > _LIMIT or not _HEX.fullmatch(one.digest) for one in bundles):
        raise wire.Malformed("its list of bundles is none")
    return bundles


def unpack(
    transport: Transport, bundle: Bundle, wanted: Collection[str], take: Callable[[str, bytes], None], meter: Meter, retries: int
) -> None:
    """Fetch the *wanted* contents of *bundle*; each is handed to *take*, with its digest, and not fetched again after a break.

    Raises:
        Missing: The bundle is not there.
        Refused: The server says no.
        Spoiled: It is another content, or *take* says so.
        Unavailable: It did not come, at every try.
    """
    left = set(wanted)

    def more() -> None:
        first = bundle.offset(left)
        with transport.get(f"cas/{bundle.digest}", first) as stream:
            for digest, content in _members(bundle, stream, first, meter):
                if digest in left:
                    take(digest, content)
                    left.remove(digest)
                if not left:
                    break
        meter.answered()

    again(more, meter, retries)


def _members(bundle: Bundle, stream: Stream, first: int, meter: Meter) -> Iterator[tuple[str, bytes]]:
    """Yield (digest it should have, content) of the members in *stream*, which was asked for from the offset *first* on."""
    if stream.offset not in {0, first}:
        raise Unavailable("it answers with another part than was asked for")
    if stream.size not in {None, bundle.size}:
        raise Spoiled(f"a bundle has {stream.size} bytes in place of {bundle.size}")
    pieces, at = _Pieces(stream, meter), 0
    for digest, size in bundle.members:
        if at >= stream.offset:
            yield digest, pieces.take(size)
        at += size


class _Pieces:
    """A stream, cut where one likes."""

    def __init__(self, stream: Stream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter
        self._chunk = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return the next *size* bytes.

        Raises:
            Unavailable: There are fewer.
        """
        found: list[bytes] = []
        while size:
            if self._at == len(self._chunk):
                self._more()
            part = self._chunk[self._at : self._at + size]
            found.append(part)
            self._at += len(part)
            size -= len(part)
        return b"".join(found)

    def _more(self) -> None:
        self._chunk, self._at = self._stream.read(), 0
        if not self._chunk:
            raise Unavailable("it breaks off")
        self._meter.add(len(self._chunk))

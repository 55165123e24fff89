"""One result on its way here: entry, statement, contents, each checked before the next is asked for."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from net2bit.cache import entry, wire
from net2bit.cache.blobs import Blob, Seal, Spoiled, download, keep, recall, small
from net2bit.cache.settings import RemoteSettings
from net2bit.cache.transport import Transport
from net2bit.cache.work import Meter, again, spread
from net2bit.provenance.envelope import LIMIT, Trust, unseal
from net2bit.provenance.statement import Statement


@dataclass(frozen=True)
class Wanted:
    """A result that a build wants; see `client.RemoteCache.fetch`."""

    base: str
    kinds: Sequence[tuple[str, bool]]
    into: Path
    holds: Callable[[str], bool]
    have: Callable[[str, bool], bool]


@dataclass(frozen=True)
class Fetched:
    """A result whose contents lie in the folder for arrivals, as far as they were not here before.

    Attributes:
        statement: What is said about it, by somebody who is trusted to.
        sealed: The same, as it came.
        seals: Seal of a file that was hashed as it came -> its digest.
        lies: Name of a content (its digest, and `.x` where it is executable) -> path of its file.
    """

    statement: Statement
    sealed: bytes
    seals: Mapping[Seal, str]
    lies: Mapping[str, str]


class Fetch:
    """The transfer of one result."""

    def __init__(self, reach: Callable[[], Transport], settings: RemoteSettings, trust: Trust, wanted: Wanted, meter: Meter) -> None:
        """Send nothing yet."""
        self._reach = reach
        self._settings = settings
        self._trust = trust
        self._wanted = wanted
        self._meter = meter
        self._seals: dict[Seal, str] = {}
        self._lies: dict[str, str] = {}

    def run(self) -> Fetched | None:
        """Bring the result here; None where it was made by other code.

        Raises:
            Malformed: The entry is none.
            Missing: There is none, or one of its contents is gone.
            OSError: The disk refuses.
            Refused: The server says no.
            Spoiled: Something is not what it should be.
            Unavailable: It did not come.
            Untrusted: Nobody who is trusted says that this is the result.
        """
        wanted = self._wanted
        files = wire.decode(self._small(entry.address(wanted.base), wire.LIMIT))
        sealed = self._statement(files)
        statement = unseal(sealed, self._trust)
        entry.check(statement, wanted.base, wanted.kinds, self._settings.max_entry)
        if statement.extra and not wanted.holds(statement.extra):
            return None
        self._bring(statement, {one.digest: one.contents for one in files if one.contents is not None})
        return Fetched(statement, sealed, self._seals, self._lies)

    def _small(self, name: str, limit: int) -> bytes:
        return again(lambda: small(self._reach(), name, limit, self._meter), self._meter, self._settings.retries)

    def _statement(self, files: Sequence[wire.OutputFile]) -> bytes:
        found = entry.pointer(files)
        sealed = found.contents if found.contents is not None else self._small(f"cas/{found.digest}", LIMIT)
        if hashlib.sha256(sealed).hexdigest() != found.digest:
            raise Spoiled("its statement has another digest")
        return sealed

    def _bring(self, statement: Statement, inside: Mapping[str, bytes]) -> None:
        """Put every content that is not here into the folder; *inside* are those that came within the entry."""
        self._meter.total = sum(one.size for one in statement.outputs)
        self._wanted.into.mkdir(parents=True, exist_ok=True)
        missing = [blob for blob in entry.blobs(statement.outputs) if not self._wanted.have(blob.digest, blob.executable)]
        for blob in missing:
            if blob.digest in inside:
                self._lies[blob.name], seal = keep(self._wanted.into, blob, inside[blob.digest])
                self._seals[seal] = blob.digest
                self._meter.add(0)
        spread(partial(self._download, blob) for blob in missing if blob.digest not in inside)

    def _download(self, blob: Blob) -> None:
        into = self._wanted.into
        seal = recall(into, blob) or download(self._reach(), blob, into, self._meter, self._settings.retries)
        self._lies[blob.name] = str(into / blob.name)
        self._seals[seal] = blob.digest

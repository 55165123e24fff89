"""Whole plans to and from the shared cache, without building anything."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from net2bit.errors import StageError, ToolError
from net2bit.graph import place, share, signals
from net2bit.graph.place import Finished, Made
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store
from net2bit.job import Event
from net2bit.provenance import envelope, keys
from net2bit.provenance.envelope import Trust, Untrusted

if TYPE_CHECKING:
    from net2bit.cache.client import RemoteCache

RESTORED: Final = "restored"
FRESH: Final = "up to date"
ABSENT: Final = "not in a cache"
SENT: Final = "sent"
THERE: Final = "already there"
UNSENT: Final = "not sent"
UNKNOWN: Final = "nobody knows how it was made"
STALE: Final = "not up to date"


class _Absent(Exception):  # noqa: N818 - what was asked for: nothing runs
    """A stage would have to run."""


class _Never:
    """The turn of a stage that must not run (see `pools.Turn`)."""

    pools: Mapping[str, int] = MappingProxyType({})

    def check(self) -> None:
        """Give up where it was told to stop."""
        signals.check()

    def taken(self, stage: Stage, watch: Callable[[Event], None]) -> AbstractContextManager[None]:
        """Refuse.

        Raises:
            _Absent: Always.
        """
        del watch
        raise _Absent(stage.name)


def pull(store: Store, stage: Stage) -> str:
    """Restore *stage* from the local or the shared cache where they have it; returns what came of it.

    Raises:
        StoreError: The disk refuses.
        Stopped: It was told to stop.
    """
    if store.check(stage).fresh:
        return FRESH
    if not stage.op.run or None in store.inputs(stage):
        return ABSENT
    try:
        built = store.build(stage, turn=_Never())
    except (_Absent, StageError, ToolError):
        return ABSENT
    return RESTORED if built.how == "restored" else FRESH


def push(store: Store, remote: "RemoteCache", stages: Iterable[Stage]) -> Iterator[tuple[Stage, str]]:
    """Send what lies in place for *stages* to the shared cache *remote*; yields what came of each when all is sent.

    A statement without signature is signed where there is a key and the stage ran in this tree: nobody signs for what a stranger may have
    made.

    Raises:
        ConfigError: NET2BIT_SIGNING_KEY is no key.
        StoreError: A product cannot be read.
    """
    told = {True: SENT, False: THERE, None: UNSENT}
    offered = [(stage, *_offered(store, remote, stage)) for stage in stages]
    remote.close()
    for stage, base, why in offered:
        yield stage, why or told[remote.came(base)]


def _offered(store: Store, remote: "RemoteCache", stage: Stage) -> tuple[str, str]:
    """Offer the result of *stage*; returns its stage key, and why it cannot be sent, empty where it can."""
    if not store.check(stage).fresh:
        return "", STALE
    made = place.lying(stage, store.root)
    ran = (store.manifest(stage) or {}).get("how") == "ran"
    found = _vouched(store, made, ran=ran)
    if found is None:
        return "", UNKNOWN
    base, done = found
    signed = envelope.is_signed(done.statement)  # what lies there may have been sent before there was a key
    remote.offer(base, done.statement, list(share.sources(done.made, store.root)), anew=signed, same=True)
    return base, ""


def _vouched(store: Store, made: Sequence[Made], *, ran: bool) -> tuple[str, Finished] | None:
    """Return the stage key and the statement about products, None where it is about something else."""
    path = place.statement_path(store.root / made[0].artifact.path)
    try:
        sealed = path.read_bytes()
        about = envelope.unseal(sealed, Trust("off"))
    except (OSError, Untrusted):
        return None
    if [(one.kind, one.digest) for one in about.outputs] != [(one.artifact.kind, one.digest) for one in made]:
        return None
    signer = keys.signer()
    if signer is not None and ran and not envelope.is_signed(sealed):
        sealed = envelope.seal(about.document, signer)
    return about.base, Finished(made, "restored", about.extra, dict(about.took), statement=sealed)

"""Statements of provenance about what the store builds: made after a run, kept beside every product."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from net2bit.graph.fingerprint import sha256
from net2bit.graph.place import Finished, Made, statement_path, write_whole
from net2bit.graph.stage import Stage
from net2bit.provenance import envelope, keys
from net2bit.provenance.statement import OutputFact, statement


def require_key() -> None:
    """Refuse a signing key that is none before hours of work are done that it should sign.

    Raises:
        ConfigError: NET2BIT_SIGNING_KEY is no key.
    """
    keys.signer()


def sealed(manifest: Mapping[str, Any], base: str, stage: Stage, done: Finished) -> bytes:
    """Return the statement about the run *done* of *stage*, signed where NET2BIT_SIGNING_KEY gives a key.

    Raises:
        ConfigError: It is no key.
    """
    makers = {one.kind: one.maker for one in stage.inputs if one.maker}
    said = statement(manifest, base, done.extra, [fact(one) for one in done.made], makers=makers, log=_digest(done.log))
    return envelope.seal(said, keys.signer())


def _digest(log: str) -> str:
    try:
        return sha256(log)
    except OSError:  # somebody has tidied up: the result is none the worse
        return ""


def fact(made: Made) -> OutputFact:
    """Return what a statement says about a product."""
    return OutputFact(
        made.artifact.kind, made.artifact.path, made.digest, made.size, made.artifact.tree, made.executable, tuple(made.entries)
    )


def place_beside(products: Iterable[Path], content: bytes) -> None:
    """Write a statement beside every product it is about; where there is none, the one of an earlier product goes."""
    for path in map(statement_path, products):
        with suppress(OSError):  # it is for people and other tools: the records do without
            if content:
                write_whole(path, content)
            else:
                path.unlink(missing_ok=True)

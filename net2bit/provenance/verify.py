"""What can be said about one sealed statement on its own, and how the answers are written down."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from net2bit.provenance import reading, recompute, strict
from net2bit.provenance.envelope import LIMIT, opened, signed_by
from net2bit.provenance.errors import Untrusted
from net2bit.provenance.keys import PublicKey
from net2bit.provenance.statement import Statement


class State(StrEnum):
    """Whether a claim holds."""

    OK = "ok"
    CHANGED = "changed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One claim.

    Attributes:
        what: What it is about: `content`, `signature`, `statement`, `key`, `code`, `tools`, `input`.
        state: Whether it holds.
        detail: Names and digests, for people.
    """

    what: str
    state: State
    detail: str = ""


@dataclass
class Account:
    """All claims about one artifact.

    Attributes:
        path: The artifact, relative to the project's root where it lies in it.
        stage: The stage that made it; empty where there is no statement.
        signer: The trusted key that signed for it; empty where none did.
        checks: The claims.
    """

    path: str
    stage: str = ""
    signer: str = ""
    checks: list[Check] = field(default_factory=list)

    def add(self, what: str, state: State, detail: str = "") -> None:
        """Note one more claim."""
        self.checks.append(Check(what, state, detail))

    @property
    def holds(self) -> bool:
        """Whether no claim is known to be wrong."""
        return all(one.state in {State.OK, State.UNKNOWN} for one in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return asdict(self) | {"holds": self.holds}


def read(blob: bytes, keys: Sequence[PublicKey], account: Account, *, signed: bool) -> Statement | None:
    """Return the statement in *blob*, None where it is none; what is found about it and its signature goes into *account*.

    Args:
        blob: The statement as it is stored.
        keys: The trusted keys.
        account: Receives the checks.
        signed: Whether a trusted signature is asked for.
    """
    try:
        outer = strict.loads(blob, LIMIT)
        if "payload" not in outer:
            if signed:
                account.add("signature", State.REFUSED, "there is none")
            found = reading.read(outer)
        else:
            payload, signatures = opened(outer)
            _signature(outer, signed_by(payload, signatures, keys), account, known=bool(keys), asked=signed)
            found = reading.read(strict.loads(payload, LIMIT))
    except Untrusted as fault:
        account.add("statement", State.REFUSED, fault.reason)
        return None
    account.stage = str(found.document["predicate"]["buildDefinition"]["externalParameters"].get("stage", ""))
    known = recompute.base(found.document)
    account.add("key", State.OK if known else State.UNKNOWN, found.key[:12] if known else "made with a path that is not told")
    return found


def _signature(outer: dict[str, Any], key: PublicKey | None, account: Account, *, known: bool, asked: bool) -> None:
    """Note who signed; *known*: some key is trusted; *asked*: a trusted signature is asked for."""
    if key is not None:
        account.signer = key.name
        account.add("signature", State.OK, f"{key.name} {key.id}")
        return
    hints = ", ".join(str(one.get("keyid", "no name"))[:60] for one in outer["signatures"])
    said = f"of no trusted key ({hints})" if known else f"by {hints}; no key is trusted here"
    account.add("signature", State.REFUSED if known or asked else State.UNKNOWN, said)

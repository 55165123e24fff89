"""DSSE envelopes: a statement and the signatures over its bytes.

Specification: DSSE 1.0.2, https://github.com/secure-systems-lab/dsse (protocol.md, envelope.md). What is signed are the bytes as they are
stored, so nothing has to be put into a canonical form before a signature can be checked, and nothing is read before it was.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from net2bit.provenance import strict
from net2bit.provenance.errors import Untrusted
from net2bit.provenance.keys import PublicKey, Signer
from net2bit.provenance.reading import read
from net2bit.provenance.statement import Statement

__all__ = ["LIMIT", "Mode", "Trust", "Untrusted", "is_signed", "opened", "pae", "seal", "signed_by", "unseal"]

Mode = Literal["required", "prefer", "off"]
PAYLOAD: Final = "application/vnd.in-toto+json"
LIMIT: Final = 32 * 2**20
"""Greatest size in bytes of a sealed statement; a tree of 100,000 files takes less."""
_SIGNATURES: Final = 4  # in one envelope: every one costs time for every trusted key


@dataclass(frozen=True)
class Trust:
    """Whose statements count.

    Attributes:
        mode: `required`: only what a trusted key has signed. `prefer`: that, and what nobody has signed; a signature that is wrong, or of
            a key not in the list, is refused. `off`: signatures are not looked at.
        keys: The trusted keys.
    """

    mode: Mode
    keys: Sequence[PublicKey] = ()


def pae(kind: str, payload: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding of a payload and its type."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def seal(statement: Mapping[str, Any], signer: Signer | None) -> bytes:
    """Return *statement* as bytes: in an envelope where there is a *signer*, bare otherwise."""
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    if signer is None:
        return payload
    signature = signer.sign(pae(PAYLOAD, payload))
    signed = {"keyid": signer.public.id, "sig": base64.b64encode(signature).decode()}
    envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD, "signatures": [signed]}
    return json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode()


def unseal(blob: bytes, trust: Trust) -> Statement:
    """Return the statement in *blob*, signed as *trust* asks for; `Statement.signer` names the key, empty where none was checked.

    Raises:
        Untrusted: It is not signed so, or is no statement of net2bit's.
    """
    outer = strict.loads(blob, LIMIT)
    if "payload" not in outer:
        if trust.mode == "required":
            raise Untrusted("it is not signed")
        return read(outer)
    payload, signatures = opened(outer)
    name = "" if trust.mode == "off" else _trusted(payload, signatures, trust.keys)
    return replace(read(strict.loads(payload, LIMIT)), signer=name)


def is_signed(blob: bytes) -> bool:
    """Return whether *blob* is an envelope; no signature is checked.

    Raises:
        Untrusted: It is no JSON object.
    """
    return "payload" in strict.loads(blob, LIMIT)


def opened(envelope: Mapping[str, Any]) -> tuple[bytes, list[bytes]]:
    """Return an envelope's payload and its signatures, none of them checked.

    Raises:
        Untrusted: It is no envelope around a statement, or holds no signature.
    """
    if envelope.get("payloadType") != PAYLOAD:
        raise Untrusted("its envelope holds something else than a statement")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _SIGNATURES:
        raise Untrusted("its envelope holds no signature, or too many")
    return _bytes(envelope.get("payload")), [_bytes(one.get("sig") if isinstance(one, dict) else None) for one in signatures]


def signed_by(payload: bytes, signatures: Sequence[bytes], keys: Sequence[PublicKey]) -> PublicKey | None:
    """Return the one of *keys* that signed *payload*, None where none did; key ids are hints that anybody can write: every key is tried."""
    message = pae(PAYLOAD, payload)
    return next((key for key in keys if any(key.verifies(signature, message) for signature in signatures)), None)


def _trusted(payload: bytes, signatures: Sequence[bytes], keys: Sequence[PublicKey]) -> str:
    found = signed_by(payload, signatures, keys)
    if found is None:
        raise Untrusted("no trusted key has signed it")
    return found.name


def _bytes(text: object) -> bytes:
    """Return what base64 stands for, in either alphabet; of the texts that a lax reader takes for one value, only the proper one."""
    if not isinstance(text, str):
        raise Untrusted("its envelope is damaged")
    plain = text.replace("-", "+").replace("_", "/")
    try:
        found = base64.b64decode(plain, validate=True)
    except ValueError as fault:
        raise Untrusted("its envelope is damaged") from fault
    if not found or base64.b64encode(found).decode() != plain:
        raise Untrusted("its envelope is damaged")
    return found

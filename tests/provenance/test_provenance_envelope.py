"""DSSE envelopes: what is sealed is opened, what was touched is not."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance_samples import document, signer

from net2bit.provenance.envelope import LIMIT, PAYLOAD, Mode, Trust, Untrusted, pae, seal, unseal
from net2bit.provenance.keys import PublicKey, generate, load_signer

OWN, OTHER = signer(1), signer(2)
SIGNED, BARE = seal(document(), OWN), seal(document(), None)
REQUIRED = Trust("required", (OTHER.public, OWN.public))


def _changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(SIGNED) | fields).encode()


def _signature(sig: str, keyid: str = "") -> list[dict[str, str]]:
    return [{"keyid": keyid, "sig": sig}]


def test_encoding_before_signing_is_the_specified_one() -> None:
    """The example of DSSE's protocol.md comes out byte for byte."""
    assert pae("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@pytest.mark.parametrize(
    ("mode", "blob", "keys", "name"),
    [
        ("required", SIGNED, (OWN,), "key1"),
        ("required", SIGNED, (OTHER, OWN), "key1"),
        ("required", SIGNED, (OTHER,), None),
        ("required", SIGNED, (), None),
        ("required", BARE, (OWN,), None),
        ("prefer", SIGNED, (OWN,), "key1"),
        ("prefer", SIGNED, (OTHER,), None),
        ("prefer", SIGNED, (), None),
        ("prefer", BARE, (OWN,), ""),
        ("off", SIGNED, (), ""),
        ("off", BARE, (), ""),
    ],
)
def test_trust(mode: Mode, blob: bytes, keys: tuple[Any, ...], name: str | None) -> None:
    """Each mode takes exactly what it says: the table in docs/how-to/provenance.md."""
    trust = Trust(mode, [key.public for key in keys])
    if name is None:
        with pytest.raises(Untrusted):
            unseal(blob, trust)
    else:
        assert unseal(blob, trust).signer == name


@pytest.mark.parametrize(
    "blob",
    [
        _changed(signatures=[]),
        _changed(signatures="none"),
        _changed(signatures=_signature("")),
        _changed(signatures=_signature("AAAA")),
        _changed(signatures=_signature("A" * 88, OWN.public.id)),
        _changed(signatures=_signature(json.loads(SIGNED)["signatures"][0]["sig"]) * 5),
        _changed(signatures=[None]),
        _changed(signatures=json.loads(seal(document(), OTHER))["signatures"]),
        _changed(payloadType="application/json"),
        _changed(payloadType=None),
        _changed(payload=base64.b64encode(seal(document(config={}), None)).decode()),
        _changed(payload=""),
        _changed(payload=7),
        SIGNED[:-20],
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
    ],
)
def test_touched_envelope_is_refused(blob: bytes) -> None:
    """Stripped, foreign, broken and misplaced signatures, another type or another payload: none of it opens, where keys are trusted."""
    for mode in ("required", "prefer"):
        with pytest.raises(Untrusted):
            unseal(blob, Trust(mode, (OWN.public,)))


def test_signature_is_over_the_type_too() -> None:
    """A signature that somebody made over other things of the same bytes does not count as one over a statement."""
    payload = base64.b64decode(json.loads(SIGNED)["payload"])
    other = base64.b64encode(OWN.sign(pae("text/plain", payload))).decode()
    with pytest.raises(Untrusted, match="no trusted key"):
        unseal(_changed(signatures=_signature(other)), REQUIRED)


def test_key_ids_are_hints() -> None:
    """A key id that lies, or is left out, neither opens an envelope nor closes one."""
    good = json.loads(SIGNED)["signatures"][0]["sig"]
    assert unseal(_changed(signatures=_signature(good, OTHER.public.id)), REQUIRED).signer == "key1"
    assert unseal(_changed(signatures=[{"sig": good}]), REQUIRED).signer == "key1"
    false = json.loads(seal(document(), OTHER))["signatures"][0]["sig"]
    with pytest.raises(Untrusted):
        unseal(_changed(signatures=_signature(false, OWN.public.id)), Trust("required", (OWN.public,)))


def test_several_signatures_and_both_alphabets() -> None:
    """One trusted signature among others is enough, and base64 may be the URL-safe one, as DSSE allows."""
    whole = json.loads(SIGNED)
    foreign = json.loads(seal(document(), signer(9)))["signatures"]
    safe = {"payload": whole["payload"].replace("+", "-").replace("/", "_"), "signatures": [*foreign, *whole["signatures"]]}
    assert unseal(_changed(**safe), REQUIRED).signer == "key1"


@given(st.integers(0, len(SIGNED) * 8 - 1))
def test_any_flipped_bit_is_refused_or_changes_nothing(bit: int) -> None:
    """Law: an envelope with one bit flipped is refused, or says what was signed (the bit was in a hint that nobody relies on)."""
    touched = bytearray(SIGNED)
    touched[bit // 8] ^= 1 << bit % 8
    try:
        found = unseal(bytes(touched), REQUIRED)
    except Untrusted:
        return
    assert found == unseal(SIGNED, REQUIRED)


@given(st.integers(0, len(BARE) - 1), st.sampled_from([BARE, SIGNED]))
def test_statement_that_was_cut_off_is_refused(at: int, whole: bytes) -> None:
    """Law: no piece of a statement passes for it, also where signatures are not asked for."""
    with pytest.raises(Untrusted):
        unseal(whole[:at], Trust("off"))


@given(st.text(max_size=20), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_sealed_is_opened(text: str, whole: int, real: float) -> None:
    """Law: whatever a configuration holds, its statement comes out of the envelope as it went in."""
    made = document(config={"second": {"word": f"w{text}".replace("/", "-"), "whole": whole, "real": real}})
    assert unseal(seal(made, OWN), REQUIRED).document == made


@pytest.mark.parametrize(
    "text",
    [
        b'{"payload": "QUFB", "payload": "QkJC"}',
        b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a": ' + b"9" * 5_000_000 + b"}",
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"0." + b"1" * 1_000_000 + b"}",
        b'{"a": [' + b"[]," * 10_000_000 + b"[]]}",
    ],
)
def test_json_bombs_are_refused(text: bytes) -> None:
    """Deep nesting, rows of digits, numbers that are none and keys said twice are refused, and soon."""
    for mode in ("required", "prefer", "off"):
        with pytest.raises(Untrusted):
            unseal(text, Trust(mode, (OWN.public,)))


def test_nesting_within_a_statement_is_refused() -> None:
    """A configuration nested as deeply as the reader allows is refused where the stage key is computed again, at the latest."""
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    made = document()
    made["predicate"]["buildDefinition"]["externalParameters"]["config"] = {"a": deep}
    with pytest.raises(Untrusted):
        unseal(seal(made, None), Trust("off"))


def test_large_statement_is_refused() -> None:
    """Beyond its limit nothing is read."""
    with pytest.raises(Untrusted, match="larger"):
        unseal(b" " * (LIMIT + 1), Trust("off"))


def test_public_verifier_agrees() -> None:
    """The secure-systems-lab's own implementation of DSSE checks our signature, and refuses it after a change."""
    public = pytest.importorskip("securesystemslib.dsse", reason="securesystemslib is not installed")
    from securesystemslib.signer import SSlibKey  # noqa: PLC0415 - behind the skip

    key = SSlibKey(OWN.public.id, "ed25519", "ed25519", {"public": OWN.public.raw.hex()})
    envelope = public.Envelope.from_dict(json.loads(SIGNED))
    assert envelope.payload_type == PAYLOAD
    assert list(envelope.verify([key], 1)) == [OWN.public.id]
    envelope.payload += b" "
    with pytest.raises(Exception, match=r"threshold|signature"):
        envelope.verify([key], 1)


def test_openssl_agrees(tmp_path: Path) -> None:
    """OpenSSL's command reads the key files and checks the signature over the encoded payload."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed")
    generate(tmp_path / "ci.key")
    envelope = json.loads(seal(document(), load_signer(str(tmp_path / "ci.key"))))
    (tmp_path / "message").write_bytes(pae(PAYLOAD, base64.b64decode(envelope["payload"])))
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    words = ["-inkey", "ci.key", "-rawin", "-in", "message", "-sigfile", "signature"]
    done = subprocess.run([openssl, "pkeyutl", "-verify", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verified Successfully" in done.stdout, done.stderr


def test_key_that_is_none_opens_nothing() -> None:
    """Thirty-two bytes that are no point of the curve refuse every signature, without a fault."""
    assert not PublicKey("x", b"\xff" * 32).verifies(b"\0" * 64, b"")
    assert not PublicKey("x", b"\0" * 32).verifies(b"", b"")

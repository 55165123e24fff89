"""Key files: made once, read exactly, never shown."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance_samples import signer

from net2bit.errors import ConfigError
from net2bit.provenance import keys, trust
from net2bit.provenance.envelope import Mode
from net2bit.provenance.keys import PublicKey, generate, load_public, load_signer

LINE = signer().public.line


def test_pair_fits(tmp_path: Path) -> None:
    """The public key that is printed, the one in the file, and the private key's own are one; the private file is its owner's alone."""
    made = generate(tmp_path / "ci.key")
    assert made.name == "ci"
    assert load_public(str(tmp_path / "ci.key.pub")) == (made,) == load_public(made.line)
    private = load_signer(str(tmp_path / "ci.key"))
    assert private.public.raw == made.raw
    assert made.verifies(private.sign(b"x"), b"x")
    assert not made.verifies(private.sign(b"x"), b"y")
    assert stat.S_IMODE((tmp_path / "ci.key").stat().st_mode) == 0o600


def test_key_is_never_overwritten(tmp_path: Path) -> None:
    """Making a key where one lies is refused, and leaves it as it was."""
    generate(tmp_path / "ci.key")
    before = (tmp_path / "ci.key").read_bytes()
    with pytest.raises(ConfigError, match="never overwritten"):
        generate(tmp_path / "ci.key")
    assert (tmp_path / "ci.key").read_bytes() == before


def test_key_in_no_folder_is_a_message(tmp_path: Path) -> None:
    """A place that cannot be written is a message for people."""
    with pytest.raises(ConfigError, match="cannot write"):
        generate(tmp_path / "absent" / "ci.key")


def test_signer_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NET2BIT_SIGNING_KEY is a path or the key itself; empty is none."""
    made = generate(tmp_path / "ci.key")
    text = (tmp_path / "ci.key").read_text()
    for given_as in (str(tmp_path / "ci.key"), text, f"  {text}  ", text.replace("\n", "\r\n"), text.replace("\n", "\\n")):
        monkeypatch.setenv(keys.VARIABLE, given_as)
        found = keys.signer()
        assert found is not None
        assert found.public.raw == made.raw
    monkeypatch.setenv(keys.VARIABLE, " ")
    assert keys.signer() is None


def test_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """A private key with loose permissions is refused with the command that mends it."""
    generate(tmp_path / "ci.key")
    (tmp_path / "ci.key").chmod(0o644)
    with pytest.raises(ConfigError, match="read by others") as fault:
        load_signer(str(tmp_path / "ci.key"))
    assert fault.value.remedy == f"chmod 600 {tmp_path / 'ci.key'}"


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----",
        "c2VjcmV0LXNlY3JldC1zZWNyZXQ=",
        "c2VjcmV0" * 600,
    ],
)
def test_no_message_shows_a_secret(text: str) -> None:
    """Whatever stands in NET2BIT_SIGNING_KEY, the message about it does not repeat it."""
    with pytest.raises(ConfigError) as fault:
        load_signer(text)
    assert "c2VjcmV0" not in str(fault.value)
    assert "c2VjcmV0" not in repr(signer())


def test_other_kinds_of_keys_are_refused(tmp_path: Path) -> None:
    """A key of another algorithm, and one with a passphrase, are refused with a way out."""
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - only here
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    locked = form.BestAvailableEncryption(b"word")
    for private, lock in ((ec.generate_private_key(ec.SECP256R1()), form.NoEncryption()), (Ed25519PrivateKey.generate(), locked)):
        pem = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)
        (tmp_path / "key").write_bytes(pem)
        (tmp_path / "key").chmod(0o600)
        with pytest.raises(ConfigError, match="not an ed25519 private key") as fault:
            load_signer(str(tmp_path / "key"))
        assert "keygen" in fault.value.remedy


def test_keys_of_openssh(tmp_path: Path) -> None:
    """A key pair of ssh-keygen signs and verifies, and its fingerprint is the one that ssh-keygen shows."""
    keygen = shutil.which("ssh-keygen")
    if not keygen:
        pytest.skip("ssh-keygen is not installed")
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-C", "ci key", "-f", str(tmp_path / "id")], check=True)
    private = load_signer(str(tmp_path / "id"))
    (public,) = load_public(str(tmp_path / "id.pub"))
    assert public == PublicKey("ci-key", private.public.raw) == load_public((tmp_path / "id.pub").read_text().strip())[0]
    shown = subprocess.run([keygen, "-lf", str(tmp_path / "id.pub")], capture_output=True, text=True, check=True).stdout
    assert public.id in shown


def test_file_of_keys(tmp_path: Path) -> None:
    """A file holds many keys, for the time in which an old one and a new one are both in use; comments and blank lines are left out."""
    (tmp_path / "keys").write_text(f"# ours\n{LINE}  # the runner\n\n{signer(2).public.line}\n")
    assert [key.name for key in load_public(str(tmp_path / "keys"))] == ["key1", "key2"]


@pytest.mark.parametrize("line", ["ci:AAAA", "ci:" + "!" * 44, "ssh-rsa AAAA x", "ssh-ed25519 AAAA", "ssh-ed25519", "nonsense", ""])
def test_line_that_is_no_key_is_refused(tmp_path: Path, line: str) -> None:
    """A damaged line is refused where it stands: on its own, or with the number of its line in the file."""
    with pytest.raises(ConfigError):
        load_public(line)
    if line:
        (tmp_path / "keys").write_text(f"{LINE}\n{line}\n")
        with pytest.raises(ConfigError) as fault:
            load_public(str(tmp_path / "keys"))
        assert fault.value.where.endswith("keys:2")


@given(st.binary(min_size=32, max_size=32), st.from_regex(r"[A-Za-z0-9_.@+-]{1,20}", fullmatch=True))
def test_lines_come_back(raw: bytes, name: str) -> None:
    """Law: a key's line is read as the key, with the padding of base64 or without; doit takes it for no override."""
    line = PublicKey(name, raw).line
    assert load_public(line) == load_public(f"{line}=") == (PublicKey(name, raw),)
    assert "=" not in line


@pytest.mark.parametrize(
    ("url", "mode", "given_keys", "expected"),
    [
        ("https://cache.example", None, [LINE], "required"),
        ("file:///srv/cache", None, [], "off"),
        ("file:///srv/cache", None, [LINE], "required"),
        ("https://cache.example", "off", [], "off"),
        ("https://cache.example", "prefer", [], "prefer"),
        ("s3://bucket", None, [], None),
        ("https://cache.example", "required", [], None),
    ],
)
def test_default_of_trust(url: str, mode: Mode | None, given_keys: list[str], expected: str | None) -> None:
    """Left open, signatures are required everywhere but in a folder without keys; required without a key is refused with the ways out."""
    if expected is None:
        with pytest.raises(ConfigError, match="no key is trusted"):
            trust.decide(url, mode, given_keys)
        assert trust.decide(url, mode, given_keys, reads=False).mode == "required"
    else:
        assert trust.decide(url, mode, given_keys).mode == expected

"""Ed25519 keys: who signs, and whose signatures count.

A private key is a PEM file (PKCS #8, as `openssl genpkey -algorithm ed25519` makes it, or OpenSSH's own form). A public key is one line:
`name:base64` of its 32 bytes, without padding or with, or a line of OpenSSH's (`ssh-ed25519 AAAA… name`). The name is the reader's word
for it; what identifies a key is its fingerprint, which `ssh-keygen -l` shows too.
"""

import base64
import binascii
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from net2bit.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VARIABLE: Final = "NET2BIT_SIGNING_KEY"
KEYS: Final = "cache.remote.keys"
_TYPE: Final = "ssh-ed25519"
_HEAD: Final = b"\0\0\0\x0bssh-ed25519\0\0\0 "  # what comes before the 32 bytes in OpenSSH's form (RFC 8709)
_BYTES: Final = 32
_LINE: Final = re.compile(r"([\w.@+-]+):([A-Za-z0-9+/]{43})=?", re.ASCII)


@dataclass(frozen=True)
class PublicKey:
    """A key whose signatures can be checked.

    Attributes:
        name: What its owner, or the list of trusted keys, calls it.
        raw: Its 32 bytes (RFC 8032).
    """

    name: str
    raw: bytes

    @property
    def id(self) -> str:
        """Its fingerprint, as OpenSSH writes it: `SHA256:…`."""
        digest = hashlib.sha256(_HEAD + self.raw).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def line(self) -> str:
        """The key as one line, for a configuration or a file of trusted keys; without `=`, which doit would take for an override."""
        return f"{self.name}:{base64.b64encode(self.raw).decode().rstrip('=')}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether *signature* is this key's, over *message*."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - a build that signs nothing does not pay for it
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - likewise

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A private key.

    Attributes:
        public: Its public half.
    """

    public: PublicKey
    _private: "Ed25519PrivateKey" = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Return the signature over *message*, 64 bytes."""
        return self._private.sign(message)


def generate(path: Path, name: str = "") -> PublicKey:
    """Make a key pair: the private key at *path*, readable by its owner alone, and the public key's line at *path* + `.pub`.

    *name* is the file's by default.

    Raises:
        ConfigError: One of the files is there already, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - only here
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - only here

    private = Ed25519PrivateKey.generate()
    public = PublicKey(_name(name or path.stem), private.public_key().public_bytes_raw())
    _write_new(path, private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()), 0o600)
    _write_new(path.with_name(f"{path.name}.pub"), f"{public.line}\n".encode(), 0o644)
    return public


def _name(text: str) -> str:
    return re.sub(r"[^\w.@+-]+", "-", text, flags=re.ASCII) or "key"


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise ConfigError("this file is there already: a key is never overwritten", where=str(path), remedy="name another file") from None
    except OSError as fault:
        raise ConfigError(f"cannot write the key: {fault.strerror}", where=str(path), remedy="name a file in a folder of yours") from fault
    with os.fdopen(fd, "wb") as file:
        file.write(content)


def signer() -> Signer | None:
    """Return the key that NET2BIT_SIGNING_KEY gives, None where it gives none.

    Raises:
        ConfigError: It is no key.
    """
    given = os.environ.get(VARIABLE, "").strip()
    return load_signer(given) if given else None


def load_signer(given: str) -> Signer:
    """Return the private key *given*: the path of its file, or the key's text. No message shows the text.

    Raises:
        ConfigError: There is no such file, others may read it, or it is no ed25519 key without a passphrase.
    """
    if "PRIVATE KEY-----" in given:
        return _parse_private(given.replace("\\n", "\n").encode(), VARIABLE)  # some CI's secrets have one line
    path = Path(given).expanduser()
    try:
        exposed = path.stat().st_mode & 0o077
        content = path.read_bytes()
    except OSError as fault:
        remedy = "give the path of a private key (`./doitw cache keygen FILE` makes one), or its text in PEM form"
        raise ConfigError(f"the signing key cannot be read: {fault.strerror}", where=VARIABLE, remedy=remedy) from None
    if exposed:
        raise ConfigError("the signing key may be read by others", where=str(path), remedy=f"chmod 600 {path}")
    return _parse_private(content, str(path))


def _parse_private(content: bytes, where: str) -> Signer:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - a build that signs nothing does not pay for it
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - likewise
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - likewise

    load = form.load_ssh_private_key if b"BEGIN OPENSSH" in content else form.load_pem_private_key
    try:
        private = load(content.strip() + b"\n", None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        remedy = "make one with `./doitw cache keygen FILE`"
        raise ConfigError("not an ed25519 private key in PEM form without a passphrase", where=where, remedy=remedy) from None
    return Signer(PublicKey("own", private.public_key().public_bytes_raw()), private)


def load_public(given: str) -> tuple[PublicKey, ...]:
    """Return the public keys *given*: one line, or the path of a file of lines (`#` begins a comment).

    Raises:
        ConfigError: It is neither, or a line is no key.
    """
    if _LINE.fullmatch(given.strip()) or given.startswith(_TYPE):
        return (_parse_public(given.strip(), KEYS),)
    path = Path(given).expanduser()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, ValueError):
        remedy = (
            "write `name:base64` (the line that `./doitw cache keygen` prints), a line of OpenSSH's, or the path of a file of such lines"
        )
        raise ConfigError(f"neither a public key nor a file of them: {given[:60]}", where=KEYS, remedy=remedy) from None
    return tuple(_parse_public(text, f"{path}:{at}") for at, line in enumerate(lines, 1) if (text := line.split("#")[0].strip()))


def _parse_public(line: str, where: str) -> PublicKey:
    words = line.split()
    found = _LINE.fullmatch(line)
    try:
        if found:
            return PublicKey(found[1], base64.b64decode(found[2] + "=", validate=True))
        if words[0] == _TYPE and len(words) > 1:
            blob = base64.b64decode(words[1], validate=True)
            if blob.startswith(_HEAD) and len(blob) == len(_HEAD) + _BYTES:
                return PublicKey(_name(" ".join(words[2:])), blob[len(_HEAD) :])
    except binascii.Error:
        pass
    raise ConfigError(f"not an ed25519 public key: {line[:60]}", where=where, remedy="write `name:base64`, or a line of OpenSSH's")

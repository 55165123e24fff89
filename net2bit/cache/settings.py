"""How a shared cache is used: where it lies, in which direction, and whom to trust. Secrets come from the environment alone."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from net2bit.errors import ConfigError
from schemas.address import fault

AUTH: Final = "NET2BIT_CACHE_AUTH"
Mode = Literal["read", "write", "readwrite"]


@dataclass(frozen=True)
class RemoteSettings:
    """The settings of a shared cache.

    Attributes:
        url: Where it lies.
        mode: Whether results are read from it, written to it, or both.
        trust: See `provenance.trust.decide`.
        keys: Public keys, or files of them.
        max_entry: Most bytes of one result.
        timeout: Seconds to wait for an answer, and for each piece of it.
        retries: Tries after the first.
        auth: `user:password`, or a bearer token; a secret.
    """

    url: str
    mode: Mode = "read"
    trust: Literal["required", "prefer", "off"] | None = None
    keys: tuple[str, ...] = ()
    max_entry: int = 4 * 10**9
    timeout: float = 10.0
    retries: int = 2
    auth: str = field(default="", repr=False)

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> "RemoteSettings":
        """Return the settings of an experiment's `cache.remote` group, which names a place.

        Raises:
            ConfigError: The place is none, something is not known here, or NET2BIT_CACHE_AUTH holds what no header can.
        """
        given = {name: value for name, value in group.items() if value is not None}
        wrong = fault(given["url"])
        if wrong:
            raise ConfigError(f"not a place for a shared cache: {wrong}", where="cache.remote.url")
        known = cls.__dataclass_fields__.keys() - {"auth"}
        if given.keys() - known:
            raise ConfigError(f"unknown: {', '.join(sorted(given.keys() - known))}", where="cache.remote")
        return cls(**given | {"keys": tuple(given.get("keys", ()))}, auth=_secret())

    @property
    def reads(self) -> bool:
        """Whether results are taken from it."""
        return self.mode != "write"

    @property
    def writes(self) -> bool:
        """Whether results are sent to it."""
        return self.mode != "read"

    @property
    def shown(self) -> str:
        """The place, as it may be shown to anybody."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _secret() -> str:
    """Return NET2BIT_CACHE_AUTH; no message shows it.

    Raises:
        ConfigError: It has several lines, or letters that travel in no header: a library would say so, and repeat it.
    """
    found = os.environ.get(AUTH, "").strip()
    if not found.isprintable() or not (found.isascii() or ":" in found):
        remedy = "give user:password, or a bearer token of ASCII letters, on one line"
        raise ConfigError("it holds line breaks or letters that no request can carry", where=AUTH, remedy=remedy)
    return found

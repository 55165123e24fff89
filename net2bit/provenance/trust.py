"""Which trust a remote cache gets, from its settings."""

from collections.abc import Sequence
from typing import Final

from net2bit.errors import ConfigError
from net2bit.provenance import keys
from net2bit.provenance.envelope import Mode, Trust

_PRIVATE: Final = "file://"


def default(url: str) -> Mode:
    """Return the trust of a cache at *url* where the settings name none.

    Into a folder only those write whom the file system lets; behind any other address may be anybody.
    """
    return "prefer" if url.startswith(_PRIVATE) else "required"


def decide(url: str, mode: Mode | None, given: Sequence[str], *, reads: bool = True) -> Trust:
    """Return the trust in what lies at *url*.

    The key that signs here is trusted without being listed: whoever holds it can have signed anything anyway.

    Args:
        url: Where the cache is.
        mode: The setting; None where it is left open.
        given: The setting `cache.remote.keys`: public keys, or files of them.
        reads: Whether anything is taken from there.

    Raises:
        ConfigError: A key is none, or signatures are required and no key is trusted.
    """
    own = keys.signer()
    trusted = [key for one in given for key in keys.load_public(one)] + ([own.public] if own else [])
    chosen = mode or default(url)
    if chosen == "required" and not trusted and reads:
        raise ConfigError(
            "signatures are required, and no key is trusted",
            where=keys.KEYS,
            remedy="list the public keys of those who build for this cache; cache.remote.trust=off where only they can write to it",
        )
    return Trust(chosen, tuple(trusted))

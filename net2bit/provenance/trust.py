"""Which trust a shared cache gets, from its settings."""

from collections.abc import Sequence
from typing import Final

from net2bit.errors import ConfigError
from net2bit.provenance.envelope import Mode, Trust
from net2bit.provenance.keys import KEYS, load_public

_FOLDER: Final = "file://"


def default(url: str, given: Sequence[str]) -> Mode:
    """Return the trust in what lies at *url* where the setting leaves it open: `required`, but for a folder without keys.

    Into a folder only those write whom its permissions let, as into the cache of this machine; behind any other address may be anybody.
    """
    return "off" if url.startswith(_FOLDER) and not given else "required"


def decide(url: str, mode: Mode | None, given: Sequence[str], *, reads: bool = True) -> Trust:
    """Return the trust in what lies at *url*.

    Args:
        url: Where the cache is.
        mode: The setting `cache.remote.trust`; None where it is left open.
        given: The setting `cache.remote.keys`: public keys, or files of them.
        reads: Whether anything is taken from there.

    Raises:
        ConfigError: A key is none, or signatures are required and no key is trusted.
    """
    trusted = tuple(key for one in given for key in load_public(one))
    chosen = mode or default(url, given)
    if chosen == "required" and not trusted and reads:
        raise ConfigError(
            "signatures are required, and no key is trusted",
            where=KEYS,
            remedy="list the public keys of those who build for this cache; cache.remote.trust=off where only they can write to it",
        )
    return Trust(chosen, trusted)

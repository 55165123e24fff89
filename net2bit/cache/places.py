"""Which transport serves which URL."""

from urllib.parse import urlsplit

from net2bit.cache.settings import RemoteSettings
from net2bit.cache.transport import Transport


def reach(settings: RemoteSettings) -> Transport:
    """Return the transport of a shared cache.

    Raises:
        ToolError: A package is missing.
        Unavailable: The place cannot be reached.
    """
    if urlsplit(settings.url).scheme in {"http", "https"}:
        from net2bit.cache.http import Http  # noqa: PLC0415 - one scheme's package

        return Http(settings.url, settings.auth, settings.timeout)
    from net2bit.cache.tree import open_tree  # noqa: PLC0415 - likewise

    return open_tree(settings.url, settings.auth, settings.timeout)

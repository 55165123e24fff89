"""What the shared cache needs of a place: look, read from an offset, write whole. And the ways in which that fails."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

CHUNK: Final = 1 << 18
"""Most bytes that are handed on at once: few calls, and still within a processor's cache."""


class Missing(Exception):  # noqa: N818 - none of these is an error of the build: all end in a rebuild
    """Nothing lies under this name."""


class Refused(Exception):  # noqa: N818 - likewise
    """The server is there and says no: to everybody, or to this user."""


class Unavailable(Exception):  # noqa: N818 - likewise
    """The server cannot be reached, does not answer in time, breaks off, or is at fault itself."""


@dataclass(frozen=True)
class Stream:
    """What lies under a name, on its way.

    Attributes:
        offset: Where in the content it begins: 0 where the server knows no offsets.
        size: Bytes of the whole content, as the server says; None where it does not say.
        read: Returns the next bytes as they come, none at the end.
    """

    offset: int
    size: int | None
    read: Callable[[], bytes]


class Readable(Protocol):
    """A file, as far as it is read."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Return at most *size* bytes, all that are left by default; none at the end."""


class Transport(Protocol):
    """A place where a shared cache lies. Names are `ac/<sha256>` and `cas/<sha256>`. Threads may share it.

    Every method raises `Refused` and `Unavailable`.
    """

    def exists(self, name: str) -> bool:
        """Return whether something lies under *name*."""

    def get(self, name: str, offset: int = 0) -> AbstractContextManager[Stream]:
        """Open what lies under *name*, from *offset* on where the place can do that.

        Raises:
            Missing: Nothing does.
        """

    def put(self, name: str, content: Readable, size: int) -> None:
        """Put *size* bytes under *name*: at every moment readers see nothing, what was there before, or all of it."""

    def close(self) -> None:
        """Give connections back."""

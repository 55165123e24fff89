"""The sweep that this process runs: hydra hands its plug-ins nothing but its own configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from net2bit.errors import ConfigError
from net2bit.sweep.batches import Batches
from net2bit.sweep.session import Session


@dataclass(frozen=True)
class Sweep:
    """What a launcher or sweeper of this project works on.

    Attributes:
        session: What builds the points.
        batches: What makes points of hydra's overrides.
        sent: Overrides of the points that went to processes of their own, by number.
        pruned: Why a search built some of them no further, by number.
    """

    session: Session
    batches: Batches
    sent: dict[int, Sequence[str]] = field(default_factory=dict)
    pruned: dict[int, str] = field(default_factory=dict)


_running: list[Sweep] = []


def begin(sweep: Sweep) -> None:
    """Make *sweep* the one that runs."""
    _running[:] = [sweep]


def current() -> Sweep:
    """Return the sweep that runs.

    Raises:
        ConfigError: There is none: the plug-in was named in another program.
    """
    if not _running:
        raise ConfigError("net2bit's launchers and sweepers belong to its own sweeps", where="hydra/launcher", remedy="run python sweep.py")
    return _running[0]

"""How much memory a stage is given: what the user says, else what runs like it took here, else what its operation declares.

A declaration is one figure for all configurations, made for the default experiment. What was measured in this tree is nearer the truth:
where this very stage ran, it takes the declaration's place; where only something like it did, the larger of the two counts, since a killed
stage costs more than one that waits.
"""

from typing import Final, NamedTuple, Protocol

from net2bit.graph.history import Peak
from net2bit.graph.stage import Stage

_MARGIN: Final = 1.25  # no two runs take the same, and short peaks of several processes together may fall between two looks
_AGAIN: Final = 2  # how much more a run would have taken that was killed, nobody knows
_STEP: Final = 50 * 10**6


class Memory(NamedTuple):
    """A figure and where it is from.

    Attributes:
        amount: Bytes.
        source: `measured` or `declared`; empty for the user's own word.
    """

    amount: int
    source: str = ""


class Peaks(Protocol):
    """What `history.History` knows of earlier runs."""

    def peak(self, stage: Stage) -> Peak | None:
        """Return the largest memory that the last runs of *stage* took."""


def of(stage: Stage, peaks: Peaks) -> Memory | None:
    """Return the memory that a run of *stage* is given, None where nothing is known; *peaks* is asked only where the user says nothing."""
    own = stage.resources.get("memory")
    if own is not None and "memory" in stage.said:
        return Memory(own)
    peak = peaks.peak(stage)
    if peak is not None and (peak.same or roomy(peak) > (own or 0)):
        return Memory(roomy(peak), "measured")
    return Memory(own, "declared") if own is not None else None


def roomy(peak: Peak) -> int:
    """Return the bytes for a run like those that took *peak*: with a margin, rounded up."""
    return -(-int(peak.amount * (_AGAIN if peak.killed else _MARGIN)) // _STEP) * _STEP

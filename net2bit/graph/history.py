"""What earlier runs took: for estimates, for `why`, for people."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Final, NamedTuple

from net2bit.graph.paths import labelled
from net2bit.graph.records import Records, Row
from net2bit.graph.stage import Stage

_LAST: Final = 5  # runs that an estimate looks at
_MANY: Final = 100  # runs of an op among which those most like a stage are looked for


@dataclass(frozen=True)
class Run:
    """One line of the history.

    Attributes:
        stage: The stage's name.
        target: Path of its first product.
        key: Its stage key.
        how: `ran`, `restored`, `failed`, or `killed`: by SIGKILL, as the kernel does where memory runs out.
        at: When it ended, in seconds since 1970.
        seconds: Wall time, with everything the store did.
        own: Wall time within the stage's function.
        cpu: CPU seconds.
        peak: Peak memory of all its processes, in bytes.
        tools: Tool -> version.
    """

    stage: str
    target: str
    key: str
    how: str
    at: float
    seconds: float
    own: float
    cpu: float
    peak: int
    tools: Mapping[str, str]


class Peak(NamedTuple):
    """What runs took at most.

    Attributes:
        amount: Bytes.
        same: Whether they were runs of the very stage, with all that decides it but its inputs' content and its code.
        killed: Whether the one that took so much was killed over it: it would have taken more.
    """

    amount: int
    same: bool
    killed: bool = False


_FIELDS: Final = tuple(one.name for one in fields(Run))


class History:
    """Queries over all runs in this tree."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def estimate(self, stage: Stage) -> float | None:
        """Return how many seconds a run of *stage* should take, None when nothing like it ever ran.

        It is the median of the last runs for this very target, else of the stage's name, else of its op.
        """
        for column, value in (("target", stage.outputs[0].path), ("stage", stage.name), ("op", stage.op.name)):
            query = f"SELECT seconds FROM history WHERE {column}=? AND how='ran' ORDER BY at DESC LIMIT ?"  # noqa: S608 - own words
            found = [row[0] for row in self._records.ask(query, (value, _LAST))]
            if found:
                import statistics  # noqa: PLC0415 - costs more than a null build

                return float(statistics.median(found))
        return None

    def peak(self, stage: Stage) -> Peak | None:
        """Return the largest memory that the last runs of *stage* took, None when nothing like it ever ran.

        It is that of this very target, runs that were killed included. Else it is that of targets with the same label (the choices that
        matter), else of the stage's name, else of its op.
        """
        target = stage.outputs[0].path
        query = "SELECT peak, how FROM history WHERE target=? AND how IN ('ran', 'killed') AND peak>0 ORDER BY at DESC LIMIT ?"
        own = self._records.ask(query, (target, _LAST))
        if own:
            most, how = max(own, key=itemgetter(0))
            return Peak(most, same=True, killed=how == "killed")
        like = self._like(stage)
        return Peak(max(like[:_LAST]), same=False) if like else None

    def _like(self, stage: Stage) -> list[int]:
        """Return the peaks of runs of the op that are most like *stage*, the newest first."""
        query = "SELECT target, stage, peak FROM history WHERE op=? AND how='ran' AND peak>0 ORDER BY at DESC LIMIT ?"
        rows = self._records.ask(query, (stage.op.name, _MANY))
        label = labelled(stage.outputs[0].path)
        near = [peak for target, _, peak in rows if labelled(target) == label]
        return near or [peak for _, name, peak in rows if name == stage.name] or [peak for *_, peak in rows]

    def runs(self, stage: Stage | None = None, limit: int = 20) -> list[Run]:
        """Return the last runs, the newest first; of one stage, or of all."""
        where, values = ("WHERE stage=?", (stage.name,)) if stage else ("", ())
        columns = ", ".join(_FIELDS)
        rows = self._records.ask(f"SELECT {columns} FROM history {where} ORDER BY at DESC, id DESC LIMIT ?", (*values, limit))  # noqa: S608
        return [Run(**dict(zip(_FIELDS, found, strict=True)) | {"tools": json.loads(found[-1])}) for found in rows]


def row(stage: Stage, key: str, how: str, took: Mapping[str, float], tools: Mapping[str, str]) -> tuple[str, Row]:
    """Return the history line of a run that has just ended."""
    figures = (took["seconds"], took["own"], took["cpu"], int(took["peak"]))
    return "history", (stage.outputs[0].path, stage.name, stage.op.name, key, how, time.time(), *figures, json.dumps(dict(tools)))

"""A stage on its way to a node: everything `Store.build` needs, so that nothing has to be composed or planned there."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from net2bit.errors import StoreError
from net2bit.graph.kind import Op, Tool
from net2bit.graph.stage import Artifact, Stage

FORMAT: Final = "net2bit.ticket/1"
_LISTS: Final = ("makes", "needs", "reads", "files", "uses")


@dataclass(frozen=True)
class Ticket:
    """What a node is to do.

    Attributes:
        root: The project.
        stage: The stage to build in it.
        cache: The experiment's `cache` group.
        grace: Seconds that the shared file system gets to show the stage's inputs.
    """

    root: Path
    stage: Stage
    cache: Mapping[str, Any]
    grace: float

    def text(self) -> str:
        """Return it as JSON."""
        parts = {"format": FORMAT, "root": str(self.root), "cache": dict(self.cache), "grace": self.grace, "stage": asdict(self.stage)}
        return json.dumps(parts, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Ticket":
        """Return the ticket in the file *path*.

        Raises:
            StoreError: It cannot be read, or another net2bit wrote it.
        """
        try:
            parts = json.loads(path.read_bytes())
        except (OSError, ValueError) as fault:
            raise StoreError(f"a job's ticket cannot be read: {fault}", where=str(path)) from fault
        if parts.get("format") != FORMAT:
            raise StoreError("another net2bit wrote this job's ticket", where=str(path), remedy="start the build again with this one")
        return cls(Path(parts["root"]), _stage(parts["stage"]), parts["cache"], parts["grace"])


def _stage(parts: dict[str, Any]) -> Stage:
    placed = {side: tuple(Artifact(**one) for one in parts[side]) for side in ("inputs", "outputs")}
    return Stage(**parts | placed | {"op": _op(parts["op"]), "said": tuple(parts["said"])})


def _op(parts: dict[str, Any]) -> Op:
    lists = {name: tuple(parts[name]) for name in _LISTS}
    only = {key: None if values is None else tuple(values) for key, values in parts["only"].items()}
    return Op(**parts | lists | {"only": only, "tools": tuple(map(_tool, parts["tools"]))})


def _tool(parts: dict[str, Any]) -> Tool:
    return Tool(**parts | {name: tuple(parts[name]) for name in ("dists", "command")})

"""The part of the configuration that an op may see."""

from collections.abc import Callable, Mapping
from typing import Any

from net2bit.errors import PlanError, near
from net2bit.graph.kind import Op
from net2bit.job import canonical

Slice = Mapping[str, Any]


class Slices:
    """Cuts slices out of one configuration; ops that read the same keys share one."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Keep *config*, which is not changed."""
        self._config = config
        self._values: dict[str, Any] = {}
        self._cut: dict[tuple[str, ...], tuple[Slice, str]] = {}

    def value(self, key: str, op: Op) -> Any:
        """Return the value of the dotted *key*.

        Raises:
            PlanError: There is no such key; the message names *op*, whose declaration is wrong.
        """
        if key not in self._values:
            self._values[key] = self._find(key, op)
        return self._values[key]

    def of(self, op: Op) -> Slice:
        """Return the keys that *op* reads, nested as in the experiment."""
        return self._both(op)[0]

    def text(self, op: Op) -> str:
        """Return `of(op)` as canonical JSON."""
        return self._both(op)[1]

    def reader(self, op: Op) -> Callable[[str], Any]:
        """Return a function from a key to its value, for patterns that *op* declares."""
        return lambda key: self.value(key, op)

    def _both(self, op: Op) -> tuple[Slice, str]:
        if op.reads not in self._cut:
            cut = self._nest(op)
            self._cut[op.reads] = cut, canonical(cut)
        return self._cut[op.reads]

    def _nest(self, op: Op) -> Slice:
        cut: dict[str, Any] = {}
        for key in sorted(op.reads):  # a group comes before its keys, and holds them already
            *parents, leaf = key.split(".")
            if any(".".join(parents[: n + 1]) in op.reads for n in range(len(parents))):
                continue
            place = cut
            for parent in parents:
                place = place.setdefault(parent, {})
            place[leaf] = self.value(key, op)
        return cut

    def _find(self, key: str, op: Op) -> Any:
        found: Any = self._config
        for depth, part in enumerate(key.split(".")):
            if not isinstance(found, Mapping) or part not in found:
                known = found if isinstance(found, Mapping) else ()
                prefix = "".join(f"{name}." for name in key.split(".")[:depth])
                close = near(part, known)
                raise PlanError(
                    f"op {op.name} names {key!r}, which is no key of the configuration",
                    where=op.name,
                    suggestion=prefix + close if close else "",
                    remedy="correct the op's declaration, or add the key to schemas/ and experiments/",
                )
            found = found[part]
        return found

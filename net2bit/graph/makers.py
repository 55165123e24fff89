"""Who makes what: for each kind exactly one maker and the ops that refine it, chosen from one toolchain."""

from collections import defaultdict
from collections.abc import Iterable

from net2bit.errors import PlanError, near
from net2bit.graph.kind import Op
from net2bit.graph.registry import Registry
from net2bit.graph.slices import Slices

Chain = tuple[Op, ...]


class Makers:
    """The ops of a toolchain that the experiment switches on, by what they make.

    A *chain* is the maker of a kind followed by the ops that refine it, in their declared order.
    """

    def __init__(self, registry: Registry, toolchain: str, slices: Slices) -> None:
        """Choose the ops of *toolchain* whose `only` holds.

        Raises:
            PlanError: There is no such toolchain, or an `only` names an unknown key.
        """
        self._registry = registry
        self._toolchain = toolchain
        self._slices = slices
        self._off: list[Op] = []
        self._first: dict[str, list[Op]] = defaultdict(list)
        self._refine: dict[str, list[Op]] = defaultdict(list)
        self._chains: dict[str, Chain] = {}
        for op in registry.ops(toolchain):
            if self._on(op):
                for kind in op.makes:
                    (self._refine if kind in op.needs else self._first)[kind].append(op)
            else:
                self._off.append(op)

    def chain(self, kind: str, user: str) -> Chain:
        """Return the maker of *kind* and its refiners; *user* is who asks, for messages.

        Raises:
            PlanError: No op, or more than one, makes the kind from others.
        """
        if kind not in self._chains:
            found = self._first.get(kind, ())
            if len(found) != 1:
                raise self._many(kind, found) if found else self._none(kind, user)
            self._chains[kind] = (found[0], *sorted(self._refine.get(kind, ()), key=lambda op: (op.order, op.name)))
        return self._chains[kind]

    def finisher(self, kind: str, user: str) -> Op:
        """Return the op that gives *kind* its final form."""
        return self.chain(kind, user)[-1]

    def provider(self, kind: str, op: Op) -> Op:
        """Return the op whose product of *kind* is taken by *op*: the one before it in the chain where it refines, else the last."""
        chain = self.chain(kind, op.name)
        return chain[chain.index(op) - 1] if kind in op.makes else chain[-1]

    def order(self, wanted: Iterable[Op]) -> list[Op]:
        """Return *wanted* and all that they need, each after what it needs.

        Raises:
            PlanError: Ops need each other in a circle; or as for `chain`.
        """
        done: dict[str, Op] = {}
        path: dict[str, None] = {}
        stack = [(op, False) for op in reversed(list(wanted))]
        while stack:
            op, left = stack.pop()
            if left:
                del path[op.name]
                done[op.name] = op
            elif op.name in path:
                raise self._circle([*path], op.name)
            elif op.name not in done:
                path[op.name] = None
                stack.append((op, True))
                stack += [(self.provider(kind, op), False) for kind in reversed(op.needs)]
        return list(done.values())

    def _on(self, op: Op) -> bool:
        for key, values in op.only.items():
            value = self._slices.value(key, op)
            if (value is None) if values is None else (value not in values):
                return False
        return True

    def _none(self, kind: str, user: str) -> PlanError:
        switched = [f"op {op.name} makes it with {_conditions(op)}" for op in self._off if kind in op.makes]
        others = [
            f"op {op.name} of toolchain {name} makes it: toolchain.name={name}"
            for name, ops in self._registry.toolchains.items()
            for op in ops
            if name != self._toolchain and kind in op.makes
        ]
        return PlanError(
            f"nothing makes {kind!r}" + (f", asked for by {user}" if user else ""),
            where=f"toolchain {self._toolchain}",
            suggestion="" if kind in self._registry.kinds else near(kind, self._first),
            remedy="; ".join(switched + others) or f"ask for one of: {', '.join(sorted(self._first))}",
        )

    def _many(self, kind: str, ops: Iterable[Op]) -> PlanError:
        named = [f"{op.name} ({self._registry.file_of(op.name, self._toolchain)})" for op in ops]
        conditions = [f"{op.name} is on with {_conditions(op)}" for op in ops if op.only]
        return PlanError(
            f"{kind!r} has more than one maker: {', '.join(op.name for op in ops)}",
            where=", ".join(named),
            remedy="; ".join(["let exactly one be switched on", *conditions]),
        )

    @staticmethod
    def _circle(path: list[str], name: str) -> PlanError:
        circle = [*path[path.index(name) :], name]
        return PlanError(f"ops need each other in a circle: {' -> '.join(circle)}", remedy="correct their `needs`")


def _conditions(op: Op) -> str:
    def text(key: str, values: tuple[object, ...] | None) -> str:
        return f"{key} set" if values is None else f"{key}={' or '.join(str(value).lower() for value in values)}"

    return " and ".join(text(key, values) for key, values in op.only.items())

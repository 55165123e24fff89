"""Graph passes under contract: what one needs, what it does, what it leaves behind, and whether it changed anything.

The IR is verified before the first pass and after every one, so that a pass that breaks a graph is named.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from net2bit.errors import ModelError
from net2bit.xir.constants import fold_constants
from net2bit.xir.fold import SOURCES, drop_identities, ends, fold_ahead, fold_behind, merge_affine, merge_resizes, spread_affine
from net2bit.xir.graph import CONSTANTS, Graph, Op
from net2bit.xir.padding import FRAMEWORK_MODES, WINDOWS, explain_padding, fold_padding
from net2bit.xir.verify import verify

Law = Callable[[Graph], str]
"""Returns what is wrong with a graph, or an empty string."""


def _always(_graph: Graph) -> str:
    return ""


@dataclass(frozen=True)
class Pass:
    """One transformation.

    Attributes:
        name: For messages.
        run: Changes the graph in place and returns how many places it changed.
        requires: Must hold before.
        ensures: Must hold behind.
    """

    name: str
    run: Callable[[Graph], int]
    requires: Law = _always
    ensures: Law = _always


@dataclass(frozen=True)
class Result:
    """What a sequence of passes did.

    Attributes:
        changes: Pass name -> places changed.
    """

    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def modified(self) -> bool:
        """Whether the graph is another one now."""
        return any(self.changes.values())


def apply(graph: Graph, passes: Iterable[Pass]) -> Result:
    """Run *passes* on *graph*, in place.

    Raises:
        ModelError: The graph is invalid before or after a pass, or a pass's contract is broken; it names the pass.
    """
    verify(graph)
    changes: dict[str, int] = {}
    for one in passes:
        _demand(one, "requires", one.requires(graph), graph)
        changes[one.name] = changes.get(one.name, 0) + one.run(graph)
        try:
            verify(graph)
        except ModelError as error:
            raise ModelError(f"pass '{one.name}' broke the graph: {error.what}", where=error.where) from error
        _demand(one, "ensures", one.ensures(graph), graph)
    return Result(changes)


def _demand(one: Pass, what: str, fault: str, graph: Graph) -> None:
    if fault:
        raise ModelError(f"pass '{one.name}' {what} what does not hold: {fault}", where=graph.name)


def remove_dead(graph: Graph) -> int:
    """Remove ops that no output needs; the outputs are `return_ops`, else all ops without consumer."""
    needed: set[str] = set()
    waiting = ends(graph)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(graph.op(name).producers)
    dead = [op for op in graph if op.name not in needed and op.type not in SOURCES]
    for op in reversed(dead):
        graph.remove(op.name)
    return len(dead)


def _of_types(graph: Graph, types: Iterable[str], fault: str, wrong: Callable[[Op], bool]) -> str:
    return next((f"{op.type} '{op.name}' {fault}" for op in graph.of_type(*types) if wrong(op)), "")


def _explicit(graph: Graph) -> str:
    return _of_types(graph, WINDOWS, "leaves its padding to the framework", lambda op: op.attrs.get("pad_mode") in FRAMEWORK_MODES)


def _no_identities(graph: Graph) -> str:
    kept = ends(graph)
    return _of_types(graph, ["identity"], "is still there", lambda op: op.name not in kept)


def _no_batchnorms(graph: Graph) -> str:
    return _of_types(graph, ["batchnorm", "scale"], "on a feature map is still there", lambda op: len(op.tensor.shape) == MAP_RANK)


def _all_used(graph: Graph) -> str:
    return _of_types(graph, CONSTANTS, "feeds nothing", lambda op: not graph.consumers(op.name))


MAP_RANK = 4

DROP_IDENTITIES = Pass("drop identities", drop_identities, ensures=_no_identities)
FOLD_CONSTANTS = Pass("fold constants", fold_constants)
EXPLICIT_PADDING = Pass("explicit padding", explain_padding, ensures=_explicit)
FOLD_PADDING = Pass("fold margins into convolutions", fold_padding, requires=_explicit)
FOLD_BEHIND = Pass("fold gains and shifts into the convolution before", fold_behind)
MERGE_AFFINE = Pass("join gains and shifts", merge_affine)
FOLD_AHEAD = Pass("fold gains and shifts into the convolution behind", fold_ahead, requires=_explicit)
SPREAD_AFFINE = Pass("turn what is left into depthwise convolutions", spread_affine, ensures=_no_batchnorms)
MERGE_RESIZES = Pass("merge resizes of height and width", merge_resizes)
REMOVE_DEAD = Pass("remove dead code", remove_dead, ensures=_all_used)

STANDARD = (
    DROP_IDENTITIES,
    EXPLICIT_PADDING,
    FOLD_PADDING,
    FOLD_BEHIND,
    MERGE_AFFINE,
    FOLD_AHEAD,
    SPREAD_AFFINE,
    MERGE_RESIZES,
    REMOVE_DEAD,
)
"""What a graph goes through on its way from a frozen network to the quantizer."""

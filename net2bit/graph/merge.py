"""Several plans as one graph: a stage that several points of a sweep want stands in it once."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from net2bit.graph.plan import Plan
from net2bit.graph.stage import Stage


@dataclass(frozen=True)
class Node:
    """A stage in a merged graph.

    Attributes:
        name: Tells it from all others: the stage's name where that is enough, else with its folder (`weights.h5:unet-w0.125-1a2b3c4d`).
        stage: The stage.
        needs: Names of the nodes whose products it takes, each once, in the order of its inputs.
        points: Numbers of the points that want it, in order.
    """

    name: str
    stage: Stage
    needs: tuple[str, ...]
    points: tuple[int, ...]


@dataclass(frozen=True)
class Merged:
    """The union of the plans of several points.

    Attributes:
        plans: Number of a point -> its plan.
        nodes: Name -> node, in an order in which they can run.
    """

    plans: Mapping[int, Plan]
    nodes: Mapping[str, Node]

    def of(self, point: int) -> Iterator[Node]:
        """Yield the nodes of one point, in the order of its plan."""
        return (node for node in self.nodes.values() if point in node.points)


def merge(plans: Mapping[int, Plan]) -> Merged:
    """Return the union of *plans*; stages of equal digest are one (the digest covers the op, its config and all that is upstream)."""
    stages: dict[str, Stage] = {}
    wanted: dict[str, list[int]] = {}
    for number, plan in plans.items():
        for stage in plan.stages:
            stages.setdefault(stage.digest, stage)
            wanted.setdefault(stage.digest, []).append(number)
    shared = Counter(stage.name for stage in stages.values())
    names = {digest: stage.name if shared[stage.name] == 1 else _long(stage) for digest, stage in stages.items()}
    makers = {output.path: names[digest] for digest, stage in stages.items() for output in stage.outputs}
    nodes = {names[digest]: Node(names[digest], stage, _needs(stage, makers), tuple(wanted[digest])) for digest, stage in stages.items()}
    return Merged(plans, nodes)


def _long(stage: Stage) -> str:
    return f"{stage.name}:{os.path.basename(os.path.dirname(stage.outputs[0].path))}"


def _needs(stage: Stage, makers: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(makers[item.path] for item in stage.inputs if item.maker))

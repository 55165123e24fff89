"""Graphs of small real stages for the tests of the scheduler."""

from dataclasses import replace

from noted_graph import NotedGraph

from net2bit.graph.pools import Limits


class Graph(NotedGraph):
    """A graph in the making, in a project of its own."""

    def say(self, name: str, **amounts: int) -> "Graph":
        """Have the user say what the node *name* takes."""
        node = self.nodes[name]
        said = replace(node.stage, resources={**node.stage.resources, **amounts}, said=tuple(amounts))
        self.nodes[name] = replace(node, stage=said)
        return self


def limits(cores: int = 8, memory: int = 8 * 10**9, **pools: int) -> Limits:
    """Return limits that do not depend on the machine."""
    return Limits(cores, memory, pools)

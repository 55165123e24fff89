"""The stage that turns weights into a frozen graph and says where to feed and read it."""

import json
from typing import Any

from net2bit.errors import ModelError
from net2bit.export.ends import count_ops, find_ends
from net2bit.export.graph import Freezer
from net2bit.job import Job
from net2bit.nets import Network, describe
from net2bit.nets.weights import read_weights


def run(job: Job) -> None:
    """Make `frozen.pb` and `frozen.json` from `weights.h5`.

    Raises:
        ModelError: The weights do not fit the network that the experiment describes.
    """
    network = describe(job.config["model"], job.config["dataset"]["classes"])
    job.progress(0, 2, "reading weights")
    freezer = Freezer(read_weights(job.inputs["weights.h5"], network))
    graph = freezer.freeze(network)
    job.progress(1, 2, "writing graph")
    job.outputs["frozen.pb"].write_bytes(graph.SerializeToString(deterministic=True))
    facts = graph_facts(graph, network, freezer.outputs)
    job.outputs["frozen.json"].write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")
    for name in ("params", "macs"):
        job.metric(name, facts[name])
    job.progress(2, 2, "done")


def graph_facts(graph: Any, network: Network, outputs: dict[str, str]) -> dict[str, Any]:
    """Return what the later stages need to know about a frozen graph.

    Args:
        graph: The `GraphDef`; its ends are found in it.
        network: The layer list that it came from, which knows the shapes and the counts.
        outputs: Layer name -> node that carries its output.

    Raises:
        ModelError: An end of the graph carries no layer's output.
    """
    ends = find_ends(graph)
    layers = {node: network.layer(name) for name, node in outputs.items()}

    def ports(nodes: tuple[str, ...]) -> list[dict[str, Any]]:
        for node in nodes:
            if node not in layers:
                raise ModelError(f"node '{node}' is an end of the graph, but no layer's output", where=node)
        return [{"name": node, "layer": layers[node].name, "shape": [-1, *layers[node].shape], "dtype": "float32"} for node in nodes]

    return {
        "inputs": ports(ends.inputs),
        "outputs": ports(ends.outputs),
        "ops": count_ops(graph),
        "node_count": len(graph.node),
        "params": network.params,
        "macs": network.macs,
        "workload_mops": network.workload_mops,
        "convolutions": network.convolutions,
        "dpu_nodes": network.nodes,
        "dpu_tensors": network.tensors,
    }

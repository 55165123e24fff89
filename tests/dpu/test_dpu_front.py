"""The front end's layers compute what the integer executor computes, whatever the op."""

from pathlib import Path

import numpy as np
import pytest

from fixed_nets import NETS, Fixed, image
from fixed_nets import network as net
from interpreted_layers import interpret
from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.front import CpuPart, Partition, network
from net2bit.dpu.compiler.layers import Work
from net2bit.errors import ModelError, QuantError
from net2bit.quant.executor import run_integer
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read


def check(graph: Graph, part: Partition) -> None:
    codes = image(graph)
    expected = run_integer(part.graph, codes, keep=[op for one in part.dpu for op in (*one.inputs, *one.outputs)])
    for one in part.dpu:
        maps = interpret(one.network, {name: expected[op][0] for op, name in one.inputs.items()})
        for op, name in one.outputs.items():
            np.testing.assert_array_equal(maps[name].reshape(-1), expected[op].reshape(-1), err_msg=op)


@pytest.mark.parametrize("arch", ["B512", "B4096"])
@pytest.mark.parametrize("name", NETS)
def test_layers_equal_the_executor(name: str, arch: str) -> None:
    """Protects every rule of the front end: geometry, shifts, weights, views."""
    graph = net(name)
    part = network(graph, standard(arch))
    assert not part.cpu
    assert len(part.dpu) == 1
    check(graph, part)

"""Compiled networks compute on the simulator what the integer executor computes, on every architecture, and their code is safe."""

from pathlib import Path

import numpy as np
import pytest
from fixed_nets import NETS, Fixed, image, network
from numpy.typing import NDArray

from net2bit.dpu.arch import standard
from net2bit.dpu.check import check
from net2bit.dpu.compiler import compile as compile_module
from net2bit.dpu.compiler.compile import Compiled, compile_graph
from net2bit.dpu.compiler.layers import Network
from net2bit.dpu.compiler.schedule import Group, LayerPlan, Schedule
from net2bit.dpu.model import DpuSubgraph, load
from net2bit.dpu.runner import Runner
from net2bit.dpu.simulator import run
from net2bit.dpu.target.configuration import PARALLELISM
from net2bit.errors import ConfigError, ModelError
from net2bit.quant.executor import run_integer
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import decode, encode, read

MNIST = "xmodel/dpu_mnist_classifier.xmodel"


def compiled(graph: Graph, name: str, *, high: bool = False) -> Compiled:
    return compile_graph(graph, standard(name, high=high).fingerprint)


def agrees(graph: Graph, made: Compiled, seed: int = 1) -> None:
    """Compare every output of the machine code with the executor's, and look for hazards."""
    codes = image(graph, seed)
    wanted = run_integer(graph, codes)
    found = Runner(made.graph).run(codes, strict=True)
    assert len(found) == len(wanted)
    for name, expected in wanted.items():
        np.testing.assert_array_equal(found.get(name, found.get(f"{name}_download_0")).reshape(-1), expected.reshape(-1), err_msg=name)  # type: ignore[union-attr]
    assert not [finding for part in load(made.graph) for finding in check(part.program, part.arch, part.sizes)]


@pytest.mark.parametrize("arch", ["B512", "B2304", "B4096"])
@pytest.mark.parametrize("name", NETS)
def test_machine_code_equals_the_executor(name: str, arch: str) -> None:
    """Protects the whole compiler: every op type, from the graph to the bytes of the outputs."""
    graph = network(name, seed=3)
    agrees(graph, compiled(graph, arch))


@pytest.mark.parametrize("arch", sorted(set(PARALLELISM) - {"B512", "B2304", "B4096"}))
@pytest.mark.parametrize("name", ["unet", "separable", "residual"])
def test_the_other_architectures(name: str, arch: str) -> None:
    """Protects every parallelism, and three image groups."""
    graph = network(name, seed=4)
    agrees(graph, compiled(graph, arch, high=arch == "B1600"))


@pytest.mark.parametrize("name", ["unet", "transposed", "pools"])
def test_a_compiled_model_survives_its_file_and_compiles_again(name: str) -> None:
    """Protects reading a compiled model as the network that it holds: parameters from REG_0, biases that were stored shifted."""
    graph = network(name, seed=5)
    first = compiled(graph, "B4096")
    again = compiled(decode(encode(first.graph)), "B800")
    codes = image(graph)
    one, two = Runner(first.graph).run(codes), Runner(again.graph).run(codes)
    for left, right in zip(one.values(), two.values(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_same_graph_gives_the_same_bytes() -> None:
    """Protects reproducible builds."""
    assert encode(compiled(network("nested"), "B1152").graph) == encode(compiled(network("nested"), "B1152").graph)


@pytest.mark.parametrize("arch", ["B4096", "B2304", "B512"])
def test_the_vendors_mnist_compiled_anew(reference: Path, arch: str) -> None:
    """Protects the use of a compiled model's graph: the golden vectors of the vendor's code hold for ours, on other targets too."""
    made = compiled(read(reference / MNIST), arch)
    golden = np.load(reference / "golden" / "dpu_mnist_sim_runner.npz")
    (part,) = load(made.graph)
    assert not check(part.program, part.arch, part.sizes)
    runner, name = Runner(made.graph), part.outputs[0].op
    for index in range(4):
        codes = golden[f"{index}/in"].astype(np.int8).reshape(1, 28, 28, 1)
        found = runner.run({"input_1": codes}, keep=[name])
        np.testing.assert_array_equal(found[name].reshape(-1), golden[f"{index}/out"].reshape(-1))


def test_a_vendors_model_of_two_subgraphs_computes_what_its_own_code_does(reference: Path) -> None:
    """Protects pre-shifted biases, hard sigmoids and negative positions: own code against the vendor's, subgraph by subgraph."""
    theirs = read(next((reference / "xmodel").glob("tf2_custom_op_*")))
    ours = compiled(theirs, "B1600").graph
    random = np.random.default_rng(7)
    for one, two in zip(load(theirs), load(ours), strict=True):
        codes = random.integers(-128, 128, one.inputs[0].shape).astype(np.int8)
        np.testing.assert_array_equal(executed(one, codes), executed(two, codes))


def executed(part: DpuSubgraph, codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the bytes of the one output."""
    registers = part.registers()
    part.inputs[0].view(registers)[...] = codes
    run(part.program, part.arch, registers)
    return part.outputs[0].view(registers).reshape(-1).copy()


def test_a_fingerprint_of_isa0_is_refused() -> None:
    """Protects the message for older DPUs."""
    with pytest.raises(ConfigError, match="ISA1"):
        compile_graph(network("plain"), 0x1000020F6014407)


def test_a_plan_that_does_not_fit_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects compilation against a planner that takes a group to fit which does not."""
    made = Fixed(size=(64, 64), channels=64)
    made.conv(made.conv(made.image, 64), 64)

    def greedy(item: Network, *_: object, **__: object) -> Schedule:
        return Schedule((Group(tuple(LayerPlan(index, 64) for index in range(len(item.layers))), (0, 64)),))

    monkeypatch.setattr(compile_module, "plan", greedy)
    found = compiled(made.graph, "B512")
    assert [len(group.layers) for group in found.schedules[0].groups] == [1, 1]
    agrees(made.graph, found)


def split() -> Graph:
    """Return a network with an op in its middle that the DPU lacks."""
    net = Fixed()
    first = net.conv(net.image, 8)
    pooled = net.pool(net.conv(first, 8, (3, 3), act="PRELU", prelu_in=20, prelu_shift=6), (2, 2), 2)
    net.conv(pooled, 6)
    return net.graph


def test_an_op_on_the_processor_cuts_the_network() -> None:
    """Protects models that are partly computed by the processor."""
    graph = split()
    made = compiled(graph, "B1600")
    assert [reason.op for reason in made.partition.cpu] == ["conv2"]
    assert len(made.networks) == 2
    agrees(graph, made)


def test_too_many_subgraphs_name_the_ops_that_cut() -> None:
    """Protects the option that keeps a network on the DPU, and its advice."""
    with pytest.raises(ModelError, match=r"2 DPU subgraphs, 1 allowed.*conv2") as caught:
        compile_graph(split(), standard("B1600").fingerprint, max_subgraphs=1)
    assert "LeakyReLU" in caught.value.remedy


def test_layers_are_named_for_every_instruction() -> None:
    """Protects the attribute that reports and listings are made of."""
    (part,) = load(compiled(network("unet"), "B4096").graph)
    assert len(part.layer_of) == len(part.program)
    assert set(part.layer_of) == {-1, *range(len(part.layers))}

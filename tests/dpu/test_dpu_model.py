"""Compiled models are read whole: the vendor's files, and damaged ones refused."""

from pathlib import Path

import numpy as np
import pytest

from net2bit.dpu.model import load
from net2bit.errors import ModelError
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read

MNIST = "xmodel/dpu_mnist_classifier.xmodel"


@pytest.fixture
def mnist(reference: Path) -> Graph:
    return read(reference / MNIST)


def test_the_vendors_mnist_file_is_read(mnist: Graph) -> None:
    """Protects reading of fingerprint, code, registers and border tensors."""
    (found,) = load(mnist)
    assert (found.arch.name, found.fingerprint) == ("B4096", 0x101000056010407)
    assert len(found.program) == 230
    assert found.sizes == {0: 712704, 1: 5536, 2: 784, 3: 16}
    assert found.kinds == {0: "CONST", 1: "WORKSPACE", 2: "INTERFACE", 3: "INTERFACE"}
    (source,), (result,) = found.inputs, found.outputs
    assert (source.op, source.shape, source.fix_point, source.reg, source.stride) == ("input_1", (1, 28, 28, 1), 6, 2, (784, 28, 1, 1))
    assert (result.shape, result.fix_point, result.reg, result.end) == ((1, 10), 2, 3, 10)


def test_a_model_may_have_two_dpu_subgraphs(reference: Path) -> None:
    """Protects models whose middle runs on the processor."""
    first, second = load(next((reference / "xmodel").glob("tf2_custom_op_*")))
    assert (len(first.program), len(second.program)) == (185, 19)


def test_registers_hold_the_parameters_and_views_reach_into_them(mnist: Graph) -> None:
    """Protects the memory that programs run on."""
    (found,) = load(mnist)
    registers = found.registers()
    assert registers[0].tobytes()[: len(found.parameters)] == found.parameters
    assert {len(register) % 4096 for register in registers.values()} == {0}
    found.inputs[0].view(registers)[...] = 5
    assert int(registers[2].sum()) == 5 * 784


@pytest.mark.parametrize("name", ["mc_code", "dpu_fingerprint", "reg_id_to_size", "reg_id_to_parameter_value"])
def test_a_lost_attribute_is_named(mnist: Graph, name: str) -> None:
    """Protects the error for a damaged subgraph."""
    assert mnist.root is not None
    del mnist.root.children[1].attrs[name]
    with pytest.raises(ModelError, match=name):
        load(mnist)


def test_a_tensor_beyond_its_register_is_refused(mnist: Graph) -> None:
    """Protects against reading outside of a register."""
    mnist.op("input_1_upload_0").tensor.attrs["ddr_addr"] = 1 << 20
    with pytest.raises(ModelError, match="reaches to byte"):
        load(mnist)


def test_a_model_that_is_not_compiled_is_refused(reference: Path) -> None:
    """Protects the hint to compile first."""
    with pytest.raises(ModelError, match="not compiled"):
        load(reference / "xmodel" / "VoxelNet_int.xmodel")


def test_a_truncated_file_is_refused(reference: Path, tmp_path: Path) -> None:
    """Protects the error for a damaged file."""
    path = tmp_path / "cut.xmodel"
    path.write_bytes((reference / MNIST).read_bytes()[:-1000])
    with pytest.raises(ModelError):
        load(path)


def test_parameters_are_int8_bytes(mnist: Graph) -> None:
    """Protects the place of the first bias, at the start of the parameters."""
    (found,) = load(mnist)
    assert np.frombuffer(found.parameters, np.int8)[:3].tolist() == [-10, -7, -41]

"""The files beside a compiled model say what the vendor's say."""

import hashlib
import json
from pathlib import Path

import pytest
from fixed_nets import network

from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.compile import compile_graph
from net2bit.dpu.compiler.info import kernel_info, save
from net2bit.errors import ModelError
from net2bit.xir.xmodel import read

FIELDS = (
    *("Kernel ID", "Kernel Name", "Kernel Type", "Code Size", "Param Size", "Workload MACs", "IO Memory Space", "Mean Value"),
    *("Total Tensor Count", "Boundary Input Tensor(s)", "Boundary Output Tensor(s)", "Total Node Count", "Input Node(s)", "Output Node(s)"),
)


def test_the_kernel_info_has_every_field(reference: Path) -> None:
    """Protects the fields and figures of the published report."""
    text = kernel_info(read(reference / "xmodel" / "dpu_mnist_classifier.xmodel"))
    assert all(field in text for field in FIELDS)
    for line in (
        "Kernel Type : DPUKernel",
        "Kernel Type : CPUKernel",
        "Workload MACs : 1.82MOPS",
        "Param Size : 0.68MB",
        "Total Node Count : 4",
    ):
        assert line in text
    assert "quant_conv2d(0) : 28*28*1" in text


def test_files_stand_beside_the_model(tmp_path: Path) -> None:
    """Protects meta.json and md5sum.txt, and that the file is read back."""
    graph = compile_graph(network("unet"), standard("B4096").fingerprint).graph
    made = save(graph, tmp_path / "out", "unet")
    assert made["md5sum.txt"].read_text().split()[0] == hashlib.md5(made["xmodel"].read_bytes(), usedforsecurity=False).hexdigest()
    meta = json.loads(made["meta.json"].read_text())
    assert meta["filename"] == "unet.xmodel"
    assert meta["kernel"] == ["subgraph_conv1"]
    assert made["kernel.info"].name == "unet_kernel.info"
    assert len(read(made["xmodel"])) == len(graph)


def test_a_graph_that_is_not_compiled_has_no_info() -> None:
    """Protects the error for the wrong file."""
    with pytest.raises(ModelError, match="not compiled"):
        kernel_info(network("plain"))

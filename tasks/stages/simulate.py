"""Run the compiled network, instruction by instruction, on the validation set."""

from net2bit.graph.kind import Kind, Op
from tasks.amounts import MB
from tasks.packages import H5PY, NUMPY, PROTOBUF, TORCH

KINDS = (Kind("simulation.json", "What the DPU's machine code computes: its accuracy, and that it equals the integer network"),)

OPS = (
    Op(
        name="simulate",
        title="Execute the machine code on the validation set",
        needs=("xmodel", "int.xmodel", "arch.json", "dataset.h5"),
        makes=("simulation.json",),
        run="net2bit.dpu.stage_simulate:run",
        reads=("dataset.classes", "verify.images", "verify.simulated", "verify.engine"),
        tools=(H5PY, NUMPY, PROTOBUF, TORCH),
        label="{model.name}-{dpu.size}",
        resources={"memory": 400 * MB},  # 297 MB
    ),
)

"""Predict how long the compiled network takes on the board."""

from net2bit.graph.kind import Kind, Op
from tasks.amounts import MB
from tasks.packages import NUMPY, PROTOBUF

KINDS = (Kind("latency.json", "The predicted latency: in all, layer by layer, and engine by engine"),)

OPS = (
    Op(
        name="latency",
        title="Predict the latency on the board",
        needs=("xmodel", "target.json"),
        makes=("latency.json",),
        run="net2bit.dpu.stage_latency:run",
        tools=(NUMPY, PROTOBUF),
        label="{model.name}-{dpu.name}-{board.name}",
        resources={"memory": 50 * MB},  # 38 MB
    ),
)

"""Stop a build whose quantized network lost too much."""

from net2bit.graph.kind import Kind, Op
from tasks.amounts import MB
from tasks.packages import NUMPY

KINDS = (Kind("accuracy.json", "The verdict on the loss of accuracy"),)

OPS = (
    Op(
        name="gate",
        title="Check the loss of accuracy against its limit",
        needs=("ladder.json",),
        makes=("accuracy.json",),
        run="net2bit.report.gate:run",
        reads=("verify.max_drop",),
        tools=(NUMPY,),
        label="drop{verify.max_drop}",
        resources={"memory": 50 * MB},  # 27 MB
    ),
)

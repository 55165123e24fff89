"""What the DPU is: for the compiler, for the board's side, and in figures."""

from net2bit.graph.kind import Kind, Op
from tasks.amounts import MB
from tasks.packages import PROTOBUF

KINDS = (
    Kind("arch.json", "The fingerprint of the DPU: all that a compiled network depends on"),
    Kind("dpu.dcf", "The DPU configuration file of Vitis AI up to 1.2"),
    Kind("target.json", "The DPU in full: fingerprint, cores, clock, memory, resources against the board"),
)

OPS = (
    Op(
        name="arch",
        title="Name the DPU to compile for",
        makes=("arch.json",),
        run="net2bit.dpu.target.stage:arch",
        reads=("dpu.options", "dpu.release", "dpu.size"),
        tools=(PROTOBUF,),
        label="{dpu.size}",
        resources={"memory": 50 * MB},  # 15 MB
    ),
    Op(
        name="target",
        title="Describe the DPU and check that it fits the board",
        makes=("target.json", "dpu.dcf"),
        run="net2bit.dpu.target.stage:run",
        reads=("dpu", "board"),
        tools=(PROTOBUF,),
        label="{dpu.name}-{board.name}",
        resources={"memory": 50 * MB},  # 19 MB
    ),
)

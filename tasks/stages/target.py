"""What the DPU is: for the compiler, for the board's side, and in figures."""

from net2bit.graph.kind import Kind, Op
from tasks.packages import PROTOBUF

KINDS = (
    Kind("arch.json", "The architecture and options of the DPU, as the compiler takes them"),
    Kind("dpu.dcf", "The DPU configuration file of Vitis AI up to 1.2"),
    Kind("target.json", "The DPU in full: fingerprint, cores, clock, memory, resources against the board"),
)

OPS = (
    Op(
        name="target",
        title="Describe the DPU and check that it fits the board",
        makes=("arch.json", "dpu.dcf", "target.json"),
        run="net2bit.dpu.target.stage:run",
        reads=("dpu", "board"),
        tools=(PROTOBUF,),
        label="{dpu.name}-{board.name}",
    ),
)

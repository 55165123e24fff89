"""The front end: a `-fix` graph becomes DPU subgraphs of layers, and what the processor has to do, with a reason for each op."""

from net2bit.dpu.compiler.front.partition import CpuPart, DpuPart, Partition, network
from net2bit.dpu.compiler.front.reasons import Reason

__all__ = ["CpuPart", "DpuPart", "Partition", "Reason", "network"]

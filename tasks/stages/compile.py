"""The kinds that a compiler for the DPU makes. Each toolchain brings its own."""

from net2bit.graph.kind import Kind, Op

KINDS = (
    Kind("xmodel", "The network compiled for one DPU: machine code and parameters", file="{model.name}.xmodel"),
    Kind("meta.json", "What the runtime of Vitis AI reads first: file, kernels, target"),
    Kind("md5sum.txt", "The MD5 of the compiled network"),
    Kind("kernel.info", "The compiled network in figures", file="{model.name}_kernel.info"),
)

OPS: tuple[Op, ...] = ()

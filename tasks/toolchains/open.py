"""The open toolchain: net2bit's own converter, quantizer and compiler."""

from net2bit.graph.kind import Op
from tasks.amounts import MB
from tasks.packages import H5PY, NUMPY, PROTOBUF, TORCH

TITLE = "net2bit's own quantizer and compiler; needs no vendor tool"

OPS = (
    Op(
        name="convert",
        title="Convert the frozen graph to XIR, batch normalization folded",
        needs=("frozen.pb",),
        makes=("float.xmodel",),
        run="net2bit.xir.convert:run",
        reads=("model.name",),
        tools=(NUMPY, PROTOBUF),
        label="{model.name}",
        resources={"memory": 50 * MB},  # 39 MB
    ),
    Op(
        name="equalize",
        title="Equalize the weights across layers",
        needs=("float.xmodel", "dataset.h5"),
        makes=("float.xmodel",),
        run="net2bit.quant.equalize:run",
        reads=("quant.calibration",),
        only={"quant.equalize": (True,)},
        tools=(H5PY, NUMPY, PROTOBUF, TORCH),
        label="{model.name}-equalized",
        resources={"memory": 500 * MB},  # 374 MB
    ),
    Op(
        name="calibrate",
        title="Choose the fix position of every tensor",
        needs=("float.xmodel", "dataset.h5"),
        makes=("positions.json",),
        run="net2bit.quant.calibrate:run",
        reads=("quant.method", "quant.calibration", "quant.rounding"),
        tools=(H5PY, NUMPY, PROTOBUF, TORCH),
        label="{model.name}-{quant.method}",
        resources={"memory": 450 * MB},  # 354 MB
    ),
    Op(
        name="quantize",
        title="Quantize the network to int8",
        needs=("float.xmodel", "positions.json"),
        makes=("int.xmodel",),
        run="net2bit.quant.quantize:run",
        reads=("quant.rounding", "quant.limits"),
        tools=(NUMPY, PROTOBUF),
        label="{model.name}",
        resources={"memory": 50 * MB},  # 40 MB
    ),
    Op(
        name="round_weights",
        title="Round the weights with regard to each other",
        needs=("int.xmodel", "float.xmodel", "dataset.h5"),
        makes=("int.xmodel",),
        run="net2bit.quant.rounding:run",
        reads=("quant.calibration",),
        only={"quant.adaptive_rounding": (True,)},
        tools=(H5PY, NUMPY, PROTOBUF, TORCH),
        label="{model.name}-rounded",
        order=1,
        resources={"memory": 550 * MB},  # 437 MB
    ),
    Op(
        name="correct_bias",
        title="Correct the biases for the quantization's mean error",
        needs=("int.xmodel", "float.xmodel", "dataset.h5"),
        makes=("int.xmodel",),
        run="net2bit.quant.bias:run",
        reads=("quant.calibration",),
        only={"quant.bias_correction": (True,)},
        tools=(H5PY, NUMPY, PROTOBUF, TORCH),
        label="{model.name}-corrected",
        order=2,
        resources={"memory": 550 * MB},  # 435 MB
    ),
    Op(
        name="compile",
        title="Compile the network to machine code of the DPU",
        needs=("int.xmodel", "arch.json"),
        makes=("xmodel", "meta.json", "md5sum.txt", "kernel.info"),
        run="net2bit.dpu.stage_compile:run",
        reads=("compile", "dpu.max_subgraphs", "model.name"),
        tools=(NUMPY, PROTOBUF),
        label="{model.name}-{dpu.size}",
        resources={"memory": 100 * MB},  # 56 MB
    ),
)

"""Measure every form of the network on the validation set."""

from net2bit.graph.kind import Kind, Op
from tasks.amounts import MB
from tasks.packages import H5PY, KERAS, NUMPY, PILLOW, PROTOBUF, TENSORFLOW, TORCH

KINDS = (
    Kind("ladder.json", "The accuracy of the network after every transformation, and where it falls"),
    Kind("predictions", "Pictures: input, truth, float and quantized prediction", tree=True),
)

OPS = (
    Op(
        name="verify",
        title="Compare the network's forms on the validation set",
        needs=("dataset.h5", "weights.h5", "frozen.pb", "float.xmodel", "int.xmodel"),
        makes=("ladder.json", "predictions"),
        run="net2bit.report.verify:run",
        reads=(
            "model.architecture",
            "model.width",
            "model.input_size",
            "dataset.classes",
            "verify.images",
            "verify.batch",
            "verify.engine",
        ),
        tools=(H5PY, KERAS, NUMPY, PILLOW, PROTOBUF, TENSORFLOW, TORCH),
        label="{model.architecture}-w{model.width}",
        resources={"memory": 1750 * MB},  # 1361 MB
    ),
)

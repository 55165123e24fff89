"""Put the trained weights into a frozen TensorFlow graph."""

from net2bit.graph.kind import Kind, Op
from tasks.amounts import MB
from tasks.packages import H5PY, NUMPY, PROTOBUF

KINDS = (
    Kind("frozen.pb", "The network as a frozen graph of TensorFlow 1, cut before the softmax"),
    Kind("frozen.json", "What is in the frozen graph: input and output nodes, shapes, parameters, operations"),
)

OPS = (
    Op(
        name="freeze",
        title="Freeze the network into a TensorFlow graph",
        needs=("weights.h5",),
        makes=("frozen.pb", "frozen.json"),
        run="net2bit.export.freeze:run",
        reads=("model.architecture", "model.width", "model.input_size", "dataset.classes"),
        tools=(H5PY, NUMPY, PROTOBUF),
        label="{model.architecture}-w{model.width}",
        resources={"memory": 100 * MB},  # 59 MB
    ),
)

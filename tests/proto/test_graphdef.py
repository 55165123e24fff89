"""TensorFlow's graph messages without TensorFlow."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from net2bit.errors import ModelError
from net2bit.proto.graphdef import AttrValue, DataType, GraphDef, NodeDef, TensorProto, numpy_to_tensor, shape_proto, tensor_to_numpy

DTYPES = ("f4", "f8", "i4", "u1", "i2", "i1", "i8", "?", "u2", "f2", "u4", "u8")
BESIDE_TENSORFLOW = """
import numpy as np
{imports}
function = tf.function(lambda x: tf.nn.relu(x + tf.constant(np.arange(3.0, dtype=np.float32))))
graph = function.get_concrete_function(tf.TensorSpec((2, 3))).graph.as_graph_def()
data = graph.SerializeToString(deterministic=True)
ours = graphdef.GraphDef.FromString(data)
assert ours.SerializeToString(deterministic=True) == data
assert [node.op for node in ours.node] == [node.op for node in graph.node]
const = next(node for node in ours.node if node.op == "Const")
assert graphdef.tensor_to_numpy(const.attr["value"].tensor).tolist() == [0, 1, 2]
mine = graphdef.numpy_to_tensor(np.full((2, 2), 1.5, np.float32)).SerializeToString()
assert tf.make_ndarray(tf.compat.v1.make_tensor_proto(0.0).FromString(mine)).tolist() == [[1.5, 1.5]] * 2
"""


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))))
def test_an_array_survives_a_tensor(array: np.ndarray) -> None:
    """Law: tensor_to_numpy(numpy_to_tensor(a)) is a, bit for bit, in shape and element type."""
    again = tensor_to_numpy(TensorProto.FromString(numpy_to_tensor(array).SerializeToString()))
    assert (again.shape, again.dtype) == (array.shape, array.dtype)
    assert again.tobytes() == array.tobytes()


def test_a_short_value_list_is_filled_with_its_last_value() -> None:
    """TensorFlow writes a constant tensor as one value; it is spread over the shape."""
    tensor = TensorProto(dtype=DataType.INT32, tensor_shape=shape_proto([2, 3]), int_val=[4, 5])
    assert tensor_to_numpy(tensor).tolist() == [[4, 5, 5], [5, 5, 5]]


def test_a_tensor_without_values_is_zero() -> None:
    """TensorFlow drops zeros altogether; they come back."""
    assert tensor_to_numpy(TensorProto(dtype=DataType.FLOAT, tensor_shape=shape_proto([2]))).tolist() == [0, 0]


def test_half_precision_values_are_bit_patterns() -> None:
    """The list of a half tensor holds 16 bit patterns, not numbers."""
    assert tensor_to_numpy(TensorProto(dtype=DataType.HALF, tensor_shape=shape_proto([1]), half_val=[0x3E00])).tolist() == [1.5]


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (TensorProto(dtype=DataType.STRING), "holds no numbers"),
        (TensorProto(dtype=DataType.FLOAT, tensor_shape=shape_proto([1]), tensor_content=b"abc"), "middle of a value"),
        (TensorProto(dtype=DataType.FLOAT, tensor_shape=shape_proto([3]), tensor_content=bytes(8)), "comes with 2 values"),
        (TensorProto(dtype=DataType.FLOAT, tensor_shape=shape_proto([1]), float_val=[1, 2]), "comes with 2 values"),
        (TensorProto(dtype=DataType.FLOAT, tensor_shape=shape_proto([-1])), "comes with 0 values"),
    ],
)
def test_a_damaged_tensor_is_named(tensor: TensorProto, message: str) -> None:
    """Values that do not fit the shape or the element type are an error, never a wrong array."""
    with pytest.raises(ModelError, match=message):
        tensor_to_numpy(tensor)


def test_a_node_is_written_deterministically() -> None:
    """Attributes are a map; the bytes do not depend on the order they were set in."""

    def data(names: list[str]) -> bytes:
        node = NodeDef(name="n", op="Conv2D", input=["x", "w"])
        for name in names:
            node.attr[name].CopyFrom(AttrValue(s=name.encode()))
        return bytes(GraphDef(node=[node]).SerializeToString(deterministic=True))

    names = [f"attr{i}" for i in range(20)]
    assert data(names) == data(names[::-1])


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, -1])
def test_tensorflow_may_be_imported_before_or_after(order: int) -> None:
    """The classes live in a pool of their own: TensorFlow's messages of the same names do not clash, in either order."""
    imports = "\n".join(["import tensorflow as tf", "import net2bit.proto.graphdef as graphdef"][::order])
    code = BESIDE_TENSORFLOW.format(imports=imports)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr

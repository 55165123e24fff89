"""TensorFlow's frozen graph as messages, without TensorFlow. Field numbers are those of its public `.proto` files.

The classes are `GraphDef`, `NodeDef`, `AttrValue`, `ListValue`, `NameAttrList`, `TensorProto`, `TensorShapeProto`, `Dim`, `VersionDef`
and `FunctionDefLibrary`. Write a graph with `SerializeToString(deterministic=True)`: attributes are a map, whose order is free otherwise.
"""

from collections.abc import Iterable
from enum import IntEnum
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ModelError
from net2bit.proto.declare import declare

_VALUES = {2: "s bytes", 3: "i int64", 4: "f float", 5: "b bool", 6: "type int32", 7: "shape TensorShapeProto", 8: "tensor TensorProto"}

_CLASSES = declare(
    "tensorflow",
    {
        "GraphDef": {1: "node NodeDef*", 2: "library FunctionDefLibrary", 3: "version int32", 4: "versions VersionDef"},
        "NodeDef": {1: "name string", 2: "op string", 3: "input string*", 4: "device string", 5: "attr map<string, AttrValue>"},
        "VersionDef": {1: "producer int32", 2: "min_consumer int32", 3: "bad_consumers int32*"},
        "FunctionDefLibrary": {1: "function FunctionDef*"},
        "FunctionDef": {},
        "NameAttrList": {1: "name string", 2: "attr map<string, AttrValue>"},
        "AttrValue": {
            1: "list ListValue |value",
            **{number: f"{text} |value" for number, text in _VALUES.items()},
            9: "placeholder string |value",
            10: "func NameAttrList |value",
        },
        "ListValue": {number: f"{text}*" for number, text in (*_VALUES.items(), (9, "func NameAttrList"))},
        "TensorShapeProto": {2: "dim Dim*", 3: "unknown_rank bool"},
        "Dim": {1: "size int64", 2: "name string"},
        "TensorProto": {
            1: "dtype int32",
            2: "tensor_shape TensorShapeProto",
            3: "version_number int32",
            4: "tensor_content bytes",
            5: "float_val float*",
            6: "double_val double*",
            7: "int_val int32*",
            8: "string_val bytes*",
            9: "scomplex_val float*",
            10: "int64_val int64*",
            11: "bool_val bool*",
            12: "dcomplex_val double*",
            13: "half_val int32*",
            16: "uint32_val uint32*",
            17: "uint64_val uint64*",
        },
    },
)
GraphDef = _CLASSES["GraphDef"]
NodeDef = _CLASSES["NodeDef"]
AttrValue = _CLASSES["AttrValue"]
ListValue = _CLASSES["ListValue"]
NameAttrList = _CLASSES["NameAttrList"]
TensorProto = _CLASSES["TensorProto"]
TensorShapeProto = _CLASSES["TensorShapeProto"]
Dim = _CLASSES["Dim"]
VersionDef = _CLASSES["VersionDef"]
FunctionDefLibrary = _CLASSES["FunctionDefLibrary"]


class DataType(IntEnum):
    """TensorFlow's numbers for element types."""

    FLOAT = 1
    DOUBLE = 2
    INT32 = 3
    UINT8 = 4
    INT16 = 5
    INT8 = 6
    STRING = 7
    INT64 = 9
    BOOL = 10
    UINT16 = 17
    HALF = 19
    UINT32 = 22
    UINT64 = 23


NUMPY_TYPES: dict[int, np.dtype[Any]] = {
    DataType.FLOAT: np.dtype("<f4"),
    DataType.DOUBLE: np.dtype("<f8"),
    DataType.INT32: np.dtype("<i4"),
    DataType.UINT8: np.dtype("u1"),
    DataType.INT16: np.dtype("<i2"),
    DataType.INT8: np.dtype("i1"),
    DataType.INT64: np.dtype("<i8"),
    DataType.BOOL: np.dtype("?"),
    DataType.UINT16: np.dtype("<u2"),
    DataType.HALF: np.dtype("<f2"),
    DataType.UINT32: np.dtype("<u4"),
    DataType.UINT64: np.dtype("<u8"),
}
"""TensorFlow's number -> NumPy's element type."""

_LISTS: dict[int, str] = {
    DataType.FLOAT: "float_val",
    DataType.DOUBLE: "double_val",
    DataType.INT64: "int64_val",
    DataType.BOOL: "bool_val",
    DataType.HALF: "half_val",
    DataType.UINT32: "uint32_val",
    DataType.UINT64: "uint64_val",
}


def shape_proto(shape: Iterable[int]) -> Any:
    """Return *shape* as a `TensorShapeProto`; -1 stands for an unknown size."""
    return TensorShapeProto(dim=[Dim(size=size) for size in shape])


def numpy_to_tensor(array: NDArray[Any]) -> Any:
    """Return *array* as a `TensorProto` with its values in `tensor_content`.

    Raises:
        ModelError: TensorFlow has no such element type.
    """
    for dtype, known in NUMPY_TYPES.items():
        if array.dtype.newbyteorder("<") == known:
            content = np.ascontiguousarray(array, known).tobytes()
            return TensorProto(dtype=dtype, tensor_shape=shape_proto(array.shape), tensor_content=content)
    raise ModelError(f"an array of {array.dtype} has no TensorFlow element type")


def tensor_to_numpy(tensor: Any) -> NDArray[Any]:
    """Return the values of a `TensorProto`, in its shape and element type, writable.

    A list of values shorter than the shape is filled up with its last one, as TensorFlow does.

    Raises:
        ModelError: The element type is not numeric, or there are more or fewer values than the shape holds.
    """
    dtype = NUMPY_TYPES.get(tensor.dtype)
    if dtype is None:
        raise ModelError(f"a tensor of TensorFlow's element type {tensor.dtype} holds no numbers")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    count = prod(shape)
    values = _values(tensor, dtype)
    if values.size > count or (tensor.tensor_content and values.size != count) or count < 0:
        raise ModelError(f"a tensor of shape {shape} comes with {values.size} values")
    if values.size < count:
        last = values[-1:] if values.size else np.zeros(1, dtype)
        values = np.concatenate([values, np.repeat(last, count - values.size)])
    return values.reshape(shape)


def _values(tensor: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    if tensor.tensor_content:
        if len(tensor.tensor_content) % dtype.itemsize:
            raise ModelError(f"a tensor of {dtype} ends in the middle of a value, after {len(tensor.tensor_content)} bytes")
        return np.frombuffer(tensor.tensor_content, dtype).copy()
    listed = list(getattr(tensor, _LISTS.get(tensor.dtype, "int_val")))
    if tensor.dtype == DataType.HALF:
        return np.array(listed, "<u2").view("<f2")
    return np.array(listed, dtype)

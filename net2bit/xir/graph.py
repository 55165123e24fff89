"""The graph IR. Its vocabulary is XIR's: op types, attribute names, argument names and layouts as in an .xmodel.

Layouts (facts of the format): feature maps NHWC, convolution weights OHWI (`[out, kernel_h, kernel_w, in]`), depthwise weights
`[multiplier, kernel_h, kernel_w, channels]`; the pairs `kernel`, `stride`, `dilation` are `[w, h]`, `pad` is `[left, right, top, bottom]`.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ModelError, near

if TYPE_CHECKING:
    from net2bit.xir.opdefs import OpDef

Attr = (
    bool
    | int
    | float
    | str
    | bytes
    | list[bool]
    | list[int]
    | list[float]
    | list[str]
    | list[bytes]
    | dict[str, int]
    | dict[str, str]
    | dict[str, bytes]
    | dict[str, list[int]]
    | dict[str, list[str]]
)


class DataKind(Enum):
    """XIR's families of element types; the value is the number in the format."""

    INT = 0
    UINT = 1
    XINT = 2
    XUINT = 3
    FLOAT = 4
    BFLOAT = 5


@dataclass(frozen=True)
class DataType:
    """An element type: `DataType(DataKind.XINT, 8)` is xint8, fixed point in 8 bits, `DataType(DataKind.FLOAT, 32)` is float32."""

    kind: DataKind
    bits: int


CONSTANTS = ("const", "const-fix")
"""The op types that hold values."""

FLOAT32 = DataType(DataKind.FLOAT, 32)
XINT8 = DataType(DataKind.XINT, 8)


@dataclass
class Tensor:
    """The one output of an op.

    Attributes:
        name: Usually the op's name.
        shape: Static; the batch comes first.
        dtype: Element type.
        attrs: Such as `fix_point`, `bit_width`, `if_signed`, `round_mode`, `ddr_addr`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DataType = FLOAT32
    attrs: dict[str, Attr] = field(default_factory=dict)


@dataclass(eq=False)
class Op:
    """A node: its type decides which attributes and arguments it has (`net2bit.xir.opdefs`).

    Attributes:
        name: Unique in its graph.
        type: XIR's op type: `conv2d`, `fix`, `conv2d-fix`.
        attrs: Attribute name -> value.
        args: Argument name (`input`, `weights`, `bias`) -> names of the producing ops, in order.
        tensor: Its output.
        data: The value of a `const` or `const-fix`; None for every other op.
    """

    name: str
    type: str
    tensor: Tensor
    attrs: dict[str, Attr] = field(default_factory=dict)
    args: dict[str, list[str]] = field(default_factory=dict)
    data: NDArray[np.generic] | None = None

    @property
    def producers(self) -> list[str]:
        """Names of all producing ops, argument by argument."""
        return [name for names in self.args.values() for name in names]

    def arg(self, name: str) -> str:
        """Return the producer of the single argument *name*.

        Raises:
            ModelError: The op has no such argument, or several producers in it.
        """
        names = self.args.get(name, [])
        if len(names) != 1:
            raise ModelError(f"{self.type} '{self.name}' has {len(names)} producers for its argument '{name}', not one", where=self.name)
        return names[0]


@dataclass
class Subgraph:
    """A node of the tree of subgraphs, as in an .xmodel (device, mc_code and so on are its attributes)."""

    name: str
    ops: list[str] = field(default_factory=list)
    attrs: dict[str, Attr] = field(default_factory=dict)
    children: list["Subgraph"] = field(default_factory=list)


class Graph:
    """Ops by name in topological order, with the links kept whole.

    Attributes:
        name: Of the network.
        attrs: Such as `origin`, `files_md5sum`.
        root: The tree of subgraphs; None where the graph is not cut.
        op_defs: Definitions that the graph's file brought along: of a vendor's own op types, and of older versions.
    """

    def __init__(self, name: str, ops: Iterable[Op] = (), attrs: Mapping[str, Attr] | None = None) -> None:
        """Add *ops* in the order given: producers first."""
        self.name = name
        self.attrs: dict[str, Attr] = dict(attrs or {})
        self.root: Subgraph | None = None
        self.op_defs: list[OpDef] = []
        self._ops: dict[str, Op] = {}
        for op in ops:
            self.add(op)

    def __iter__(self) -> Iterator[Op]:
        """Walk the ops, producers first."""
        return iter(list(self._ops.values()))

    def __len__(self) -> int:
        """Return the number of ops."""
        return len(self._ops)

    def __contains__(self, name: object) -> bool:
        """Tell whether an op of that name is there."""
        return name in self._ops

    def op(self, name: str) -> Op:
        """Return the op called *name*.

        Raises:
            ModelError: There is none.
        """
        if name not in self._ops:
            raise ModelError(f"graph '{self.name}' has no op '{name}'", where=self.name, suggestion=near(name, self._ops))
        return self._ops[name]

    def add(self, op: Op, *, before: str | None = None) -> Op:
        """Append *op*, or put it in front of the op *before*; its producers must stand ahead of it.

        Raises:
            ModelError: The name is taken, or a producer is missing.
        """
        if op.name in self._ops:
            raise ModelError(f"graph '{self.name}' has two ops called '{op.name}'", where=op.name)
        missing = [name for name in op.producers if name not in self._ops]
        if missing:
            raise ModelError(f"{op.type} '{op.name}' takes its input from '{missing[0]}', which does not stand ahead of it", where=op.name)
        if before is None:
            self._ops[op.name] = op
        else:
            items = list(self._ops.items())
            at = list(self._ops).index(before)
            self._ops = dict([*items[:at], (op.name, op), *items[at:]])
        return op

    def remove(self, name: str) -> None:
        """Remove an op that nobody uses.

        Raises:
            ModelError: It still has consumers.
        """
        users = self.consumers(name)
        if users:
            raise ModelError(f"op '{name}' cannot be removed: '{users[0].name}' still uses it", where=name)
        del self._ops[self.op(name).name]

    def consumers(self, name: str) -> list[Op]:
        """Return the ops that take the output of *name*, in graph order."""
        return [op for op in self._ops.values() if name in op.producers]

    def redirect(self, old: str, new: str, *, keep: Iterable[str] = ()) -> None:
        """Let every consumer of *old*, save those named in *keep*, take *new* instead."""
        kept = set(keep)
        for user in self.consumers(old):
            if user.name not in kept:
                user.args = {arg: [new if name == old else name for name in names] for arg, names in user.args.items()}

    def of_type(self, *types: str) -> list[Op]:
        """Return the ops of these types, in graph order."""
        return [op for op in self._ops.values() if op.type in types]

    def inputs(self) -> list[Op]:
        """Return the `data` and `data-fix` ops, in graph order."""
        return self.of_type("data", "data-fix")

    def outputs(self) -> list[Op]:
        """Return the ops without consumer, constants left out, in graph order."""
        used = {name for op in self._ops.values() for name in op.producers}
        return [op for op in self._ops.values() if op.name not in used and op.type not in CONSTANTS]

    def copy(self) -> "Graph":
        """Return a graph that shares nothing with this one."""
        return copy.deepcopy(self)

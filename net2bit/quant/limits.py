"""What the DPU's shifters can do, and which position moves when a choice asks for more.

The rules are those of the vendor's quantizers: a convolution's shift_cut moves the weights' position, its shift_bias the bias's, an
addition's shift_read the finest input's, its shift_write the output's. Two refinements keep a move from doing harm: a position is
never moved to where its numbers overflow; what is missing then comes from the position on the other side of the same shift.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from net2bit.errors import QuantError, near
from net2bit.quant.arith import GUARD_BITS
from net2bit.quant.points import CONVOLUTIONS, Groups, Point

SHIFT_MUL = (0, 32)
"""Of a multiplication: the sum of the inputs' positions - the output position."""
SIGMOID_INPUT = (0, 15)
"""Input position of a hard sigmoid."""
SIGMOID_OUTPUT = (7, 14)
"""Output position of a hard sigmoid whose input is at 0; its shift, 14 + input - output position, must not be negative."""
ROUNDS = 8
"""How often the rules are gone through; a move can break the limit of a neighbour."""


@dataclass(frozen=True)
class Limits:
    """Bounds of the shifts, both included; the shifts are in bits.

    Attributes:
        shift_cut: Of a convolution: input + weights - output position.
        shift_bias_max: Upper bound of input + weights - bias position; the lower one follows from shift_cut.
        shift_read: Of an addition: finest - coarsest input position. Never more than the adder's guard bits are used: beyond them it
            drops bits, and the fake-quantized network, which does not, would differ from the integers.
        shift_write: Of an addition: coarsest input - output position.
    """

    shift_cut: tuple[int, int] = (0, 16)
    shift_bias_max: int = 16
    shift_read: tuple[int, int] = (0, 15)
    shift_write: tuple[int, int] = (-15, 15)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Limits":
        """Read the limits that *config* gives; the others keep their defaults.

        Raises:
            QuantError: A key is unknown.
        """
        known = [item.name for item in fields(cls)]
        for key in config:
            if key not in known:
                raise QuantError(f"there is no limit '{key}'", where=f"quant.limits.{key}", suggestion=near(key, known))
        values: dict[str, Any] = {key: tuple(value) if isinstance(value, list | tuple) else int(value) for key, value in config.items()}
        return cls(**values)


@dataclass(frozen=True)
class Move:
    """A position that a limit changed.

    Attributes:
        layer: The op whose limit it was.
        tensor: The tensor that moved; of an activation the first of its group.
        old: Position before.
        new: Position after.
        reason: The limit and its figures.
    """

    layer: str
    tensor: str
    old: int
    new: int
    reason: str

    def __str__(self) -> str:
        """Return the move as one line of a log."""
        return f"{self.layer}: position of {self.tensor} moved from {self.old} to {self.new}, {self.reason}"


@dataclass
class Adjuster:
    """Moves positions until every limit holds.

    Attributes:
        points: The tensors and what computes them.
        groups: Which activations share a position.
        limits: The bounds.
        positions: Tensor name -> position; changed in place.
        finest: Name of a constant -> finest position at which it does not overflow.
        moves: What was moved, in order.
    """

    points: Mapping[str, Point]
    groups: Groups
    limits: Limits
    positions: dict[str, int]
    finest: Mapping[str, int]
    moves: list[Move] = field(default_factory=list)

    def run(self) -> list[Move]:
        """Go through all points until nothing moves, and return the moves.

        Raises:
            QuantError: The limits of some layers contradict each other.
        """
        for _ in range(ROUNDS):
            before = len(self.moves)
            for point in self.points.values():
                self._adjust(point)
            if len(self.moves) == before:
                return self.moves
        last = self.moves[-1]
        raise QuantError(
            f"no fix positions satisfy the DPU's limits: {last}",
            where=last.layer,
            remedy="look at the ranges in positions.json; equalize the weights, or widen quant.limits for a target that has more bits",
        )

    def _adjust(self, point: Point) -> None:
        if point.type in CONVOLUTIONS:
            self._cut(point)
            if point.bias:
                self._bias(point)
        elif point.type == "add":
            self._add(point)
        elif point.type == "mul":
            self._mul(point)
        elif point.type == "hard-sigmoid":
            self._sigmoid(point)

    def shift_cut(self, point: Point) -> int:
        """Return the bits that a convolution's sum loses."""
        return self.positions[point.inputs[0]] + self.positions[point.weights] - self.positions[point.name]

    def shift_bias(self, point: Point) -> int:
        """Return the bits by which a convolution's bias is raised to the sum."""
        return self.positions[point.inputs[0]] + self.positions[point.weights] - self.positions[point.bias]

    def lowest_bias(self, point: Point) -> int:
        """Return the lower bound of shift_bias: the sum has 24 bits; ahead of LeakyReLU no bit of the bias may be dropped."""
        return 0 if point.activation in {"leaky-relu", "prelu"} else min(0, -(24 - (8 + self.shift_cut(point))))

    def _cut(self, point: Point) -> None:
        low, high = self.limits.shift_cut
        cut = self.shift_cut(point)
        why = f"shift_cut {cut} is outside {low}..{high}"
        if cut > high:
            self._shift(point, point.weights, high - cut, why)
        elif cut < low:
            up = self._room(point.weights, low - cut)
            self._shift(point, point.weights, up, why)
            self._shift(point, point.name, -(low - cut - up), why)

    def _bias(self, point: Point) -> None:
        low, high = self.lowest_bias(point), self.limits.shift_bias_max
        shift = self.shift_bias(point)
        why = f"shift_bias {shift} is outside {low}..{high}"
        if shift < low:
            self._shift(point, point.bias, shift - low, why)
        elif shift > high:
            up = self._room(point.bias, shift - high)
            self._shift(point, point.bias, up, why)
            self._shift(point, point.weights, -(shift - high - up), why)

    def _add(self, point: Point) -> None:
        at = {name: self.positions[name] for name in point.inputs}
        spread = max(at.values()) - min(at.values())
        low, high = self.limits.shift_read[0], min(self.limits.shift_read[1], GUARD_BITS)
        if spread > high:
            finest = max(at, key=at.__getitem__)
            self._shift(point, finest, high - spread, f"shift_read {spread} is outside {low}..{high}")
        coarsest = min(self.positions[name] for name in point.inputs)
        self._write(point, "shift_write", coarsest - self.positions[point.name], self.limits.shift_write)

    def _mul(self, point: Point) -> None:
        product = sum(self.positions[name] for name in point.inputs)
        self._write(point, "shift_mul", product - self.positions[point.name], SHIFT_MUL)

    def _sigmoid(self, point: Point) -> None:
        source = point.inputs[0]
        low, high = SIGMOID_INPUT
        at = self.positions[source]
        self._shift(point, source, min(max(at, low), high) - at, f"the hard sigmoid's input position {at} is outside {low}..{high}")
        low, high = SIGMOID_OUTPUT[0], SIGMOID_OUTPUT[1] + self.positions[source]
        at = self.positions[point.name]
        self._shift(point, point.name, min(max(at, low), high) - at, f"the hard sigmoid's output position {at} is outside {low}..{high}")

    def _write(self, point: Point, name: str, shift: int, bounds: tuple[int, int]) -> None:
        low, high = bounds
        self._shift(point, point.name, shift - min(max(shift, low), high), f"{name} {shift} is outside {low}..{high}")

    def _room(self, constant: str, wanted: int) -> int:
        """Return by how many of *wanted* bits the position of a constant can rise before its numbers overflow."""
        return min(wanted, max(0, self.finest[constant] - self.positions[constant]))

    def _shift(self, point: Point, tensor: str, by: int, reason: str) -> None:
        if by == 0:
            return
        group = self.groups.of.get(tensor, tensor)
        old = self.positions[tensor]
        for name in self.groups.members.get(group, (tensor,)):
            self.positions[name] += by
        self.moves.append(Move(point.head, group, old, old + by, reason))

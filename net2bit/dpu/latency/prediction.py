"""What a prediction says: of the whole program, of each layer, and what a picture of either needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple

from net2bit.dpu.timing import Timeline

DIGITS: Final = 5
Bound = str
"""What governs the time: compute, load, save, or dependency (no engine works through: they wait for one another)."""


class Busy(NamedTuple):
    """Cycles in which each engine works; they overlap."""

    load: float
    save: float
    conv: float
    misc: float


@dataclass(frozen=True, slots=True)
class LayerPrediction:
    """One layer's part of the prediction."""

    name: str
    cycles: float
    """Its part of the critical path: the parts of all layers add up to the whole. Little, or none, where it runs beside others."""
    ms: float
    macs: int
    """Multiply-accumulates of the op; of the data path (unused lanes counted) where the op's are not known."""
    utilisation: float
    """MACs over what the data path could do in the layer's cycles or, if longer, in those in which its engine works."""
    bound: Bound
    ddr_bytes: int
    """Moved by its LOADs and SAVEs, parameters among them."""
    busy: Busy


@dataclass(frozen=True, slots=True)
class Roof:
    """The two roofs of the roofline picture."""

    gops: float
    """Peak of the data path at the clock, two operations a multiply-accumulate."""
    gbytes_per_second: float
    """What one core's LOAD and SAVE together get from the DRAM."""


@dataclass(frozen=True, slots=True)
class Point:
    """One layer in the roofline picture."""

    name: str
    ops_per_byte: float
    gops: float


class Interval(NamedTuple):
    """An engine at work for one layer (an index; -1: none), in cycles."""

    layer: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Error:
    """How far predictions lie from measurements that were left out of the calibration, as parts of the measurement."""

    median: float
    band: float
    """80 of 100 lie within."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """How long a program takes on a board, as the calibrated model has it; nothing here is measured."""

    arch: str
    clock_mhz: float
    cores: int
    cycles: float
    """Of one picture on one core that has the memory for itself."""
    ms: float
    """The same, with the job's launch."""
    low_ms: float
    high_ms: float
    """The error band around `ms`: 80 of 100 networks left out of the calibration lie within theirs."""
    fps: tuple[float, ...]
    """Pictures per second with 1, 2 .. `cores` cores at work, each on its own picture, sharing the memory; host not counted."""
    utilisation: float
    bound: Bound
    macs: int
    ddr_bytes: int
    busy: Busy
    layers: tuple[LayerPrediction, ...]
    roof: Roof
    timeline: tuple[tuple[Interval, ...], ...]
    """LOAD, SAVE, CONV, MISC."""
    error: Error
    run: Timeline
    """Every instruction of the run on one core; not in the JSON."""
    text: str
    """One paragraph: that it is a prediction, by which model, calibrated on what, how far it may be off."""

    @property
    def points(self) -> tuple[Point, ...]:
        """The layers that have a place in the roofline picture: those that compute and move bytes."""
        found = []
        for layer in self.layers:
            span = max(layer.cycles, layer.busy.conv, layer.busy.misc)
            if layer.macs and layer.ddr_bytes and span:
                gops = 2 * layer.macs / span * self.clock_mhz * 1e-3
                found.append(Point(layer.name, 2 * layer.macs / layer.ddr_bytes, gops))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON: numbers to five digits, the same for the same input, below 200 kB."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "run"}
        known = plain | {"roof": asdict(self.roof), "error": asdict(self.error)}
        known["layers"] = [asdict(layer) | {"busy": layer.busy._asdict()} for layer in self.layers]
        known["busy"], known["points"] = self.busy._asdict(), [asdict(point) for point in self.points]
        engines = zip(("load", "save", "conv", "misc"), self.timeline, strict=True)
        known["timeline"] = {name: [list(interval) for interval in intervals] for name, intervals in engines}
        found: dict[str, Any] = rounded(known, DIGITS)
        return found


def rounded(value: Any, digits: int) -> Any:
    """Return a tree whose floats have so many digits, so that the bytes of its JSON do not depend on the order of a sum."""
    match value:
        case float():
            return float(f"{value:.{digits}g}")
        case dict():
            return {key: rounded(item, digits) for key, item in value.items()}
        case list() | tuple():
            return [rounded(item, digits) for item in value]
        case _:
            return value

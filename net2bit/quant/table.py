"""`positions.json`: the fix position of every tensor, what it was chosen from, and the images that were looked at."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from net2bit.errors import QuantError

FORMAT = "net2bit.positions/1"


@dataclass(frozen=True)
class Entry:
    """One tensor.

    Attributes:
        role: `input`, `activation`, `weights` or `bias`.
        layer: The op that computes it, or that it is a parameter of.
        position: Its fix position.
        low: Smallest number seen.
        high: Largest number seen.
        saturated: Share of the numbers that do not fit at the position.
        sqnr_db: Power of the numbers over the power of their rounding and saturation error, in dB; None where there is no error.
        votes: Position -> how many of the calibration images alone would have chosen it; empty for parameters.
    """

    role: str
    layer: str
    position: int
    low: float
    high: float
    saturated: float = 0.0
    sqnr_db: float | None = None
    votes: Mapping[int, int] | None = None


@dataclass(frozen=True)
class Table:
    """All tensors of a network.

    Attributes:
        method: How positions were chosen: `min_diffs` or `non_overflow`.
        rounding: `weights` and `activations` -> the name of the rounding mode.
        images: The calibration images' names, in the order they were read.
        split: The split they are from.
        seed: What they were drawn with.
        tensors: Tensor name -> entry, in graph order.
    """

    method: str
    rounding: Mapping[str, str]
    images: tuple[str, ...]
    split: str
    seed: int
    tensors: Mapping[str, Entry]

    @property
    def positions(self) -> dict[str, int]:
        """Tensor name -> fix position."""
        return {name: entry.position for name, entry in self.tensors.items()}

    def save(self, path: Path) -> None:
        """Write the table as JSON; the same table gives the same bytes."""
        calibration = {"images": list(self.images), "seed": self.seed, "split": self.split}
        tensors = {name: _plain(entry) for name, entry in self.tensors.items()}
        whole = {"format": FORMAT, "method": self.method, "rounding": dict(self.rounding), "calibration": calibration, "tensors": tensors}
        path.write_text(json.dumps(whole, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def _plain(entry: Entry) -> dict[str, Any]:
    """Return the entry for JSON: ranges under the names `min` and `max`, figures to seven digits."""
    fields = asdict(entry)
    plain: dict[str, Any] = {name: fields[name] for name in ("role", "layer", "position")}
    plain |= {"min": _round(entry.low), "max": _round(entry.high), "saturated": _round(entry.saturated)}
    if entry.sqnr_db is not None:
        plain["sqnr_db"] = _round(entry.sqnr_db)
    if entry.votes:
        plain["votes"] = {str(position): entry.votes[position] for position in sorted(entry.votes)}
    return plain


def _round(value: float) -> float:
    return float(f"{value:.7g}")


def load(path: Path) -> Table:
    """Read a table.

    Raises:
        QuantError: The file is not one that `Table.save` wrote.
    """
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        if whole.get("format") != FORMAT:
            raise _foreign(path, f"its format is {whole.get('format')!r}, not {FORMAT!r}")
        calibration = whole["calibration"]
        tensors = {name: _entry(plain) for name, plain in whole["tensors"].items()}
        return Table(
            whole["method"], whole["rounding"], tuple(calibration["images"]), calibration["split"], int(calibration["seed"]), tensors
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _foreign(path, f"{type(error).__name__}: {error}") from error


def _entry(plain: Mapping[str, Any]) -> Entry:
    votes = {int(position): int(count) for position, count in plain.get("votes", {}).items()}
    return Entry(
        role=plain["role"],
        layer=plain["layer"],
        position=int(plain["position"]),
        low=float(plain["min"]),
        high=float(plain["max"]),
        saturated=float(plain["saturated"]),
        sqnr_db=plain.get("sqnr_db"),
        votes=votes or None,
    )


def _foreign(path: Path, why: str) -> QuantError:
    return QuantError(f"{path.name} is no table of fix positions: {why}", where=str(path), remedy="delete the file and build again")

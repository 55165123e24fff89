"""The page's headline figures and tables, from the artifacts of the stages ahead."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from net2bit.report.ladder import Ladder
from net2bit.report.view import View, count, dice, figure, lost, palette, percent

MEBI = 2**20
LOW, HIGH = -128, 127


@dataclass(frozen=True)
class Card:
    """A headline figure: what it is, its value and unit, a badge with its look, a line below; *wide* takes two columns."""

    what: str
    value: str
    unit: str = ""
    badge: str = ""
    look: str = ""
    note: str = ""
    wide: bool = False


def cards(ladder: Ladder, limit: float, frozen: Mapping[str, Any], compiled: Sequence[Card]) -> list[Card]:
    """Return the headline figures; those of the *compiled* network stand in the middle."""
    size = f"{frozen['params'] / MEBI:.2f}"
    return [
        _dice_card(ladder, limit),
        *compiled,
        Card("Parameters", size, "MiB", note=f"{count(frozen['params'])} int8 numbers, {frozen['workload_mops']:,.0f} MOP for one image"),
    ]


def _dice_card(ladder: Ladder, limit: float) -> Card:
    first, last = ladder.rungs[0], ladder.rungs[-1]
    passed = all(rung.held and rung.drop is not None and rung.drop <= limit for rung in ladder.rungs)
    badge, look = ("within the limit", "good") if passed else ("over the limit", "bad")
    value = f"{dice(first.dice.mean)} → {dice(last.dice.mean)}"
    return Card("Mean Dice, float → integer", value, "", badge, look, f"{lost(last.drop)}; {limit:g} may be lost", wide=True)


def positions(data: Mapping[str, Any]) -> View:
    """Return the rows of the fix positions and how many tensors share each."""
    rows = [_position(name, fact) for name, fact in data["tensors"].items()]
    counts = Counter(row["position"] for row in rows)
    span = range(min(counts, default=0), max(counts, default=-1) + 1)
    most = max(counts.values(), default=1)
    return {"rows": rows, "histogram": [{"position": at, "count": counts[at], "share": round(80 * counts[at] / most, 1)} for at in span]}


def _position(name: str, fact: Mapping[str, Any]) -> View:
    at = int(fact["position"])
    return {
        "name": name,
        "role": fact["role"],
        "position": at,
        "step": 2.0**-at,
        "reach": f"{figure(LOW * 2.0**-at)} … {figure(HIGH * 2.0**-at)}",
        "seen": f"{figure(fact['min'])} … {figure(fact['max'])}",
        "saturated": fact["saturated"],
        "sqnr": fact.get("sqnr_db"),
    }


def splits(data: Mapping[str, Any], classes: Sequence[str]) -> list[View]:
    """Return the class shares of each split."""
    tints = palette(classes)
    return [_split(name, split, tints) for name, split in data["splits"].items()]


def _split(name: str, split: Mapping[str, Any], tints: Mapping[str, str]) -> View:
    shares = split["class_shares"]
    parts = [{"name": of, "share": shares[of], "width": round(100 * shares[of], 2), "colour": tint} for of, tint in tints.items()]
    label = ", ".join(f"{part['name']} {percent(part['share'])}" for part in parts)
    sizes = ", ".join(f"{number} of {size}" for size, number in split["source_sizes"].items())
    return {"name": name, "images": split["packed"], "skipped": split["skipped"], "parts": parts, "label": label, "sizes": sizes}

"""What the page shows of the compiled network: its accuracy in machine code, its predicted latency, the hardware it is for."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from net2bit.errors import ModelError
from net2bit.report import timeline
from net2bit.report.charts import LogScale, nice
from net2bit.report.ladder import Ladder, Metric, Rung
from net2bit.report.tables import Card
from net2bit.report.view import View, figure4

LATENCY: Final = "net2bit.latency/1"
SIMULATION: Final = "net2bit.simulation/1"
BOUNDS: Final = {
    "compute": ("compute", "good", "the multipliers are the bound: nothing but a larger DPU makes it faster"),
    "load": ("load", "warn", "reading from DDR is the bound"),
    "save": ("save", "warn", "writing to DDR is the bound"),
    "misc": ("misc", "warn", "pooling, depthwise or elementwise work is the bound"),
    "dependency": ("waiting", "", "engines wait for each other"),
}
"""Bound -> its word, its look, and what it means."""
NAME: Final = "machine code"


def load(path: Path, form: str) -> Any:
    """Return a JSON artifact of the given format.

    Raises:
        ModelError: It is not JSON, or of another format.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["format"] != form:
            raise ModelError(f"'{path.name}' is not of the form {form}", where=path.name, remedy="build it again")
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"'{path.name}' is not of the form {form}: {error}", where=path.name, remedy="build it again") from error
    return found


def rung(simulation: Mapping[str, Any], ladder: Ladder) -> Rung:
    """Return the machine code as the ladder's last rung; its difference to the integer network is zero, or its stage had failed.

    On fewer images than the others it has no loss of its own: the figures are not comparable.
    """
    last, whole = ladder.rungs[-1], simulation["images"] == ladder.images
    return Rung(
        name=NAME,
        title="instructions of the DPU, simulated" + ("" if whole else f", on {simulation['images']} images only"),
        kind="xmodel",
        stages=["compile"],
        dice=Metric(**simulation["dice"]),
        iou=Metric(**simulation["iou"]),
        accuracy=simulation["accuracy"],
        confusion=simulation["confusion"],
        drop=last.drop if whole else None,
        difference={"previous": 0.0, "float": last.difference["float"]},
        agreement={"previous": 1.0, "float": last.agreement["float"]},
        bound=0.0,
        held=simulation["different"] == 0,
    )


def cards(latency: Mapping[str, Any], simulation: Mapping[str, Any]) -> list[Card]:
    """Return the headline figures of the compiled network."""
    best, span = (
        latency["fps"][-1],
        f"{figure4(latency['low_ms'])} to {figure4(latency['high_ms'])} ms",
    )
    time = Card("Latency", figure4(latency["ms"]), "ms", "predicted", "warn", span)
    cores = "one core" if best["cores"] == 1 else f"{best['cores']} cores"
    between = f"{cores}, {figure4(best['low'])} to {figure4(best['high'])}"
    rate = Card("Images a second", figure4(best["fps"]), "FPS", "predicted", "warn", between)
    code = Card("Machine code", "equal", "", "bit for bit", "good", f"to the integer network, {simulation['bytes']:,} bytes compared")
    return [time, rate, code]


def section(latency: Mapping[str, Any]) -> View:
    """Return everything of the page's part on latency."""
    names = [layer["name"] for layer in latency["layers"]]
    line = latency["timeline"]
    return {
        **{name: latency[name] for name in ("ms", "low_ms", "high_ms", "cycles", "clock_mhz", "board", "arch", "model", "text")},
        "fps": latency["fps"],
        "peak": latency["peak_gops"],
        "gops": latency["gops"],
        "utilisation": latency["utilisation"],
        "engines": [
            {"name": name, "share": latency["engines"][name] / latency["cycles"] if latency["cycles"] else 0.0} for name in timeline.ENGINES
        ],
        "layers": _layers(latency),
        "roofline": roofline(latency),
        "overview": timeline.overview(line, names, latency["clock_mhz"]),
        "zoom": timeline.zoom(line, names, latency["clock_mhz"]),
        "zoom_us": line["zoom"]["cycles"] / latency["clock_mhz"],
        "legend": [{"name": name, "colour": timeline.colour(at)} for at, name in enumerate(names)],
    }


def _layers(latency: Mapping[str, Any]) -> list[View]:
    total = sum(layer["ms"] for layer in latency["layers"]) or 1.0
    longest = max((layer["ms"] for layer in latency["layers"]), default=0.0) or 1.0
    return [
        {
            **layer,
            "colour": timeline.colour(at),
            "share": layer["ms"] / total,
            "bar": layer["ms"] / longest,
            "bound": dict(zip(("text", "look", "note"), BOUNDS[layer["bound"]], strict=True)),
        }
        for at, layer in enumerate(latency["layers"])
    ]


def roofline(latency: Mapping[str, Any]) -> View:
    """Return the roofline picture: operations a second over operations for each byte moved, both logarithmic.

    The roof is flat at the DPU's peak, and rises with the DDR's bandwidth left of its ridge.
    """
    peak, bandwidth = latency["peak_gops"], latency["bandwidth_gbs"]
    dots = [_dot(layer, at) for at, layer in enumerate(latency["layers"]) if layer["macs"] and layer["bytes"] and layer["gops"]]
    ridge = peak / bandwidth
    spots, rates = [ridge, *(dot["intensity"] for dot in dots)], [peak / 5, peak, *(dot["gops"] for dot in dots)]
    x, y = _span(spots), _span(rates)
    longest = max((dot["ms"] for dot in dots), default=1.0)
    corners = [(x.low, min(bandwidth * x.low, peak)), (ridge, peak), (x.high, peak)]
    for dot in dots:
        dot |= {"x": x.at(dot["intensity"]), "y": y.at(dot["gops"]), "size": round(8 + 16 * (dot["ms"] / longest) ** 0.5, 1)}
    return {
        "x": x,
        "y": y,
        "dots": sorted(dots, key=lambda dot: -dot["ms"]),
        "roof": "M" + "L".join(f"{x.at(a)} {round(100 - y.at(b), 2)}" for a, b in _clipped(corners, y.low, bandwidth)),
        "ridge": x.at(ridge),
        "peak_at": y.at(peak),
        "label": f"Roofline: peak {peak:.4g} GOP/s, memory {bandwidth:.3g} GB/s; {len(dots)} layers",
    }


def _dot(layer: Mapping[str, Any], at: int) -> View:
    intensity = 2 * layer["macs"] / max(layer["bytes"], 1)
    return {"name": layer["name"], "intensity": intensity, "gops": layer["gops"], "ms": layer["ms"], "colour": timeline.colour(at)}


def _clipped(corners: Sequence[tuple[float, float]], low: float, bandwidth: float) -> list[tuple[float, float]]:
    """Return the roof without what lies below the picture."""
    (first, height), *rest = corners
    return [(low / bandwidth, low), *rest] if height < low else [(first, height), *rest]


def _span(values: Sequence[float]) -> LogScale:
    """Return an axis from a round number below all *values* to one above."""
    return LogScale(_below(0.8 * min(values)), nice(1.25 * max(values)))


def _below(value: float) -> float:
    """Return the greatest 1, 2 or 5 times a power of ten that is not above *value*."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= value * (1 + 1e-9))

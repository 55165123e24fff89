"""What the page shows, worked out from the artifacts: plain data, so that the templates only lay it out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from net2bit.report.charts import LogScale, Scale, around, line
from net2bit.report.ladder import Ladder, Layer, Rung
from net2bit.report.palette import colours, css

NONE = "\N{EN DASH}"
FULL_DB = 60.0  # a bar of this SQNR fills its row
LOSS_TINTS = {"training": "var(--accent)", "validation": "var(--warn)"}
View = dict[str, Any]


def dice(value: float | None) -> str:
    """Return a score with four decimals, a dash where there is none."""
    return NONE if value is None else f"{value:.4f}"


def lost(value: float | None) -> str:
    """Return a loss of Dice with its sign as a change: 0.01 lost is `-0.0100`."""
    return NONE if value is None else f"{-value:+.4f}".replace("-", "\N{MINUS SIGN}") if round(value, 4) else "\N{PLUS-MINUS SIGN}0"


def percent(value: float | None, places: int = 1) -> str:
    """Return a share in per cent."""
    return NONE if value is None else f"{100 * value:.{places}f} %"


def figure(value: float | None) -> str:
    """Return a number with three significant digits, `0` only for an exact zero."""
    return NONE if value is None else f"{value:.3g}"


def figure4(value: float) -> str:
    """Return a number with four significant digits and its thousands apart, never in powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004 - four digits


def count(value: int) -> str:
    """Return a count with its thousands apart."""
    return f"{value:,}"


def decibel(value: float | None) -> str:
    """Return decibels with one decimal; an exact tensor has no noise, and so infinitely many."""
    return "\N{INFINITY}" if value is None else f"{value:.1f}"


FILTERS = {"dice": dice, "lost": lost, "percent": percent, "figure": figure, "figure4": figure4, "count": count, "db": decibel}


def palette(classes: Sequence[str]) -> dict[str, str]:
    """Return the CSS colour of each class."""
    return dict(zip(classes, map(css, colours(classes)), strict=True))


def rung_chart(ladder: Ladder, limit: float) -> View:
    """Return the chart of mean Dice over the rungs, with the band that `verify.max_drop` allows."""
    best = ladder.rungs[0].dice.mean
    values = [None if rung.drop is None else rung.dice.mean for rung in ladder.rungs]
    scale = around([*values, None if best is None else best - limit])
    width = 100 / len(values)
    dots = [
        {
            "x": round((index + 0.5) * width, 2),
            "y": None if value is None else scale.at(value),
            "off": (ladder.rungs[index].drop or 0) > limit,
        }
        for index, value in enumerate(values)
    ]
    path = "L".join(
        f"{round((index + 0.5) * width, 2)} {round(100 - scale.at(value), 2)}" for index, value in enumerate(values) if value is not None
    )
    floor = None if best is None else scale.at(best - limit)
    band = None if best is None else round(scale.at(best) - scale.at(best - limit), 2)
    return {"scale": scale, "dots": dots, "path": f"M{path}" if path else "", "floor": floor, "band": band}


def check(rung: Rung, limit: float) -> View:
    """Return the badge of one rung: what its difference to the rung above means."""
    if (rung.drop or 0) > limit or not rung.held:
        return {"text": "too far", "look": "bad", "note": "beyond verify.max_drop, or different where it must not be"}
    if rung.name == "float":
        return {"text": "reference", "look": "", "note": "what the others are compared with"}
    if rung.bound is None:
        return {"text": "in limit", "look": "good", "note": f"loses at most verify.max_drop = {limit:g}"}
    if rung.difference["previous"] == 0 and rung.held:
        return {"text": "equal", "look": "good", "note": "not one logit differs from the row above"}
    return {"text": "rounding", "look": "good", "note": f"float32 rounding only: differs from the row above by less than {rung.bound:.3g}"}


def class_bars(ladder: Ladder) -> list[View]:
    """Return Dice of float and integer for each class."""
    first, last = ladder.rungs[0], ladder.rungs[-1]
    tints = palette(ladder.classes)
    return [
        {"name": name, "colour": tints[name], "float": first.dice.classes[name], "integer": last.dice.classes[name]}
        for name in ladder.classes
    ]


def heat(rung: Rung) -> View:
    """Return the confusion matrix of a rung, each row also as shares of its true class."""
    rows = [[{"count": cell, "share": cell / sum(row) if sum(row) else None} for cell in row] for row in rung.confusion]
    return {"title": f"Confusion matrix, {rung.name}", "rows": rows}


def layers(ladder: Ladder) -> list[View]:
    """Return the rows of the SQNR list."""
    return [_layer(layer, ladder) for layer in ladder.layers]


def _layer(layer: Layer, ladder: Ladder) -> View:
    look = "worst" if layer.name == ladder.worst else "first" if layer.name == ladder.first else ""
    share = 1.0 if layer.sqnr is None else min(max(layer.sqnr / FULL_DB, 0), 1)
    return {"name": layer.name, "type": layer.type, "sqnr": layer.sqnr, "share": share, "look": look}


def training(history: Mapping[str, Any], classes: Sequence[str]) -> View:
    """Return both training curves: validation Dice by class, and the loss."""
    epochs: list[Mapping[str, Any]] = list(history["epochs"])
    best = int(history["best_epoch"])
    tints = palette(classes)
    names = ["mean", *(name for name in classes if any(name in epoch["val_dice"] for epoch in epochs))]
    dices = {name: [_finite(epoch["val_dice"].get(name)) for epoch in epochs] for name in names}
    losses = {said: [_finite(epoch.get(key)) for epoch in epochs] for said, key in (("training", "loss"), ("validation", "val_loss"))}
    shared = {"first": epochs[0]["epoch"], "last": epochs[-1]["epoch"], "best_epoch": best, "best": _mark(epochs, best)}
    return {
        "epochs": len(epochs),
        "best": best,
        "best_dice": next((_finite(epoch["val_dice"].get("mean")) for epoch in epochs if epoch["epoch"] == best), None),
        "dice": {**shared, **_curve("Validation Dice", dices, {"mean": "var(--ink)", **tints}, Scale(0, 1.02))},
        "loss": {**shared, **_curve("Loss", losses, LOSS_TINTS, _logarithmic([*losses["training"], *losses["validation"]]))},
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _logarithmic(values: Iterable[float | None]) -> Scale:
    """Return an axis for losses: the first epochs may lie far above all others."""
    known = [value for value in values if value is not None and value > 0]
    return LogScale(0.9 * min(known), 1.1 * max(known)) if known else Scale(0, 1)


def _mark(epochs: Sequence[Mapping[str, Any]], best: int) -> float | None:
    at = next((index for index, epoch in enumerate(epochs) if epoch["epoch"] == best), None)
    return None if at is None else round(100 * at / max(len(epochs) - 1, 1), 2)


def _curve(title: str, series: Mapping[str, Sequence[float | None]], tints: Mapping[str, str], scale: Scale) -> View:
    drawn = [{"name": name, "colour": tints[name], "path": line(values, scale), "pale": name != "mean"} for name, values in series.items()]
    ends = ", ".join(f"{name} {figure(values[0])} to {figure(values[-1])}" for name, values in series.items())
    return {"title": title, "series": drawn, "scale": scale, "label": f"{title}, first to last epoch: {ends}"}


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested configuration as dotted keys and short texts, in the order given."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += flatten(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", _text(value)))
    return rows


def _text(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower() if value is not None else "null"
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)

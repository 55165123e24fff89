"""The training curve as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from net2bit.report.palette import colours, css
from net2bit.train.history import History

_INK, _QUIET = "#262a32", "#8a919e"
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": _QUIET,
    "axes.labelcolor": _INK,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": "#e6e8ec",
    "legend.frameon": False,
    "text.color": _INK,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
}


def draw_curve(history: History, classes: Sequence[str], path: Path) -> None:
    """Write a PNG of losses and validation Dice by epoch, the best epoch marked; the same history gives the same bytes."""
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever the user's matplotlibrc says
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(10, 4), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        _draw_losses(left, history)
        _draw_dice(right, history, classes)
        figure.savefig(path, metadata={"Software": None})


def _axis(axes: Any, history: History, title: str) -> list[int]:
    epochs = [epoch.epoch for epoch in history.epochs]
    axes.set(title=title, xlabel="epoch", xlim=(0.5, len(epochs) + 0.5))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.axvline(history.best.epoch, color=_QUIET, linewidth=1, linestyle=(0, (4, 3)))
    return epochs


def _draw_losses(axes: Any, history: History) -> None:
    epochs = _axis(axes, history, "Loss")
    style = {"linewidth": 2, "marker": "o", "markersize": 3}
    axes.plot(epochs, [epoch.loss for epoch in history.epochs], color=_QUIET, label="training", **style)
    axes.plot(epochs, [epoch.val_loss for epoch in history.epochs], color=_INK, label="validation", **style)
    axes.set_ylim(bottom=0)
    axes.legend()


def _draw_dice(axes: Any, history: History, classes: Sequence[str]) -> None:
    best = history.best
    epochs = _axis(axes, history, f"Validation Dice: {best.score:.4f} in epoch {best.epoch}")
    for name, colour in zip(classes, colours(classes), strict=True):
        values = [_or_gap(epoch.val_dice[name]) for epoch in history.epochs]
        axes.plot(epochs, values, color=css(colour), linewidth=1.5, label=name)
    axes.plot(epochs, [epoch.score for epoch in history.epochs], color=_INK, linewidth=2.5, marker="o", markersize=3, label="mean")
    axes.set_ylim(0, 1)
    axes.legend(loc="lower right", ncols=2)


def _or_gap(value: float | None) -> float:
    return float("nan") if value is None else value

"""The accuracy gate: fails the build, naming the rung and the layer, when quantization costs more than `verify.max_drop`."""

from typing import Any

from net2bit.errors import StageError
from net2bit.job import Job, canonical
from net2bit.report.ladder import Ladder, Layer, Rung, load

REMEDIES = {
    "fake-quantized": (
        "quantize with quant=refined (equalized channels, weights rounded with regard to each other), or give calibration more "
        "images (quant.calibration.images); or accept the loss with a larger verify.max_drop"
    ),
    "integer": "the integer network must equal the fake-quantized one: compare fix positions and rounding modes of the layer named here",
}
CONVERTER = "freezing and converting must not change the network: this is a fault of the converter or of an op that it does not know well"


def run(job: Job) -> None:
    """Write `accuracy.json`, or fail.

    Raises:
        StageError: A rung loses more mean Dice than `verify.max_drop` against float, or differs where it must not.
    """
    ladder = load(job.inputs["ladder.json"])
    limit = float(job.config["verify"]["max_drop"])
    summary = judge(ladder, limit)
    job.metric("dice", summary["integer"])
    job.metric("drop", summary["drop"])
    job.outputs["accuracy.json"].write_text(canonical(summary) + "\n", "utf-8")


def judge(ladder: Ladder, limit: float) -> dict[str, Any]:
    """Return what `accuracy.json` holds.

    Raises:
        StageError: The first rung, in order, that does not pass; with its layer, its figures and a remedy.
    """
    for rung in ladder.rungs:
        if rung.drop is None:
            raise StageError(
                f"the mean Dice of '{rung.name}' cannot be compared: no class occurs in the {ladder.images} validation images",
                where=f"ladder.json, {rung.name}",
                remedy="put images with labels into the validation split, or raise verify.images",
            )
        if rung.drop > limit:
            raise _too_low(ladder, rung, limit)
        if not rung.held:
            raise _differs(ladder, rung)
    first, last = ladder.rungs[0], ladder.rungs[-1]
    return {
        "float": first.dice.mean,
        "integer": last.dice.mean,
        "drop": last.drop,
        "limit": limit,
        "rungs": [{"name": rung.name, "dice": rung.dice.mean, "drop": rung.drop} for rung in ladder.rungs],
    }


def _too_low(ladder: Ladder, rung: Rung, limit: float) -> StageError:
    start = ladder.rungs[0]
    return StageError(
        f"mean Dice falls from {start.dice.mean:.4f} ({start.name}) to {rung.dice.mean:.4f} at '{rung.name}': "
        f"{rung.drop:.4f} lost, verify.max_drop allows {limit:g}",
        where=_where(ladder, rung),
        remedy=REMEDIES.get(rung.name, CONVERTER),
    )


def _differs(ladder: Ladder, rung: Rung) -> StageError:
    return StageError(
        f"'{rung.name}' differs from the rung before it by {rung.difference['previous']:g} where at most {rung.bound:g} is rounding",
        where=_where(ladder, rung),
        remedy=REMEDIES.get(rung.name, CONVERTER),
    )


def _where(ladder: Ladder, rung: Rung) -> str:
    place = f"{rung.kind}, made by {' and '.join(rung.stages)}; rung '{rung.name}'"
    layer = ladder.layer(ladder.worst)
    return f"{place}; layer {_layer(layer)}" if layer and rung.name in REMEDIES else place


def _layer(layer: Layer) -> str:
    if layer.sqnr is None or layer.arriving is None:
        return f"'{layer.name}' ({layer.type})"
    return f"'{layer.name}' ({layer.type}), which adds most noise: SQNR {layer.arriving:.1f} dB to {layer.sqnr:.1f} dB"

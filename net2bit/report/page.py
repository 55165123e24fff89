"""The report: one HTML file that holds everything it shows, made from the artifacts of a build.

Its bytes depend on those alone; what a run took is filled in afterwards (`net2bit.report.facts`).
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2

from net2bit.errors import ModelError
from net2bit.job import Job
from net2bit.report import embed, hardware, machine, tables, view
from net2bit.report.ladder import Ladder, load
from net2bit.report.view import View

TEMPLATES = Path(__file__).parents[2] / "templates" / "report"
SAMPLES_BUDGET = 2_500_000  # characters of pictures of the epochs
CONTENTS = (
    ("ladder", "Accuracy"),
    ("classes", "Classes"),
    ("pictures", "Pictures"),
    ("latency", "Latency"),
    ("engines", "Engines"),
    ("hardware", "Hardware"),
    ("training", "Training"),
    ("layers", "Layers"),
    ("positions", "Fix positions"),
    ("dataset", "Data set"),
    ("build", "Build"),
    ("configuration", "Configuration"),
)


def run(job: Job) -> None:
    """Write `report.html`.

    Raises:
        ModelError: An input is not what its kind promises.
        StageError: A picture cannot be read.
    """
    job.progress(0, 2, "reading artifacts")
    shown = gather(job.config, job.inputs)
    job.progress(1, 2, "writing page")
    job.outputs["report.html"].write_text(render(shown), "utf-8")
    job.progress(2, 2, "done")


def render(shown: View) -> str:
    """Return the page that shows *shown*, the result of `gather`."""
    script, style = ((TEMPLATES / name).read_text("utf-8") for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = {"script": script, "style": style, "script_hash": f"sha256-{digest}"}
    return environment().get_template("page.html.j2").render(**shown, **own)


def environment() -> jinja2.Environment:
    """Return the template environment: everything is escaped, and a name that is missing is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(view.FILTERS)
    return made


def gather(config: Mapping[str, Any], inputs: Mapping[str, Path]) -> View:
    """Return everything the page shows."""
    measured = load(inputs["ladder.json"])
    simulation = machine.load(inputs["simulation.json"], machine.SIMULATION)
    latency = machine.load(inputs["latency.json"], machine.LATENCY)
    ladder = replace(measured, rungs=[*measured.rungs, machine.rung(simulation, measured)])
    limit = float(config["verify"]["max_drop"])
    frozen, history = read(inputs["frozen.json"]), read(inputs["history.json"])
    positions, dataset = read(inputs["positions.json"]), read(inputs["dataset.json"])
    fixes = tables.positions(positions)
    samples, left_out = _samples(inputs["samples"])
    return {
        "name": config["name"],
        "model": config["model"],
        "quant": config["quant"],
        "dataset_name": config["dataset"]["name"],
        "input_size": " x ".join(str(side) for side in reversed(config["model"]["input_size"])),
        "contents": CONTENTS,
        "cards": tables.cards(measured, limit, frozen, machine.cards(latency, simulation)),
        "ladder": ladder,
        "limit": f"{limit:g}",
        "rungs": view.rung_chart(ladder, limit),
        "checks": [view.check(rung, limit) for rung in ladder.rungs],
        "absent": [name for name, value in ladder.rungs[0].dice.classes.items() if value is None],
        "bars": view.class_bars(measured),
        "confusions": [view.heat(measured.rungs[0]), view.heat(measured.rungs[-1])],
        "palette": view.palette(ladder.classes),
        "pictures": _pictures(ladder, inputs["predictions"]),
        "latency": machine.section(latency),
        "hardware": hardware.section(read(inputs["target.json"]), latency, simulation),
        "training": view.training(history, ladder.classes),
        "samples": samples,
        "samples_left_out": left_out,
        "layers": view.layers(ladder),
        "first": ladder.layer(ladder.first),
        "worst": ladder.layer(ladder.worst),
        "positions": fixes,
        "splits": tables.splits(dataset, ladder.classes),
        "configuration": [
            (group, view.flatten(config[group])) for group in ("model", "train", "quant", "verify", "compile", "dpu", "board")
        ],
    }


def read(path: Path) -> Any:
    """Return a JSON artifact.

    Raises:
        ModelError: It is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"'{path.name}' is not JSON: {error}", where=path.name, remedy="build it again") from error


def _pictures(ladder: Ladder, folder: Path) -> list[View]:
    return [
        {"src": embed.uri(folder / picture.file), "name": picture.name, "dice": picture.dice, "worst": picture.worst}
        for picture in ladder.pictures
    ]


def _samples(folder: Path) -> tuple[list[View], int]:
    """Return the pictures of the epochs, in the order of their names, and how many were left out for size."""
    paths: Sequence[Path] = sorted(folder.glob("*.png"))
    kept = embed.spread(paths, SAMPLES_BUDGET)
    return [{"src": text, "title": _spoken(path.stem)} for path, text in kept], len(paths) - len(kept)


def _spoken(stem: str) -> str:
    """Return a file's stem in words: `epoch_007` is `epoch 7`."""
    return " ".join(str(int(word)) if word.isdecimal() else word for word in stem.split("_"))

"""The predicted latency of a compiled model, as plain data, as text and as a picture."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import typer
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from net2bit.cli import words
from net2bit.dpu.stage_latency import Site, forecast, memory
from net2bit.dpu.target import resources
from net2bit.dpu.target.fingerprints import from_fingerprint
from net2bit.errors import ConfigError, near
from net2bit.report.timeline import picture
from net2bit.xir.xmodel import read

BOARDS: Final = Path(__file__).parents[2] / "experiments" / "board"
"""The boards of a checkout."""
USUAL_MHZ: Final = 300.0
"""The clock at which most of the vendor's designs for Zynq UltraScale+ run."""
WIDE: Final = 40


def predicted(model: Path, board: str, clock: float | None, cores: int) -> dict[str, Any]:
    """Return the prediction, in the form of `latency.json`, and under `notes` why the board cannot hold the hardware, if it cannot.

    Raises:
        ConfigError: There is no such board, or its file does not describe one.
        ModelError: The model is damaged or not compiled.
        ProgramError: Its code cannot run to the end.
    """
    facts = _board(board)
    try:
        site = Site(str(facts["name"]), clock or USUAL_MHZ, cores, memory(facts["memory"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the board's file lacks or misstates {error}", where=board, remedy="write it like the files of experiments/board"
        ) from error
    found = forecast(read(model), site)
    return found | {"notes": list(_unfit(int(found["kernel"]["fingerprint"], 16), cores, facts))}


def _unfit(fingerprint: int, cores: int, board: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a board cannot hold the hardware, as far as its file says what it has; what a fingerprint leaves open is taken to fit best.

    Raises:
        ConfigError: The board's resources are no figures.
    """
    name = str(board.get("title") or board["name"])
    if board.get("family") == "zynq_7000":
        yield f"no DPU with instruction set ISA1 runs on {name}, a Zynq-7000: the prediction is for a board that there cannot be"
    elif board.get("resources"):
        try:
            there = resources.capacity(board["resources"])
        except (KeyError, TypeError, ValueError) as error:
            remedy = "lut, ff, bram36, uram and dsp, or no resources at all"
            raise ConfigError(f"the board's resources lack or misstate {error}", where=name, remedy=remedy) from error
        wanted = resources.chosen(replace(from_fingerprint(fingerprint), cores=cores), there)
        if short := resources.shortages(wanted, there):
            yield f"the hardware, {resources.described(wanted)}, does not fit {name}: it needs {', '.join(map(str, short))}"


def _board(word: str) -> Mapping[str, Any]:
    """Return what a board's file says; *word* is its path, or the name of one in the checkout."""
    path = Path(word)
    if path.suffix not in {".yaml", ".yml"}:
        known = sorted(file.stem for file in BOARDS.glob("*.yaml"))
        if word not in known:
            raise ConfigError(
                f"there is no board '{word}'",
                where="--board",
                suggestion=near(word, known),
                remedy=f"one of {', '.join(known)}, or the path of a .yaml file" if known else "give the path of a board's .yaml file",
            )
        path = BOARDS / f"{word}.yaml"
    try:
        found = OmegaConf.load(path)
    except (OSError, UnicodeDecodeError, YAMLError, OmegaConfBaseException) as error:
        why = (error.strerror if isinstance(error, OSError) else "it is no text" if isinstance(error, UnicodeDecodeError) else "") or error
        raise ConfigError(f"the board's file cannot be read: {why}", where=str(path), remedy="it is YAML: name, memory") from error
    if not isinstance(found, DictConfig):
        raise ConfigError("the file describes no board", where=str(path), remedy="write it like the files of experiments/board")
    return {str(name): value for name, value in OmegaConf.to_container(found).items()}  # type: ignore[union-attr]


def say(found: Mapping[str, Any]) -> None:
    """Print a prediction for people."""
    band = f"{found['low_ms']:.4g} to {found['high_ms']:.4g} ms"
    rows: list[tuple[str, object]] = [
        ("predicted", f"{found['ms']:.4g} ms ({band}) on {found['board']}, {found['arch']} at {found['clock_mhz']:g} MHz"),
        *((f"{one['cores']} core{'s' * (one['cores'] > 1)}", f"{one['fps']:,.4g} images/s") for one in found["fps"]),
        ("cycles", words.count(found["cycles"])),
        ("of the peak", f"{100 * found['utilisation']:.1f} % of {found['peak_gops']:,.4g} GOP/s"),
        ("bound", found["bound"]),
    ]
    words.facts(rows)
    if found["layers"]:
        typer.echo()
        heads = ("layer", "work", "MOP", "DDR kB", "ms", "of the peak", "bound")
        words.table(heads, map(_row, found["layers"]), left=(0, 1, 6))
    typer.echo(f"\n{found['text']}")
    words.notes(found["notes"])


def _row(layer: Mapping[str, Any]) -> tuple[str, ...]:
    name = layer["name"] if len(layer["name"]) <= WIDE else f"…{layer['name'][1 - WIDE :]}"
    work, moved = 2 * layer["macs"] / 1e6, layer["bytes"] / 1e3
    return name, layer["work"], f"{work:,.1f}", f"{moved:,.1f}", f"{layer['ms']:.4f}", f"{100 * layer['utilisation']:.1f} %", layer["bound"]


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Write the engine timeline as SVG."""
    names = [layer["name"] for layer in found["layers"]]
    title = f"{found['model']} on {found['arch']} at {found['clock_mhz']:g} MHz, {found['board']}: {found['ms']:.4g} ms (predicted)"
    path.write_text(picture(found["timeline"], names, found["clock_mhz"], title), "utf-8")

"""Runs a model on .npy files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.cli.arrays import load
from net2bit.cli.words import place
from net2bit.dpu.runner import Port, Runner, port
from net2bit.errors import DataError, near

Array = NDArray[Any]


def execute(model: Path, given: Sequence[str], wanted: Sequence[str], engine: str, *, strict: bool) -> dict[str, Any]:
    """Run *model*, write its outputs, and return what is to be said about them.

    Args:
        model: A compiled or quantized model.
        given: `NAME=FILE.npy` for each input; `FILE.npy` where there is one input only.
        wanted: `NAME=FILE.npy` for outputs to keep, of the model or of a DPU subgraph; `FILE.npy` for the only one; a folder for all.
        engine: `simulator` or `integer`.
        strict: Whether the simulator also looks for what hardware would not forgive.

    Raises:
        ConfigError: An output cannot be written where it is to go.
        DataError: A file is missing or damaged, or a name is none of the model's.
        ModelError: The model is damaged or not compiled.
        ProgramError: The machine code cannot be executed.
        QuantError: An input has another shape or type than the model takes.
    """
    runner = Runner(model)
    ports = [*runner.outputs, *(port(op) for op in runner.graph.of_type("download") if runner.compiled)]
    feeds = {name: load(path) for name, path in _named(given, runner.inputs, "input").items()}
    places = _places(wanted, runner.outputs, ports)
    kept = [one for one in ports if one in runner.outputs or one.name in places]
    found = runner.run(feeds, engine, keep=[one.name for one in kept], strict=strict)
    for name, path in places.items():
        with path.open("wb") as file:  # numpy would add an ending to a path
            np.save(file, found[name])
    return {
        "model": runner.graph.name,
        "engine": engine,
        "outputs": [_said(one, found[one.name], places.get(one.name)) for one in dict.fromkeys(kept)],
    }


def _named(words: Sequence[str], main: Sequence[Port], side: str, more: Sequence[Port] = ()) -> dict[str, Path]:
    """Return port name -> file of words such as `x=x.npy`; a name may be left out where there is one main port."""
    found: dict[str, Path] = {}
    for word in words:
        name, path = _split(word, main, side, more)
        if name in found:
            raise DataError(f"the {side} '{name}' is given twice", where=f"--{side} {word}")
        found[name] = path
    return found


def _split(word: str, main: Sequence[Port], side: str, more: Sequence[Port]) -> tuple[str, Path]:
    names = [one.name for one in main]
    everything = [*names, *(one.name for one in more if one.name not in names)]
    known = next((name for name in everything if word.startswith(f"{name}=")), None)
    if known:
        return known, Path(word.removeprefix(f"{known}="))
    before, mark, behind = word.partition("=")
    if mark and not Path(word).exists():
        raise DataError(
            f"the model has no {side} '{before}'",
            where=f"--{side} {word}",
            remedy=f"its {side}s: {', '.join(everything)}",
            suggestion=near(before, everything),
        )
    if len(names) != 1:
        raise DataError(
            f"the model has {len(names)} {side}s; say which one '{behind or word}' is",
            where=f"--{side} {word}",
            remedy=" ".join(f"--{side} {name}={name}.npy" for name in names),
        )
    return names[0], Path(word)


def _places(wanted: Sequence[str], outputs: Sequence[Port], everything: Sequence[Port]) -> dict[str, Path]:
    """Return output name -> file to write; one folder takes all."""
    if len(wanted) == 1 and (wanted[0].endswith("/") or Path(wanted[0]).is_dir()):
        folder = Path(wanted[0])
        folder.mkdir(parents=True, exist_ok=True)
        return {one.name: folder / f"{_plain(one.name)}.npy" for one in outputs}
    found = _named(wanted, outputs, "output", everything)
    return {name: place(path if path.suffix else path.with_suffix(".npy")) or path for name, path in found.items()}


def _plain(name: str) -> str:
    """Return a tensor's name as a file's: some hold slashes and brackets."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)


def _said(one: Port, array: Array, path: Path | None) -> dict[str, Any]:
    return {
        "name": one.name,
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "fix_point": one.fix_point,
        "min": float(array.min()),
        "max": float(array.max()),
        "file": str(path) if path else None,
    }

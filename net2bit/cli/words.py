"""What the commands share: their common options, and how they print."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from net2bit.errors import ConfigError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document in place of text.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL.xmodel", help="A compiled model: the vendor's, or one of `net2bit compile`.")]


def place(path: Path | None) -> Path | None:
    """Accept a file to write: before the work, so that none is done in vain.

    Raises:
        ConfigError: It is a folder, or is to lie in one that is not there or is not to be written to.
    """
    if path is None:
        return None
    if path.is_dir():
        raise ConfigError(f"'{path}' is a folder", where=str(path), remedy="give the path of a file to write")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder '{path.parent}'", where=str(path), remedy=f"mkdir -p {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"'{path}' cannot be written: permission denied", where=str(path), remedy="choose a folder of yours")
    return path


def document(value: Any) -> None:
    """Print *value* as JSON, keys in the order given."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def facts(rows: Iterable[tuple[str, object]]) -> None:
    """Print names and values, the values in one column."""
    known = [(name, str(value)) for name, value in rows]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        typer.echo(f"{name:<{width}}  {value}".rstrip())


def notes(texts: Iterable[str]) -> None:
    """Print what asks for care, apart from the results."""
    for text in texts:
        typer.echo(f"note: {text}", err=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, left: Iterable[int] = (0,)) -> None:
    """Print a table in columns as wide as needed; all but those of the indices in *left* are set to the right."""
    texts = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[at]) for row in texts) for at in range(len(heads))]
    aside = set(left)
    for row in texts:
        cells = (
            f"{cell:<{width}}" if at in aside else f"{cell:>{width}}" for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        typer.echo("  ".join(cells).rstrip())


def count(value: int) -> str:
    """Return a number with its thousands apart."""
    return f"{value:,}"


def size(value: int) -> str:
    """Return bytes in a unit that suits them."""
    for unit, factor in (("MiB", 2**20), ("KiB", 2**10)):
        if value >= factor:
            return f"{value / factor:.2f} {unit}"
    return f"{value} bytes"

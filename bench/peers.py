"""The same graph written for other build tools: N chains of 7 stages, `cat in > out`, sources of 10 kB."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

LENGTH = 7  # stages in a chain
SOURCE_BYTES = 10_000


@dataclass(frozen=True)
class Peer:
    """A build tool.

    Attributes:
        name: For the table.
        write: Writes its description of the graph into a folder.
        command: Builds.
        package: The Python package that brings it; empty for what the system has.
        prepare: Run once before the first build.
        most: Stages beyond which it is left out (its first build would take longer than all the others together).
    """

    name: str
    write: Callable[[Path, int], None]
    command: tuple[str, ...]
    package: str = ""
    prepare: tuple[str, ...] = ()
    most: int = 100_000


def links(chains: int) -> Iterator[tuple[str, str]]:
    """Yield (input, output) of every stage, inputs first."""
    for chain in range(chains):
        for step in range(LENGTH):
            yield f"c{chain}_{step}", f"c{chain}_{step + 1}"


def sources(folder: Path, chains: int) -> None:
    """Write the first file of every chain."""
    for chain in range(chains):
        (folder / f"c{chain}_0").write_bytes(f"{chain:<9}\n".encode() * (SOURCE_BYTES // 10))


def _last(chains: int) -> list[str]:
    return [f"c{chain}_{LENGTH}" for chain in range(chains)]


def _make(folder: Path, chains: int) -> None:
    rules = "".join(f"{out}: {into}\n\tcat {into} > {out}\n" for into, out in links(chains))
    (folder / "Makefile").write_text(f"all: {' '.join(_last(chains))}\n{rules}", encoding="utf-8")


def _ninja(folder: Path, chains: int) -> None:
    rules = "".join(f"build {out}: cat {into}\n" for into, out in links(chains))
    (folder / "build.ninja").write_text(f"rule cat\n  command = cat $in > $out\n{rules}", encoding="utf-8")


def _doit(folder: Path, chains: int) -> None:
    (folder / "dodo.py").write_text(
        "DOIT_CONFIG = {'backend': 'sqlite3', 'verbosity': 0}\n"
        "def task_chain():\n"
        f"    for chain in range({chains}):\n"
        f"        for step in range({LENGTH}):\n"
        "            into, out = f'c{chain}_{step}', f'c{chain}_{step + 1}'\n"
        "            yield {'name': out, 'file_dep': [into], 'targets': [out], 'actions': [f'cat {into} > {out}']}\n",
        encoding="utf-8",
    )


def _snakemake(folder: Path, chains: int) -> None:
    rules = "".join(
        f"rule {out}:\n    input: '{into}'\n    output: '{out}'\n    shell: 'cat {{input}} > {{output}}'\n" for into, out in links(chains)
    )
    (folder / "Snakefile").write_text(f"rule all:\n    input: {json.dumps(_last(chains))}\n{rules}", encoding="utf-8")


def _dvc(folder: Path, chains: int) -> None:
    stages = "".join(f"  {out}:\n    cmd: cat {into} > {out}\n    deps: [{into}]\n    outs: [{out}]\n" for into, out in links(chains))
    (folder / "dvc.yaml").write_text(f"stages:\n{stages}", encoding="utf-8")


PEERS = (
    Peer("make", _make, ("make", "-s")),
    Peer("ninja", _ninja, ("ninja", "--quiet"), "ninja"),
    Peer("doit", _doit, (sys.executable, "-m", "doit")),
    Peer("snakemake", _snakemake, ("snakemake", "--quiet", "all", "--cores", "2"), "snakemake"),
    Peer("dvc", _dvc, ("dvc", "repro", "--quiet"), "dvc", ("dvc", "init", "--no-scm", "--quiet"), most=200),
)

"""What a word of the command line means as hardware: a file, a target name, a size, or a fingerprint."""

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from net2bit.dpu.model import load
from net2bit.dpu.target import arch_json, compat, dcf, hwh, names, resources
from net2bit.dpu.target.configuration import GENERATIONS, PARALLELISM, RELATED_TO_MODEL, Configuration
from net2bit.dpu.target.fingerprints import dpu_type, fingerprint, from_fingerprint, shown
from net2bit.errors import ConfigError, ModelError

SHORT: Final = 9
"""Hexadecimal digits that a fingerprint without `0x` has at least; fewer could be a name."""


@dataclass(frozen=True)
class Found:
    """What was meant.

    Attributes:
        what: The kind of thing it was.
        fingerprints: The first is the one that is meant where a name stands for several.
        configuration: The DPU; None where it is none of the DPUCZDX8G family.
        more: Further facts of a file.
        whole: Whether cores, clock and kinds of memory are known too; a fingerprint says what a compiled network depends on.
    """

    what: str
    fingerprints: tuple[int, ...]
    configuration: Configuration | None
    more: dict[str, Any] = field(default_factory=dict)
    whole: bool = False


def find(thing: str) -> Found:
    """Return the hardware that *thing* stands for.

    Raises:
        ConfigError: It stands for none.
        ModelError: A file is damaged.
    """
    path = Path(thing)
    if path.suffix.lower() in READERS:
        return READERS[path.suffix.lower()](path)
    if path.exists():
        raise ConfigError(f"'{path.name}' is none of {', '.join(READERS)}", where=thing, remedy="name the file by what it holds")
    digits = thing.removeprefix("0x").removeprefix("0X")
    if digits != thing or (len(digits) >= SHORT and set(digits) <= set(string.hexdigits)):
        return _of_fingerprints("fingerprint", (arch_json.fingerprint_of(thing, "fingerprint"),))
    size = thing.upper()
    return _of_fingerprints("target name", names.by_name(f"DPUCZDX8G_ISA1_{size}" if size in PARALLELISM else thing))


def _of_fingerprints(what: str, values: tuple[int, ...], **more: Any) -> Found:
    """Return the hardware of fingerprints; one of another family has no configuration here.

    Raises:
        ConfigError: The fingerprint is a DPUCZDX8G's that does not exist, or nothing's.
    """
    other = dpu_type(values[0]) not in {"", "DPUCZDX8G"}
    return Found(what, values, None if other else from_fingerprint(values[0]), more)


def _of_hwh(path: Path) -> Found:
    design = hwh.read(path)
    more = {"instances": list(design.instances), "dpu_ip": design.ip_version, "vivado": design.vivado, "board": design.board}
    return Found("hardware design", (fingerprint(design.configuration),), design.configuration, more | {"part": design.device}, whole=True)


def _of_dcf(path: Path) -> Found:
    found = dcf.configuration(dcf.read(path), path)
    return Found("DPU configuration file (dcf)", (fingerprint(found),), found, {"cores": found.cores})


def _of_json(path: Path) -> Found:
    said = arch_json.read(path)
    if said.fingerprints:
        return _of_fingerprints("arch.json", said.fingerprints)
    beside = next((file for file in (path.parent / said.dcf, path.parent / Path(said.dcf).name) if file.is_file()), None)
    if beside is None:
        raise ConfigError(f"{path.name} names the dcf '{said.dcf}', which is not there", where=str(path), remedy="give the dcf itself")
    return _of_dcf(beside)


def _of_xmodel(path: Path) -> Found:
    values = tuple(dict.fromkeys(part.fingerprint for part in load(path)))
    if len(values) > 1:
        raise ModelError(f"{path.name} has parts for different hardware: {', '.join(map(shown, values))}", where=str(path))
    return _of_fingerprints("compiled model", values)


READERS: Final[dict[str, Callable[[Path], Found]]] = {".hwh": _of_hwh, ".dcf": _of_dcf, ".json": _of_json, ".xmodel": _of_xmodel}
"""Suffix -> what reads such a file."""


def fingerprint_of(thing: str) -> int:
    """Return the fingerprint to compile for.

    Raises:
        ConfigError: There is no such hardware, or the compiler does not write its instruction set.
        ModelError: A file is damaged.
    """
    found = find(thing)
    if found.configuration is None:
        kind = names.target_name(found.fingerprints[0])
        raise ConfigError(
            f"{kind} is no DPUCZDX8G", where="--target", remedy="the compiler writes machine code of the DPUCZDX8G (ISA1) only"
        )
    compat.refuse_isa0(found.configuration.generation, "--target")
    return found.fingerprints[0]


def described(thing: str) -> dict[str, Any]:
    """Return what `net2bit arch` prints.

    Raises:
        ConfigError: *thing* stands for no hardware.
        ModelError: A file is damaged.
    """
    return dict(_facts(thing, find(thing)))


def _facts(thing: str, found: Found) -> Iterator[tuple[str, Any]]:
    value, c = found.fingerprints[0], found.configuration
    yield from (("thing", thing), ("what", found.what), ("target", names.target_name(value)), ("fingerprint", shown(value)))
    yield "vitis_ai", names.releases(value) or None
    yield "also", {shown(other): names.releases(other) for other in found.fingerprints[1:]} or None
    if c is None:
        return
    yield "generation", c.generation
    yield "generation_says", GENERATIONS[c.generation]
    yield "peak_ops_per_cycle", c.peak
    yield from (
        (name, option) for name, option in c.as_dict().items() if name != "generation" and (found.whole or name in RELATED_TO_MODEL)
    )
    if found.whole:
        yield "resources", resources.need(c).as_dict()
    yield from ((name, fact) for name, fact in found.more.items() if fact)


def said(value: Any) -> str:
    """Return a fact as people read it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name} {said(item)}" for name, item in value.items())
        case list() | tuple():
            return ", ".join(map(said, value))
        case _:
            return str(value)


def write_arch(found: dict[str, Any], output: Path) -> None:
    """Write the `arch.json` of what `described` has found."""
    output.write_text(arch_json.text(int(found["fingerprint"], 16)), "utf-8")


def write_dcf(design: Path, output: Path) -> dict[str, Any]:
    """Write the dcf of a hardware design and return what is to be said about it.

    Raises:
        ConfigError: The file is no hardware design, holds no DPU, or DPUs of different kinds.
    """
    found = hwh.read(design)
    content = dcf.of_design(found)
    output.write_bytes(content)
    c = found.configuration
    return {
        "file": str(output),
        "bytes": len(content),
        "arch": c.architecture,
        "cores": c.cores,
        "generation": c.generation,
        "name_of_dlet": dcf.file_name(found),
        "fingerprint": shown(fingerprint(c)),
    }

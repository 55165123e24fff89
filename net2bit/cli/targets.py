"""What a word of the command line means as hardware, for the compiler and for people."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from net2bit.dpu.target import arch_json, compat, dcf, hwh
from net2bit.dpu.target.describe import Description
from net2bit.dpu.target.fingerprints import fingerprint, shown
from net2bit.errors import ConfigError, ModelError

TOLD: Final = ("generation", "architecture", "cores", "clock_mhz", "device")
"""Options of a configuration that the other rows say already."""


def fingerprint_of(found: Description) -> int:
    """Return the fingerprint to compile for.

    Raises:
        ConfigError: It is unknown, of another family, or of another generation than the compiler writes.
        ModelError: A compiled model is for several.
    """
    if found.fingerprint is None:
        remedy = f"{found.notes[0]}, or give the dcf itself"
        raise ConfigError(f"{found.thing} does not say which DPU it is", where="--target", remedy=remedy)
    if found.configuration is None:
        raise ConfigError(
            f"{found.name} is no DPUCZDX8G", where="--target", remedy="the compiler writes machine code of the DPUCZDX8G (ISA1) only"
        )
    if found.kind == "xmodel" and found.others:
        values = ", ".join(map(shown, (found.fingerprint, *found.others)))
        raise ModelError(f"{found.thing} has parts for different hardware: {values}", where="--target", remedy="give the fingerprint")
    compat.refuse_isa0(found.configuration.generation, "--target")
    return found.fingerprint


def rows(found: Description) -> Iterator[tuple[str, str]]:
    """Yield what `net2bit arch` prints: what is known, the options of the configuration and the notes one by one."""
    facts = found.as_dict()
    options, more, notes = facts.pop("configuration") or {}, facts.pop("facts"), facts.pop("notes")
    left = {name: value for name, value in options.items() if name not in TOLD}
    for name, value in (facts | left | more).items():
        if value is not None and value not in ({}, []):
            yield name.replace("_", " "), _said(value)
    yield from (("note", note) for note in notes)


def _said(value: Any) -> str:
    """Return a fact as people read it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name} {_said(item)}" for name, item in value.items())
        case list():
            return ", ".join(map(_said, value))
        case _:
            return str(value)


def write_arch(found: Description, output: Path) -> None:
    """Write the `arch.json` of a DPU.

    Raises:
        ConfigError: Its fingerprint is not known.
    """
    if found.fingerprint is None:
        raise ConfigError(f"{found.thing} does not say the fingerprint", where=found.thing, remedy=found.notes[0])
    output.write_text(arch_json.text(found.fingerprint), "utf-8")


def write_dcf(design: Path, output: Path) -> Mapping[str, Any]:
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

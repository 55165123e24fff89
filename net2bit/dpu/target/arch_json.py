"""The file `arch.json`, which tells a compiler its target, in all the forms it has had."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from net2bit.dpu.target.names import by_name
from net2bit.errors import ConfigError

_REMEDY = (
    'it holds {"fingerprint":"0x..."} (Vitis AI from 1.3), {"target":"DPUCZDX8G_ISA1_B4096"}, or "target", "dcf" and "cpu_arch" (up to 1.2)'
)


@dataclass(frozen=True, slots=True)
class ArchJson:
    """What an `arch.json` says; a part that it does not say is empty."""

    fingerprint: int | None = None
    target: str = ""
    """A target name; up to 1.2 the kind of DPU (`DPUCZDX8G`, `dpuv2`), which says nothing without the dcf."""
    dcf: str = ""
    cpu_arch: str = ""

    @property
    def fingerprints(self) -> tuple[int, ...]:
        """Return the fingerprints that it can stand for; none for the form with a dcf.

        Raises:
            ConfigError: Its target is none.
        """
        if self.fingerprint is not None:
            return (self.fingerprint,)
        return () if self.dcf else by_name(self.target)


def text(fingerprint: int) -> str:
    """Return the file's content as the IP writes it beside a hardware design."""
    return f'{{"fingerprint":"0x{fingerprint:X}"}}\n'


def text_with_dcf(dcf: str, *, cpu_arch: str = "arm64") -> str:
    """Return the file's content as Vitis AI up to 1.2 wants it: the path of a dcf."""
    return json.dumps({"target": "DPUCZDX8G", "dcf": dcf, "cpu_arch": cpu_arch}, indent=4) + "\n"


def read(file: Path | str) -> ArchJson:
    """Return what an `arch.json` says.

    Raises:
        ConfigError: The file cannot be read, or is none.
    """
    path = Path(file)
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(
            f"{path.name} cannot be read: {error.strerror}", where=str(path), remedy="give the path of an arch.json"
        ) from error


def parse(data: bytes, file: str) -> ArchJson:
    """Return what the content of an `arch.json` says; *file* is named in errors.

    Raises:
        ConfigError: It is no `arch.json`.
    """
    name = Path(file).name
    try:
        found = json.loads(data)
    except ValueError as error:
        raise ConfigError(f"{name} is no JSON: {error}", where=file, remedy=_REMEDY) from error
    if not isinstance(found, dict) or not ({"fingerprint", "target"} & set(found)):
        raise ConfigError(f"{name} names neither a fingerprint nor a target", where=file, remedy=_REMEDY)
    if "fingerprint" in found:
        return ArchJson(fingerprint=fingerprint_of(found["fingerprint"], file), target=str(found.get("target", "")))
    return ArchJson(target=str(found["target"]), dcf=str(found.get("dcf", "")), cpu_arch=str(found.get("cpu_arch", "")))


def fingerprint_of(value: object, where: str) -> int:
    """Return a fingerprint that is written in hexadecimal, with or without `0x`, or as a number.

    Raises:
        ConfigError: It is none.
    """
    try:
        found = value if isinstance(value, int) and not isinstance(value, bool) else int(str(value), 16)
    except ValueError:
        found = -1
    if not 0 <= found < 1 << 64:
        raise ConfigError(
            f"{value!r} is no fingerprint", where=where, remedy="a fingerprint is at most 16 hexadecimal digits: 0x101000016010407"
        )
    return found

"""What DPU a thing stands for: a `.hwh`, a dcf, an `arch.json`, an `.xmodel`, a target name or a fingerprint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from net2bit.dpu.target import arch_json, dcf, hwh, names, resources
from net2bit.dpu.target.agree import spelled
from net2bit.dpu.target.compat import TWO_WAYS
from net2bit.dpu.target.configuration import GENERATIONS, RELATED_TO_MODEL, Configuration
from net2bit.dpu.target.fingerprints import dpu_type, fingerprint, from_fingerprint, isa, shown
from net2bit.errors import ConfigError, ModelError

SUFFIXES: Final = {".hwh": "hwh", ".dcf": "dcf", ".json": "arch.json", ".xmodel": "xmodel"}
"""Ending of a file's name -> the kind of thing it is."""

_HEX = re.compile(r"0[xX].*|[0-9A-Fa-f]{9,}")  # fewer digits without 0x could be a name


@dataclass(frozen=True, slots=True)
class Description:
    """What a thing says about a DPU."""

    kind: str
    """`hwh`, `dcf`, `arch.json`, `xmodel`, `target name` or `fingerprint`."""
    thing: str
    name: str
    """The target's name; "" where the thing does not say."""
    fingerprint: int | None
    configuration: Configuration | None
    """None where it is no DPUCZDX8G."""
    others: tuple[int, ...] = ()
    """Further fingerprints that the thing can stand for: those of later releases for a name, of further subgraphs for an xmodel."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else the thing says: board, IP, instances, subgraphs."""
    notes: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """Return the kind of DPU, such as `DPUCZDX8G`."""
        return dpu_type(self.fingerprint) if self.fingerprint is not None else ""

    def as_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; what the thing does not say is null or left out of `configuration` and `facts`.

        A hardware design says everything and has `resources`: what all of its cores take. A fingerprint, and what holds no more than one,
        says the options that a compiled network depends on, and a dcf the number of cores besides.
        """
        value, c = self.fingerprint, self.configuration
        return {
            "thing": self.thing,
            "kind": self.kind,
            "type": self.type or None,
            "target": self.name or None,
            "fingerprint": None if value is None else shown(value),
            "vitis_ai": None if value is None else names.releases(value) or None,
            "others": {shown(other): names.releases(other) or names.target_name(other) for other in self.others},
            "generation": c.generation if c else (None if value is None else f"ISA{isa(value)}"),
            "generation_says": GENERATIONS[c.generation] if c else None,
            "arch": c.architecture if c else None,
            "peak_ops_per_cycle": c.peak if c else None,
            "cores": c.cores if c and self.kind in {"hwh", "dcf"} else None,
            "clock_mhz": c.clock_mhz if c and self.kind == "hwh" else None,
            "configuration": self._options(c) if c else None,
            "resources": resources.need(c).as_dict() if c and self.kind == "hwh" else None,
            "facts": self.facts,
            "notes": list(self.notes),
        }

    def _options(self, c: Configuration) -> dict[str, Any]:
        return {name: value for name, value in c.as_dict().items() if self.kind == "hwh" or name in RELATED_TO_MODEL}


def describe(thing: str | Path) -> Description:
    """Return what DPU a file, a target name or a fingerprint stands for.

    Raises:
        ConfigError: There is no such file or target, or it matches no configuration; it names the near miss or the field that is off.
        ModelError: An `.xmodel` or a dcf is damaged.
    """
    text, path = str(thing), Path(thing)
    kind = SUFFIXES.get(path.suffix.lower(), "")
    if kind or (text and path.exists()) or "/" in text:
        return _file(path, kind)
    if _HEX.fullmatch(text.strip()):
        return _of_fingerprint("fingerprint", text, arch_json.fingerprint_of(text.strip(), "fingerprint"))
    return _of_name(text)


def _kind(path: Path) -> str:
    """Return the kind of a file whose name does not say it, from how it begins."""
    head = path.read_bytes()[:64].lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith(b"<"):
        return "hwh"
    if head.startswith(b"{"):
        return "arch.json"
    return "dcf" if head.startswith(b"\x08\x01\x1a") else "xmodel"


def _file(path: Path, kind: str) -> Description:
    remedy = "give the path of a .hwh, a .dcf, an arch.json or an .xmodel"
    if path.is_dir():
        raise ConfigError(f"{path} is a folder", where=str(path), remedy=remedy)
    if not path.is_file():
        raise ConfigError(f"there is no file {path}", where=str(path), remedy=remedy)
    return _READERS[kind or _kind(path)](path)


def _hwh(path: Path) -> Description:
    design = hwh.read(path)
    facts = {
        "instances": list(design.instances),
        "ip": design.ip_version,
        "target_version": design.target_version,
        "port_bits": design.port_bits,
        "vivado": design.vivado,
        "board": design.board,
        "device": design.device,
        "made": design.made,
        "dcf": dcf.file_name(design),
    }
    value = fingerprint(design.configuration)
    return Description("hwh", str(path), names.target_name(value), value, design.configuration, facts=facts, notes=_notes(value))


def _dcf(path: Path) -> Description:
    cores = dcf.read(path)
    found = dcf.configuration(cores, path)
    text = cores[0].text
    target = cores[0].target
    facts = {"target_version": f"{target >> 8}.{target >> 4 & 0xF}.{target & 0xF}", "port_bits": cores[0].port_bits, "text": text}
    value = fingerprint(found)
    note = "a dcf does not say whether elementwise multiplication is there, nor the clock; its readers are Vitis AI up to 1.2"
    return Description("dcf", str(path), names.target_name(value), value, found, facts=facts, notes=(note, *_notes(value)))


def _arch(path: Path) -> Description:
    said = arch_json.read(path)
    facts = {"cpu_arch": said.cpu_arch} if said.cpu_arch else {}
    if said.dcf:
        return _arch_with_dcf(path, said, facts)
    first, *rest = said.fingerprints
    found = _of_fingerprint("arch.json", str(path), first)
    return replace(found, others=tuple(rest), facts=facts, notes=(*found.notes, *_two(rest)))


def _arch_with_dcf(path: Path, said: arch_json.ArchJson, facts: dict[str, Any]) -> Description:
    """Return what the oldest form says: its dcf decides, which is looked for at its path and beside the file."""
    facts |= {"dcf": said.dcf}
    places = [place for place in (path.parent / said.dcf, path.parent / Path(said.dcf).name) if place.is_file()]
    if places:
        found = _dcf(places[0])
        return replace(found, kind="arch.json", thing=str(path), facts=found.facts | facts)
    note = f"the DPU's configuration is in the dcf, {said.dcf}, which is not there: put it beside this file"
    return Description("arch.json", str(path), said.target, None, None, facts=facts, notes=(note,))


def _xmodel(path: Path) -> Description:
    found = list(_subgraphs(path))
    if not found:
        raise ConfigError(
            f"{path.name} is compiled for no DPU: it has no DPU subgraph",
            where=str(path),
            remedy="compile it: net2bit compile MODEL.xmodel --target TARGET -o OUT.xmodel",
        )
    values = list(dict.fromkeys(value for _, _, value in found))
    one = _of_fingerprint("xmodel", str(path), values[0])
    facts = {"subgraphs": [{"name": name, "target": target, "fingerprint": shown(value)} for name, target, value in found]}
    notes = ("its subgraphs are for different DPUs",) if len(values) > 1 else ()
    return replace(one, others=tuple(values[1:]), facts=facts, notes=(*one.notes, *notes))


def _subgraphs(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield name, target and fingerprint of each DPU subgraph of a compiled model."""
    from net2bit.proto import xir  # noqa: PLC0415 - protobuf is loaded when a model is read, not with the schemas
    from net2bit.proto.wire import parse  # noqa: PLC0415

    graph = parse(xir.Graph, path.read_bytes(), path, "xmodel")
    todo = list(graph.subg_root.subg_child)
    while todo:
        node = todo.pop(0)
        todo[:0] = node.subg_child
        attrs = node.subg_attr
        if "dpu_fingerprint" in attrs:
            value = attrs["dpu_fingerprint"]
            number = getattr(value, str(value.WhichOneof("value")), 0)
            if not isinstance(number, int):
                raise ModelError(
                    f"the fingerprint of subgraph {node.subgraph_name} is no number", where=str(path), remedy="compile it again"
                )
            target = attrs["dpu_name"].string_value if "dpu_name" in attrs else ""
            yield node.subgraph_name, target, number


def _of_name(text: str) -> Description:
    first, *rest = names.by_name(text)
    found = _of_fingerprint("target name", text, first)
    return replace(found, others=tuple(rest), notes=(*found.notes, *_two(rest)))


def _two(rest: list[int]) -> tuple[str, ...]:
    """Return the note on a name that two releases understand differently."""
    if not rest:
        return ()
    later = ", ".join(shown(other) for other in rest)
    return (f"in later releases of Vitis AI the same name stands for {later}: take the fingerprint of the hardware that is on the board",)


def _of_fingerprint(kind: str, thing: str, value: int) -> Description:
    """Return the description of a fingerprint; that of another kind of DPU has no configuration.

    Raises:
        ConfigError: No DPU has it.
    """
    other = dpu_type(value) not in {"DPUCZDX8G", ""} or any(value in values for values in names.OTHERS.values())
    if other:
        note = f"a {dpu_type(value) or 'DPU of another kind'}: the compiler, the simulator and the dcf here are for the DPUCZDX8G"
        return Description(kind, thing, names.target_name(value), value, None, notes=(note,))
    return Description(kind, thing, names.target_name(value), value, from_fingerprint(value), notes=_notes(value))


def _notes(value: int) -> tuple[str, ...]:
    unnamed = () if names.releases(value) else (f"no release of Vitis AI has a name of its own for it{_nearest(value)}",)
    return unnamed if isa(value) else (*unnamed, f"the open compiler does not write ISA0: {TWO_WAYS}")


def _nearest(value: int) -> str:
    """Return how the nearest named fingerprint differs, "" where none is near."""
    mine = from_fingerprint(value)
    close = [known for known in names.ZDX8G if isa(known.fingerprint) == isa(value) and known.fingerprint & 0xF == value & 0xF]
    differ = {known: spelled(mine, from_fingerprint(known.fingerprint)) for known in close}
    best = min(close, key=lambda known: len(differ[known]), default=None)
    return f"; {best.name} ({shown(best.fingerprint)}) differs in {', '.join(differ[best])}" if best else ""


_READERS: Final = {"hwh": _hwh, "dcf": _dcf, "arch.json": _arch, "xmodel": _xmodel}

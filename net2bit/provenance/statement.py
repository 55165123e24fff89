"""The statement about a stage's products: in-toto Statement v1 with SLSA Provenance v1.

Specifications: https://github.com/in-toto/attestation/tree/main/spec/v1 and https://slsa.dev/spec/v1.0/provenance. Only fields of these are
used; what they have no word for stands in annotations. What the types mean is written in docs/how-to/provenance.md.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import net2bit
from net2bit.job import canonical

TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://slsa.dev/provenance/v1"
BUILD: Final = "urn:net2bit:stage:1"
"""What a build is here, and what its parameters mean; another number when they mean something else."""
BUILDER: Final = "urn:net2bit:builder"
TREE: Final = "application/vnd.net2bit.tree+json"
"""The type of the listing whose SHA-256 stands for a tree (see `graph.fingerprint.listing`)."""
SYNTAX: Final = "net2bitSyntax"
"""The digest of Python code without comments, docstrings and layout (see `graph.syntax`)."""
FIGURES: Final = "figures"
OUTSIDE: Final = "(outside the project)"
"""Stands for a path of the machine, which is nobody else's business."""

Descriptor = dict[str, Any]


@dataclass(frozen=True)
class OutputFact:
    """One product of a stage.

    Attributes:
        kind: Its kind.
        name: Its path, relative to the project's root.
        digest: SHA-256 of its content; of its listing for a tree.
        size: Bytes.
        tree: Whether it is a folder.
        executable: Whether it is a program.
        entries: For a tree: (path within it, SHA-256, executable) of all files; an empty folder is (`name/`, empty, False).
    """

    kind: str
    name: str
    digest: str
    size: int
    tree: bool = False
    executable: bool = False
    entries: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True)
class Statement:
    """A statement that was read and checked (see `reading.read`).

    Attributes:
        base: The stage key as far as it is known before the stage runs.
        key: The whole stage key.
        extra: See `graph.records.Record`.
        outputs: What it is about, in the order of the stage's outputs.
        took: What the run took: seconds, own, started, cpu, peak, metrics.
        document: The whole document.
        signer: The name of the trusted key that has signed it; empty where none was checked.
    """

    base: str
    key: str
    extra: str
    outputs: tuple[OutputFact, ...]
    took: Mapping[str, Any]
    document: Mapping[str, Any] = field(repr=False)
    signer: str = ""


def statement(
    manifest: Mapping[str, Any],
    base: str,
    extra: str,
    outputs: Sequence[OutputFact],
    *,
    makers: Mapping[str, str] | None = None,
    log: str = "",
) -> dict[str, Any]:
    """Return the statement about one run of a stage.

    Args:
        manifest: The stage's manifest (format `net2bit.manifest/1`).
        base: The stage key before the run.
        extra: The code that only the run found, as in `graph.records.Record`.
        outputs: What it made, in the order of the stage's outputs.
        makers: Kind -> name of the stage that made that input; inputs that are the user's own are left out.
        log: SHA-256 of the log, where it is known.
    """
    return {
        "_type": TYPE,
        "subject": [one for output in outputs for one in _subjects(output)],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD,
                "externalParameters": {"stage": manifest["stage"], "op": manifest["op"], "config": _discreet(manifest["config"])},
                "internalParameters": {
                    "base": base,
                    "key": manifest["key"],
                    "extra": extra,
                    "schema": manifest["schema"],
                    "platform": manifest["platform"],
                    "environment": manifest["environment"],
                },
                "resolvedDependencies": [
                    *_inputs(manifest["inputs"], makers or {}),
                    *_code({**manifest["code"], **dict(json.loads(extra or "[]"))}),
                    *_tools(manifest["tools"]),
                ],
            },
            "runDetails": {
                "builder": {"id": BUILDER, "version": {"net2bit": net2bit.__version__}},
                "metadata": _times(manifest["made"], manifest["took"]["seconds"]),
                "byproducts": list(_byproducts(manifest["took"], log)),
            },
        },
    }


def _subjects(output: OutputFact) -> Iterator[Descriptor]:
    about: dict[str, Any] = {"kind": output.kind, "size": output.size}
    if not output.tree:
        yield _file(output.name, output.digest, about, executable=output.executable)
        return
    empty = [path for path, digest, _ in output.entries if not digest]
    about |= {"tree": True, "folders": empty} if empty else {"tree": True}
    yield {"name": output.name, "digest": {"sha256": output.digest}, "mediaType": TREE, "annotations": about}
    for path, digest, executable in output.entries:
        if digest:
            yield _file(f"{output.name}/{path}", digest, {"kind": output.kind, "member": path}, executable=executable)


def _file(name: str, digest: str, about: Mapping[str, Any], *, executable: bool) -> Descriptor:
    return {"name": name, "digest": {"sha256": digest}, "annotations": {**about, "executable": True} if executable else dict(about)}


def _inputs(inputs: Mapping[str, Mapping[str, str]], makers: Mapping[str, str]) -> Iterator[Descriptor]:
    for kind, found in inputs.items():
        about = {"role": "input", "path": _discreet(found["path"])}
        yield {"name": kind, "digest": {"sha256": found["digest"]}, "annotations": about | _maker(makers.get(kind, ""))}


def _maker(name: str) -> dict[str, str]:
    return {"maker": name} if name else {}


def _code(files: Mapping[str, str]) -> Iterator[Descriptor]:
    for path, digest in files.items():
        yield {"name": path, "digest": {SYNTAX if path.endswith(".py") else "sha256": digest}, "annotations": {"role": "code"}}


def _tools(tools: Mapping[str, str]) -> Iterator[Descriptor]:
    for name, version in tools.items():
        uri = f"pkg:generic/{quote(name, safe='')}@{quote(version.rpartition(' ')[2], safe='')}"
        yield {"name": name, "uri": uri, "annotations": {"role": "tool", "version": version}}


def _times(finished: str, seconds: float) -> dict[str, str]:
    end = datetime.fromisoformat(finished)
    return {"startedOn": _stamp(end - timedelta(seconds=seconds)), "finishedOn": _stamp(end)}


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _byproducts(took: Mapping[str, Any], log: str) -> Iterator[Descriptor]:
    text = canonical(took).encode()
    about = {"digest": {"sha256": hashlib.sha256(text).hexdigest()}, "mediaType": "application/json"}
    yield {"name": FIGURES, "content": base64.b64encode(text).decode()} | about
    if log:
        yield {"name": "log", "digest": {"sha256": log}, "mediaType": "text/plain"}


def _discreet(value: Any) -> Any:
    """Return *value* with paths of the machine left out."""
    if isinstance(value, Mapping):
        return {name: _discreet(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_discreet(one) for one in value]
    return OUTSIDE if isinstance(value, str) and value.startswith(("/", "~", "file:")) else value

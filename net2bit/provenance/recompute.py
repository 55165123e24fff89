"""The stage key once more, from nothing but what a statement says (see `graph.keys`): its parts can then not be edited one by one."""

import hashlib
from collections.abc import Iterator
from typing import Any

from net2bit.job import canonical
from net2bit.provenance import fields, strict
from net2bit.provenance.errors import Untrusted
from net2bit.provenance.fields import Table
from net2bit.provenance.statement import OUTSIDE, SYNTAX

_MOST = 2**20  # bytes of a list of files


def base(document: Table) -> str:
    """Return the stage key that the parts in *document* make; empty where one of them was left out for discretion.

    Raises:
        Untrusted: A part is missing.
    """
    definition = fields.table(fields.table(document, "predicate"), "buildDefinition")
    outer, inner = fields.table(definition, "externalParameters"), fields.table(definition, "internalParameters")
    found = fields.tables(definition, "resolvedDependencies")
    shared = {
        "code": _sha(canonical(code(document))),
        "environment": fields.table(inner, "environment"),
        "makes": list(_makes(fields.tables(document, "subject"))),
        "op": {name: value for name, value in fields.table(outer, "op").items() if name != "makes"},
        "platform": fields.table(inner, "platform"),
        "schema": inner.get("schema"),
        "tools": {name: fields.text(about, "version") for name, about, _ in role(found, "tool")},
    }
    config = fields.table(outer, "config")
    if _hides(config):
        return ""
    inputs = {name: fields.sha(one) for name, _, one in role(found, "input")}
    return _sha(canonical({"shared": shared, "stage": {"config": config, "inputs": inputs}}))


def code(document: Table) -> dict[str, str]:
    """Return path -> digest of the code that was known before the run.

    Raises:
        Untrusted: A part is missing.
    """
    definition = fields.table(fields.table(document, "predicate"), "buildDefinition")
    late = {path for path, _ in files(fields.text(fields.table(definition, "internalParameters"), "extra"))}
    found = role(fields.tables(definition, "resolvedDependencies"), "code")
    return {name: _digest(one) for name, _, one in found if name not in late}


def files(extra: str) -> list[tuple[str, str]]:
    """Return (path, digest) of the code that only the run found (see `graph.records.Record`).

    Raises:
        Untrusted: It is no list of files.
    """
    if not extra:
        return []
    whole = strict.loads(b'{"files":' + extra.encode("utf-8", "replace") + b"}", _MOST)
    found = whole.get("files")
    if len(whole) > 1 or not isinstance(found, list) or not found:
        raise Untrusted("its list of code is none")
    return [_pair(one) for one in found]


def _pair(one: object) -> tuple[str, str]:
    match one:
        case [str(path), str(digest)]:
            return path, fields.hexadecimal(digest)
        case _:
            raise Untrusted("its list of code is none")


def role(dependencies: list[Table], name: str) -> Iterator[tuple[str, Table, Table]]:
    """Yield (name, annotations, descriptor) of the dependencies that play the role *name*.

    Raises:
        Untrusted: A part is missing.
    """
    for one in dependencies:
        about = fields.table(one, "annotations")
        if about.get("role") == name:
            yield fields.text(one, "name"), about, one


def _digest(one: Table) -> str:
    found = fields.table(one, "digest")
    return fields.hexadecimal(found.get(SYNTAX) or found.get("sha256"))


def _makes(subjects: list[Table]) -> Iterator[list[Any]]:
    for one in subjects:
        about = fields.table(one, "annotations")
        if "member" not in about:
            yield [fields.text(about, "kind"), fields.flag(about, "tree")]


def _hides(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_hides, value.values()))
    return any(map(_hides, value)) if isinstance(value, list) else bool(value == OUTSIDE)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

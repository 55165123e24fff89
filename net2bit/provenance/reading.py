"""Reading a statement that anybody may have written: what is not exactly a statement of net2bit's is refused."""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from net2bit.provenance import fields, names, recompute, statement, strict
from net2bit.provenance.errors import Untrusted
from net2bit.provenance.fields import Table
from net2bit.provenance.statement import OutputFact, Statement

_FIGURES: Final = ("seconds", "own", "started", "cpu", "peak")
_MOST: Final = 2**20  # bytes of figures
_LONGEST: Final = 200  # letters of a metric's name
_GREATEST: Final = 10**15  # seconds, bytes: more than any run takes


def read(document: Table) -> Statement:
    """Return *document* as a statement.

    Raises:
        Untrusted: A field is missing or of the wrong type, a path leads astray, or the keys do not fit each other.
    """
    if fields.text(document, "_type") != statement.TYPE or fields.text(document, "predicateType") != statement.PREDICATE:
        raise Untrusted("it is no statement of provenance")
    predicate = fields.table(document, "predicate")
    definition, run = fields.table(predicate, "buildDefinition"), fields.table(predicate, "runDetails")
    if fields.text(definition, "buildType") != statement.BUILD:
        raise Untrusted("it is about another kind of build")
    inner = fields.table(definition, "internalParameters")
    base, key, extra = fields.hexadecimal(inner.get("base")), fields.hexadecimal(inner.get("key")), fields.text(inner, "extra")
    if key != (hashlib.sha256(f"{base}\n{extra}".encode("utf-8", "replace")).hexdigest() if extra else base):
        raise Untrusted("its stage keys do not fit each other")
    for path in (*(path for path, _ in recompute.files(extra)), *recompute.code(document)):
        names.safe(path)  # the store looks these files up
    for _, about, _ in recompute.role(fields.tables(definition, "resolvedDependencies"), "input"):
        if about.get("path") != statement.OUTSIDE:
            names.safe(fields.text(about, "path"))  # likewise `verify-provenance`
    outputs = tuple(_outputs(fields.tables(document, "subject")))
    _check_key(document, base)
    return Statement(base, key, extra, outputs, _took(fields.tables(run, "byproducts")), document)


def _outputs(subjects: Sequence[Table]) -> Iterator[OutputFact]:
    """Yield the products; the files of a tree follow it."""
    tops = [at for at, one in enumerate(subjects) if "member" not in fields.table(one, "annotations")]
    if not tops or tops[0] != 0:
        raise Untrusted("it is about nothing")
    names.distinct(names.safe(fields.text(subjects[at], "name")) for at in tops)
    kinds = [fields.text(fields.table(subjects[at], "annotations"), "kind") for at in tops]
    if len(set(kinds)) < len(kinds):
        raise Untrusted("it names one product twice")
    for at, end in zip(tops, [*tops[1:], len(subjects)], strict=True):
        yield _output(subjects[at], subjects[at + 1 : end])


def _output(top: Table, members: Sequence[Table]) -> OutputFact:
    about = fields.table(top, "annotations")
    kind, name, tree = fields.text(about, "kind"), fields.text(top, "name"), fields.flag(about, "tree")
    if members and not tree:
        raise Untrusted("a file with other files in it")
    files = [_member(one, kind, name) for one in members]
    entries = sorted([*files, *((path, "", False) for path in _folders(about))])
    names.distinct(path for path, _, _ in entries)
    return OutputFact(kind, name, fields.sha(top), fields.size(about), tree, fields.flag(about, "executable"), tuple(entries))


def _member(one: Table, kind: str, top: str) -> tuple[str, str, bool]:
    about = fields.table(one, "annotations")
    path = names.safe(fields.text(about, "member"))
    if path.endswith("/") or fields.text(about, "kind") != kind or fields.text(one, "name") != f"{top}/{path}":
        raise Untrusted("a file that belongs to no product")
    return path, fields.sha(one), fields.flag(about, "executable")


def _folders(about: Table) -> Iterator[str]:
    found = about.get("folders", [])
    for path in found if isinstance(found, list) else [None]:
        if not isinstance(path, str) or not path.endswith("/"):
            raise Untrusted("a folder without a path")
        yield names.safe(path)


def _check_key(document: Table, base: str) -> None:
    """Refuse a statement of which a part was edited, or taken from another."""
    try:
        found = recompute.base(document)
    except RecursionError:
        raise Untrusted("it is nested too deeply") from None
    if found not in {base, ""}:
        raise Untrusted("its stage key is not that of what it says")


def _took(byproducts: Sequence[Table]) -> dict[str, Any]:
    content = next((fields.text(one, "content") for one in byproducts if one.get("name") == statement.FIGURES), "")
    try:
        text = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Untrusted("its figures are damaged") from None
    return figures(strict.loads(text, _MOST))


def figures(found: Table) -> dict[str, Any]:
    """Return what a run took, as it stands in a statement or in the entry of a cache.

    Raises:
        Untrusted: A figure is missing, or none of a run.
    """
    metrics = fields.table(found, "metrics")
    if not all(fields.is_number(value) for value in metrics.values()):
        raise Untrusted("its metrics are no numbers")
    if not all(name.isprintable() and 0 < len(name) <= _LONGEST for name in metrics):  # they are shown on terminals and in tables
        raise Untrusted("its metrics have names that nobody can read")
    if not all(fields.is_number(found.get(name)) and 0 <= found[name] < _GREATEST for name in _FIGURES):
        raise Untrusted("its figures are no numbers of a run")
    return {name: found[name] for name in _FIGURES} | {"metrics": dict(metrics)}

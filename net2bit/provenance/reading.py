"""Reading a statement that anybody may have written: what is not exactly a statement of net2bit's is refused."""

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from net2bit.provenance import names, statement, strict
from net2bit.provenance.errors import Untrusted
from net2bit.provenance.statement import OutputFact, Statement

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_FIGURES: Final = ("seconds", "own", "started", "cpu", "peak")
_MOST: Final = 2**20  # bytes of figures


def read(document: Mapping[str, Any]) -> Statement:
    """Return *document* as a statement.

    Raises:
        Untrusted: A field is missing or of the wrong type, a path leads astray, or the keys do not fit each other.
    """
    if _text(document, "_type") != statement.TYPE or _text(document, "predicateType") != statement.PREDICATE:
        raise Untrusted("it is no statement of provenance")
    predicate = _table(document, "predicate")
    definition, run = _table(predicate, "buildDefinition"), _table(predicate, "runDetails")
    if _text(definition, "buildType") != statement.BUILD:
        raise Untrusted("it is about another kind of build")
    inner = _table(definition, "internalParameters")
    base, key, extra = _digest(inner.get("base")), _digest(inner.get("key")), _text(inner, "extra")
    if key != (hashlib.sha256(f"{base}\n{extra}".encode("utf-8", "replace")).hexdigest() if extra else base):
        raise Untrusted("its stage keys do not fit each other")
    _check_extra(extra)
    return Statement(base, key, extra, tuple(_outputs(_tables(document, "subject"))), _took(_tables(run, "byproducts")), document)


def _outputs(subjects: Sequence[Mapping[str, Any]]) -> Iterator[OutputFact]:
    """Yield the products; the files of a tree follow it."""
    tops = [at for at, one in enumerate(subjects) if "member" not in _table(one, "annotations")]
    if not tops or tops[0] != 0:
        raise Untrusted("it is about nothing")
    names.distinct(names.safe(_text(subjects[at], "name")) for at in tops)
    kinds = [_text(_table(subjects[at], "annotations"), "kind") for at in tops]
    if len(set(kinds)) < len(kinds):
        raise Untrusted("it names one product twice")
    for at, end in zip(tops, [*tops[1:], len(subjects)], strict=True):
        yield _output(subjects[at], subjects[at + 1 : end])


def _output(top: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> OutputFact:
    about = _table(top, "annotations")
    kind, name, tree = _text(about, "kind"), _text(top, "name"), _flag(about, "tree")
    if members and not tree:
        raise Untrusted("a file with other files in it")
    files = [_member(one, kind, name) for one in members]
    entries = sorted([*files, *((path, "", False) for path in _folders(about))])
    names.distinct(path for path, _, _ in entries)
    return OutputFact(kind, name, _sha(top), _size(about), tree, _flag(about, "executable"), tuple(entries))


def _member(one: Mapping[str, Any], kind: str, top: str) -> tuple[str, str, bool]:
    about = _table(one, "annotations")
    path = names.safe(_text(about, "member"))
    if path.endswith("/") or _text(about, "kind") != kind or _text(one, "name") != f"{top}/{path}":
        raise Untrusted("a file that belongs to no product")
    return path, _sha(one), _flag(about, "executable")


def _folders(about: Mapping[str, Any]) -> Iterator[str]:
    found = about.get("folders", [])
    for path in found if isinstance(found, list) else [None]:
        if not isinstance(path, str) or not path.endswith("/"):
            raise Untrusted("a folder without a path")
        yield names.safe(path)


def _check_extra(extra: str) -> None:
    """Refuse what is not `[[path, digest], …]`: the store looks these files up."""
    found = strict.loads(b'{"files":' + extra.encode("utf-8", "replace") + b"}", _MOST).get("files") if extra else []
    for one in found if isinstance(found, list) else [None]:
        match one:
            case [str(path), str(digest)]:
                names.safe(path)
                _digest(digest)
            case _:
                raise Untrusted("its list of code is none")


def _took(byproducts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    content = next((_text(one, "content") for one in byproducts if one.get("name") == statement.FIGURES), "")
    try:
        text = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Untrusted("its figures are damaged") from None
    found = strict.loads(text, _MOST)
    metrics = _table(found, "metrics")
    if not all(isinstance(name, str) and _number(value) for name, value in metrics.items()):
        raise Untrusted("its metrics are no numbers")
    if not all(_number(found.get(name)) for name in _FIGURES):
        raise Untrusted("its figures are no numbers")
    return {name: found[name] for name in _FIGURES} | {"metrics": dict(metrics)}


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    if not isinstance(found, dict):
        raise Untrusted(f"it lacks {name}")
    return found


def _tables(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = document.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Untrusted(f"it lacks {name}")
    return found


def _text(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    if not isinstance(found, str):
        raise Untrusted(f"it lacks {name}")
    return found


def _flag(about: Mapping[str, Any], name: str) -> bool:
    found = about.get(name, False)
    if not isinstance(found, bool):
        raise Untrusted(f"{name} is neither true nor false")
    return found


def _size(about: Mapping[str, Any]) -> int:
    found = about.get("size")
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise Untrusted("a size that is none")
    return found


def _sha(one: Mapping[str, Any]) -> str:
    return _digest(_table(one, "digest").get("sha256"))


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise Untrusted("a digest that is none")
    return value

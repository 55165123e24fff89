"""Statements that a trusted writer gone wrong has signed, wrong where the poisoning suite does not look: code, figures, sums of sizes."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cache_project import Tree
from provenance_attacks import ASKED, OTHER, Scene

from net2bit.graph.audit import Audit
from net2bit.provenance import reading, recompute, statement
from net2bit.provenance.envelope import Untrusted, seal

Lie = Callable[[dict[str, Any]], None]
HEX = "5" * 64


def extra(text: str) -> Lie:
    """Return a lie about the code that only the run found, with a stage key that fits it."""

    def change(document: dict[str, Any]) -> None:
        inner = document["predicate"]["buildDefinition"]["internalParameters"]
        inner |= {"extra": text, "key": hashlib.sha256(f"{inner['base']}\n{text}".encode("utf-8", "replace")).hexdigest()}

    return change


def figures(**given: Any) -> Lie:
    """Return a lie about what the run took."""

    def change(document: dict[str, Any]) -> None:
        found = next(one for one in document["predicate"]["runDetails"]["byproducts"] if one["name"] == statement.FIGURES)
        text = json.dumps(json.loads(base64.b64decode(found["content"])) | given).encode()
        found |= {"content": base64.b64encode(text).decode(), "digest": {"sha256": hashlib.sha256(text).hexdigest()}}

    return change


def small_tree(document: dict[str, Any]) -> None:
    """Say of the folder that it is as large as the largest of its files: each fits, all together do not."""
    top = next(one for one in document["subject"] if one["annotations"].get("tree"))
    top["annotations"]["size"] = 30_000


def code(path: str) -> Lie:
    """Return a lie about the code that was known before the run, with stage keys that fit it."""

    def change(document: dict[str, Any]) -> None:
        definition = document["predicate"]["buildDefinition"]
        definition["resolvedDependencies"].append({"name": path, "digest": {"sha256": HEX}, "annotations": {"role": "code"}})
        inner = definition["internalParameters"]
        inner["base"] = inner["key"] = recompute.base(document)

    return change


LIES = {
    "code and something behind it": extra(f'[["cachelib/other.py","{HEX}"]],"more":1'),
    "code in two lists": extra(f'[["cachelib/other.py","{HEX}"]]}}\n{{"files":[]'),
    "code with half a letter in its name": extra(f'[["cachelib/\\ud800.py","{HEX}"]]'),
    "code that is no path": extra(f'[["","{HEX}"]]'),
    "a metric with half a letter": figures(metrics={"\ud800": 1.0}),
    "a metric that moves the cursor": figures(metrics={"\x1b[2Jscore": 1.0}),
    "a metric of two lines": figures(metrics={"score\nloss": 1.0}),
    "a metric without a name": figures(metrics={"": 1.0}),
    "a metric with a name of a megabyte": figures(metrics={"m" * 900_000: 1.0}),
    "a run of less than no time": figures(seconds=-1.0),
    "a run of ages": figures(seconds=1e300),
    "a run that began before time": figures(started=-1e300),
    "a run with less than no memory": figures(peak=-1),
    "a folder smaller than its files": small_tree,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused(attacked: Scene, lie: str) -> None:
    """Each is made here instead, after one notice: none ends the build, none reaches the terminal or the records."""
    attacked.forge(LIES[lie], signed=True)
    victim: Tree = attacked.victim("required")
    built = victim.build(ASKED)
    assert built.how == "ran"
    assert built.metrics == {"score": 0.5}
    assert victim.content() == attacked.honest
    assert len(victim.notices) == 1, victim.notices
    assert "is refused and made here" in victim.notices[0]
    assert victim.leftovers() == []


def test_code_that_is_a_folder(attacked: Scene) -> None:
    """A result whose code is no file here is one of other code: no fault of the server's, which is asked again for the next one."""
    attacked.forge(extra(f'[["cachelib","{HEX}"]]'), signed=True)
    victim = attacked.victim("required")
    with victim.store() as store:
        assert store.build(ASKED).how == "ran"
        assert store.build(OTHER).how == "restored"
    assert victim.notices == []


@pytest.mark.parametrize("path", ["../../../../../../dev/zero", "/dev/zero", "cachelib/../../x", "half\ud800", "a\nb"])
def test_code_that_lies_outside(path: str, filled: Scene) -> None:
    """A statement whose code leads out of the project is none: `verify-provenance` would read what it names, without end."""
    document = json.loads(json.dumps(filled.statement().document))
    code(path)(document)
    with pytest.raises(Untrusted, match="lead astray"):
        reading.read(document)


def test_code_that_is_a_folder_verified(filled: Scene, tmp_path: Path) -> None:
    """Who verifies a statement whose code is a folder here is told that it is other code."""
    document = json.loads(json.dumps(filled.statement().document))
    code("cachelib")(document)
    filled.victims = tmp_path
    victim = filled.victim("required")
    (tmp_path / "net.bin").write_bytes(b"content")
    (tmp_path / ".net.bin.intoto.json").write_bytes(seal(document, None))
    with victim.store() as store:
        audit = Audit(store, [], [], signed=False)
        audit.look(tmp_path / "net.bin")
    (account,) = (one for one in audit.accounts if one.path.endswith("net.bin"))
    assert [(one.state, "cachelib" in one.detail) for one in account.checks if one.what == "code"] == [("changed", True)]

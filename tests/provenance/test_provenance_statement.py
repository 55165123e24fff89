"""The statement: fields of in-toto Statement v1 and SLSA Provenance v1, nothing of the machine, one meaning."""

import base64
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance_samples import ENTRIES, EXTRA, FILE, TREE, A, B, C, descriptor_faults, document, keyed

from net2bit.graph.keys import full
from net2bit.provenance.errors import Untrusted
from net2bit.provenance.reading import read
from net2bit.provenance.statement import OUTSIDE, OutputFact


def _definition(found: dict[str, Any]) -> dict[str, Any]:
    return found["predicate"]["buildDefinition"]


def test_statement_has_the_fields_of_the_specifications() -> None:
    """Every name is one that in-toto v1 or SLSA v1 defines, every required one is there, and times are RFC 3339 in UTC."""
    found = document()
    assert found.keys() == {"_type", "subject", "predicateType", "predicate"}
    assert (found["_type"], found["predicateType"]) == ("https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1")
    assert found["predicate"].keys() == {"buildDefinition", "runDetails"}
    assert _definition(found).keys() == {"buildType", "externalParameters", "internalParameters", "resolvedDependencies"}
    run = found["predicate"]["runDetails"]
    assert run.keys() == {"builder", "metadata", "byproducts"}
    assert run["builder"].keys() <= {"id", "version", "builderDependencies"}
    assert run["metadata"] == {"startedOn": "2026-01-02T03:04:02Z", "finishedOn": "2026-01-02T03:04:05Z"}
    assert re.fullmatch(r"[a-z][a-z0-9+.-]*:.+", _definition(found)["buildType"])
    everything = [*found["subject"], *_definition(found)["resolvedDependencies"], *run["byproducts"]]
    assert [fault for one in everything for fault in descriptor_faults(one)] == []
    assert all(one["digest"] for one in found["subject"])


def test_public_reader_takes_it() -> None:
    """The in-toto project's own Python package reads the statement, and its protobuf schema of SLSA provenance the predicate."""
    public = pytest.importorskip("in_toto_attestation.v1.statement", reason="in-toto-attestation is not installed")
    from google.protobuf import json_format  # noqa: PLC0415 - behind the skip
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2  # noqa: PLC0415
    from in_toto_attestation.v1 import statement_pb2  # noqa: PLC0415

    found = document(EXTRA)
    message = json_format.ParseDict(found, statement_pb2.Statement())
    public.Statement.copy_from_pb(message).validate()
    predicate = json_format.ParseDict(found["predicate"], provenance_pb2.Provenance())
    assert predicate.build_definition.build_type == _definition(found)["buildType"]
    assert predicate.run_details.metadata.finished_on.ToJsonString() == "2026-01-02T03:04:05Z"


def test_statement_names_everything_that_decides() -> None:
    """Inputs with their makers, code with digests, tools with versions, the configuration, the platform: all of it is said."""
    found = _definition(document(EXTRA))
    by_role: dict[str, list[dict[str, Any]]] = {}
    for one in found["resolvedDependencies"]:
        by_role.setdefault(one["annotations"]["role"], []).append(one)
    (made,) = by_role["input"]
    assert (made["digest"]["sha256"], made["annotations"]["maker"]) == (B, "mid.txt")
    assert {one["name"]: list(one["digest"]) for one in by_role["code"]} == {
        "stagelib/second.py": ["net2bitSyntax"],
        "templates/page.html": ["sha256"],
        "net2bit/nets/architectures/unet.py": ["net2bitSyntax"],
    }
    assert {one["uri"] for one in by_role["tool"]} == {"pkg:generic/python@3.11.7", "pkg:generic/numpy@2.4.6"}
    assert found["externalParameters"]["config"]["second"]["word"] == "A"
    assert found["internalParameters"]["platform"]


def test_nothing_of_the_machine_is_told() -> None:
    """Paths outside the project, in the configuration or of inputs, and the log's path are left out; so is every user's name."""
    found = document(
        config={"dataset": {"root": "/home/somebody/data", "list": ["~/x", "file:///y"]}},
        inputs={"dataset.root": {"path": "/home/somebody/data", "digest": B}},
    )
    text = json.dumps(found)
    assert "somebody" not in text
    assert _definition(found)["externalParameters"]["config"] == {"dataset": {"root": OUTSIDE, "list": [OUTSIDE, OUTSIDE]}}
    assert read(found).outputs == (FILE, TREE)


@pytest.mark.parametrize("extra", ["", EXTRA])
def test_what_is_written_is_read(extra: str) -> None:
    """Products, trees with empty folders and programs, keys and figures come back as they went in."""
    found = read(json.loads(json.dumps(document(extra))))
    assert found.outputs == (FILE, TREE)
    assert found.extra == extra
    assert found.took["metrics"] == {"loss": 0.25}


_NAMES = st.text(st.characters(exclude_categories=("C",), exclude_characters="/\\"), min_size=1, max_size=8).filter(
    lambda name: name not in {".", ".."}
)
_FILES = st.dictionaries(st.lists(_NAMES, min_size=1, max_size=3).map("/".join), st.tuples(st.sampled_from([A, B, C]), st.booleans()))


@given(_FILES, st.integers(0, 2**60))
def test_trees_come_back(files: dict[str, tuple[str, bool]], size: int) -> None:
    """Law: any tree is read as it was written, or refused because two of its paths may be one."""
    entries = tuple(sorted((path, digest, executable) for path, (digest, executable) in files.items()))
    made = OutputFact("pages", "build/pages/x/pages", A, size, tree=True, entries=entries)
    text = json.dumps(document(outputs=(made,)))
    if _clash(files):
        with pytest.raises(Untrusted, match="file"):
            read(json.loads(text))
    else:
        assert read(json.loads(text)).outputs == (made,)


def _clash(paths: Iterable[str]) -> bool:
    plain = [unicodedata.normalize("NFC", path).casefold() for path in paths]
    return len(set(plain)) < len(plain) or any(one.startswith(f"{other}/") for one in plain for other in plain)


def _edit(found: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    place: Any = found
    *above, last = path.split(".")
    for name in above:
        place = place[int(name)] if name.isdigit() else place[name]
    place[int(last) if last.isdigit() else last] = value
    return found


_DEFINITION = "predicate.buildDefinition"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("_type", "https://in-toto.io/Statement/v0.1", "no statement"),
        ("predicateType", "https://slsa.dev/provenance/v0.2", "no statement"),
        ("predicate", [], "lacks predicate"),
        (f"{_DEFINITION}.buildType", "urn:net2bit:stage:2", "another kind"),
        (f"{_DEFINITION}.externalParameters.config.second.word", "B", "not that of what it says"),
        (f"{_DEFINITION}.externalParameters.op.version", 2, "not that of what it says"),
        (f"{_DEFINITION}.internalParameters.platform.system", "linux-riscv64", "not that of what it says"),
        (f"{_DEFINITION}.internalParameters.base", A, "do not fit"),
        (f"{_DEFINITION}.internalParameters.key", A, "do not fit"),
        (f"{_DEFINITION}.internalParameters.extra", EXTRA, "do not fit"),
        (f"{_DEFINITION}.resolvedDependencies.0.digest.sha256", C, "not that of what it says"),
        (f"{_DEFINITION}.resolvedDependencies.0.annotations.path", "../../etc/passwd", "lead astray"),
        (f"{_DEFINITION}.resolvedDependencies.1.digest.net2bitSyntax", C, "not that of what it says"),
        ("subject", [], "about nothing"),
        ("subject.0.digest.sha256", "a" * 63 + "A", "digest that is none"),
        ("subject.0.digest", {"md5": "0" * 32}, "digest that is none"),
        ("subject.0.annotations.size", -1, "size that is none"),
        ("subject.0.annotations.size", True, "size that is none"),
        ("subject.0.annotations.executable", "yes", "neither true nor false"),
        ("subject.0.annotations.kind", "pages", "one product twice"),
        ("subject.0.name", "/etc/passwd", "lead astray"),
        ("subject.2.annotations.member", "../../x", "belongs|astray"),
        ("subject.2.name", "build/other", "belongs to no product"),
        ("subject.1.annotations.folders", ["../x/"], "lead astray"),
        ("subject.1.annotations.folders", [7], "folder without"),
        ("subject.1.annotations.tree", False, "file with other files"),
        ("predicate.runDetails.byproducts.0.content", "!", "figures are damaged"),
        ("predicate.runDetails.byproducts.0.content", base64.b64encode(b'{"metrics": {}}').decode(), "figures are no numbers"),
    ],
)
def test_edited_statement_is_refused(path: str, value: Any, reason: str) -> None:
    """A statement of which one field was edited does not pass, signed or not."""
    with pytest.raises(Untrusted, match=reason):
        read(_edit(document(), path, value))


@pytest.mark.parametrize("extra", ["{}", "[1]", '[["a.py", "x"]]', "[" * 5000, '[["../a.py", "' + A + '"]]', "[]"])
def test_odd_list_of_code_is_refused(extra: str) -> None:
    """Whatever stands where code that only a run finds should stand, it is a list of safe paths and digests, or refused."""
    found = document(EXTRA)
    inner = _definition(found)["internalParameters"]
    inner |= {"extra": extra, "key": full(inner["base"], extra)}
    with pytest.raises(Untrusted):
        read(found)


@pytest.mark.parametrize("name", ["pages/ab", "pages/AB"])
def test_paths_that_are_one_file_are_refused(name: str) -> None:
    """Paths that differ in case or in Unicode's way to write a letter alone are one file on some systems: no tree may have both."""
    other = {"pages/ab": "pages/aB", "pages/AB": "pages/Ab"}[name]
    made = OutputFact("pages", "build/pages/x/pages", A, 1, tree=True, entries=((name, A, False), (other, B, False)))
    with pytest.raises(Untrusted, match="one file"):
        read(document(outputs=(made,)))
    made = OutputFact("pages", "build/pages/x/pages", A, 1, tree=True, entries=(("e\u0301", A, False), ("\u00e9", B, False)))
    with pytest.raises(Untrusted, match="one file"):
        read(document(outputs=(made,)))


def test_file_in_the_place_of_a_folder_is_refused() -> None:
    """A path cannot be a file and the folder of another file."""
    made = OutputFact("pages", "build/pages/x/pages", A, 1, tree=True, entries=(("a", A, False), ("a/b", B, False)))
    with pytest.raises(Untrusted, match="both a file and a folder"):
        read(document(outputs=(made,)))


def test_keys_are_found_again_with_code_of_the_run() -> None:
    """Code that only the run found is in the whole key and not in the base."""
    plain, late = read(document()), read(document(EXTRA))
    assert plain.key == plain.base == late.base != late.key
    assert read(keyed(document())).key == plain.key
    assert ENTRIES[0] in plain.outputs[1].entries

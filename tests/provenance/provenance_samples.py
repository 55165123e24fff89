"""Statements, keys and a field checker for the tests of provenance."""

import base64
import copy
import re
from collections.abc import Mapping
from typing import Any

from net2bit.graph.fingerprint import tree_digest
from net2bit.graph.keys import ENVIRONMENT, PLATFORM, SCHEMA, full
from net2bit.job import canonical
from net2bit.provenance import recompute
from net2bit.provenance.keys import PublicKey, Signer
from net2bit.provenance.statement import OutputFact, statement

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
ENTRIES = (("deep/one.txt", A, False), ("empty/", "", False), ("run.sh", B, True))
TREE = OutputFact("pages", "build/pages/x-12345678/pages", tree_digest(list(ENTRIES)), 30, tree=True, entries=ENTRIES)
FILE = OutputFact("final.txt", "build/final.txt/x-12345678/final.txt", C, 12)
MANIFEST: dict[str, Any] = {
    "format": "net2bit.manifest/1",
    "stage": "final.txt",
    "made": "2026-01-02T03:04:05+00:00",
    "op": {"name": "second", "run": "stagelib.second:run", "version": 1, "makes": "final.txt, pages"},
    "config": {"second": {"word": "A", "rate": 1e-05, "sizes": [1, 2.5]}},
    "inputs": {"mid.txt": {"path": "build/mid.txt/x-12345678/mid.txt", "digest": B}},
    "code": {"stagelib/second.py": A, "templates/page.html": C},
    "tools": {"python": "cpython 3.11.7", "numpy": "numpy 2.4.6"},
    "platform": PLATFORM,
    "environment": ENVIRONMENT,
    "schema": SCHEMA,
    "took": {"seconds": 2.5, "own": 2.0, "started": 0.4, "cpu": 1.9, "peak": 1000, "metrics": {"loss": 0.25}},
    "log": "/home/somebody/project/.net2bit/logs/final.txt.log",
}


def document(extra: str = "", outputs: tuple[OutputFact, ...] = (FILE, TREE), **changed: Any) -> dict[str, Any]:
    """Return a statement whose keys fit what it says; *changed* replaces parts of its manifest."""
    manifest = {**MANIFEST, "key": A, **changed}
    found = statement(manifest, A, extra, outputs, makers={"mid.txt": "mid.txt"}, log=B)
    return keyed(found, extra)


def keyed(found: dict[str, Any], extra: str = "") -> dict[str, Any]:
    """Return a statement with the keys that belong to what it says."""
    made = copy.deepcopy(found)
    inner = made["predicate"]["buildDefinition"]["internalParameters"]
    inner["base"] = recompute.base(made) or A
    inner["key"] = full(inner["base"], extra)
    return made


def signer(seed: int = 1) -> Signer:
    """Return a private key, the same one for the same *seed*."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - only here

    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer(PublicKey(f"key{seed}", private.public_key().public_bytes_raw()), private)


def descriptor_faults(one: Mapping[str, Any]) -> list[str]:
    """Return what in-toto's rules for a ResourceDescriptor (v1) find wrong."""
    known = {"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"}
    faults = [f"unknown field {name}" for name in one.keys() - known]
    if not {"uri", "digest", "content"} & one.keys():
        faults.append("neither uri nor digest nor content")
    faults += [f"no digest: {value}" for value in one.get("digest", {}).values() if not re.fullmatch("[0-9a-f]+", value)]
    if "content" in one:
        base64.b64decode(one["content"], validate=True)
    return faults


EXTRA = canonical([["net2bit/nets/architectures/unet.py", C]])

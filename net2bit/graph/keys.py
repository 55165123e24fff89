"""The stage key: SHA-256 of a canonical JSON text of everything that decides a stage's result, and of nothing else."""

import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from net2bit.errors import StoreError
from net2bit.graph.code import Code, CodeDigest
from net2bit.graph.kind import Op
from net2bit.graph.probe import Probe
from net2bit.graph.stage import Stage
from net2bit.job import canonical

SCHEMA: Final = 1  # raised when the store itself starts to treat stages otherwise
# What every stage's process sees, wherever it runs (see `child.environment`).
ENVIRONMENT: Final = {
    "LC_ALL": "C.UTF-8",
    "OMP_WAIT_POLICY": "PASSIVE",  # waiting threads give their core away: several stages share the machine
    "OPENBLAS_NUM_THREADS": "1",  # numpy's matrix products: more threads wait for each other, and may round otherwise
    "PYTHONHASHSEED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",  # what goes wrong raises; the rest only hides the log
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TZ": "UTC",
}
_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode
_FIELD: Final = re.compile(r"\{([\w.]+)\}")


def _machine() -> str:
    import os  # noqa: PLC0415 - `platform` would cost a process on some systems, and uname is not on all of them

    return f"{sys.platform}-{os.uname().machine}"


PLATFORM: Final = {"system": _machine()}


class Fixed(NamedTuple):
    """What all stages of one op share, and its hash: a key goes on from there with the stage's own part."""

    begun: "hashlib._Hash"
    tools: Mapping[str, str]
    code: CodeDigest


class Keys:
    """Makes stage keys; what is the same for all stages of an op is worked out once per session."""

    def __init__(self, code: Code, probe: Probe) -> None:
        self.code = code
        self.probe = probe
        self._fixed: dict[tuple[int, tuple[str, ...]], tuple[Op, Fixed]] = {}

    def renew(self) -> None:
        """Look at code and tools again from now on."""
        self._fixed.clear()
        self.code.renew()
        self.probe.renew()

    def fixed(self, stage: Stage, tools: Mapping[str, str] | None = None) -> Fixed:
        """Return what the stage shares with all stages of its op; *tools* stand in for the versions found."""
        uses = used(stage) if stage.op.uses else ()
        if tools is not None:
            return self._fix(stage, uses, tools)
        known = self._fixed.get((id(stage.op), uses))
        if known is None or known[0] is not stage.op:
            made = self._fix(stage, uses, self.probe.versions(stage.op.tools))
            known = self._fixed[id(stage.op), uses] = (stage.op, made)
        return known[1]

    def _fix(self, stage: Stage, uses: tuple[str, ...], tools: Mapping[str, str]) -> Fixed:
        code = self.code.digest(stage.op.run, uses)
        shared = {
            "code": code.sha,
            "environment": ENVIRONMENT,
            "makes": [[out.kind, out.tree] for out in stage.outputs],
            "op": about(stage.op),
            "platform": PLATFORM,
            "schema": SCHEMA,
            "tools": dict(tools),
        }
        return Fixed(hashlib.sha256(f'{{"shared":{_encode(shared)},"stage":'.encode()), tools, code)

    def base(self, stage: Stage, digests: Sequence[str | None], fixed: Fixed | None = None) -> str:
        """Return the stage key as far as it is known before the stage runs; *digests* are those of its inputs."""
        fixed = fixed or self.fixed(stage)
        inputs = {artifact.kind: digest for artifact, digest in zip(stage.inputs, digests, strict=True)}
        hashed = fixed.begun.copy()
        hashed.update(_encode({"config": stage.config, "inputs": inputs}).encode() + b"}")
        return hashed.hexdigest()

    def parts(self, stage: Stage, digests: Sequence[str | None]) -> dict[str, Any]:
        """Return everything a key is made of, laid out for a manifest and for `reasons.compare`."""
        fixed = self.fixed(stage)
        inputs = zip(stage.inputs, digests, strict=True)
        return {
            "op": about(stage.op) | {"makes": ", ".join(out.kind for out in stage.outputs)},
            "config": stage.config,
            "inputs": {artifact.kind: {"path": artifact.path, "digest": digest} for artifact, digest in inputs},
            "tools": dict(fixed.tools),
            "code": dict(fixed.code.files),
            "platform": PLATFORM,
            "environment": ENVIRONMENT,
            "schema": SCHEMA,
        }


def full(base: str, extra: str) -> str:
    """Return the whole stage key: the base, with the code that only the run itself could find."""
    return hashlib.sha256(f"{base}\n{extra}".encode()).hexdigest() if extra else base


def about(op: Op) -> dict[str, Any]:
    """Return what of an op's declaration decides its result."""
    return {"name": op.name, "run": op.run, "version": op.version}


def used(stage: Stage) -> tuple[str, ...]:
    """Return the files that the op uses, `{a.b}` in their names replaced by the stage's configuration.

    Raises:
        StoreError: The key is not in the slice that the op declared.
    """
    return tuple(_FIELD.sub(lambda match: _value(stage, match.group(1)), path) for path in stage.op.uses)


def _value(stage: Stage, key: str) -> str:
    found: Any = stage.config
    for name in key.split("."):
        if not isinstance(found, Mapping) or name not in found:
            raise StoreError(
                f"`uses` names a key that the op does not read: {key}", where=stage.op.name, remedy=f"add {key} to its `reads`"
            )
        found = found[name]
    return found if isinstance(found, str) else canonical(found)

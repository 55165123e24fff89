"""The differences of two experiments: configuration, figures, stages with the root cause first, artifacts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from net2bit.graph.reasons import CodeChanged, compare, flat
from net2bit.sweep.metrics import TABLE, describe
from net2bit.sweep.sides import Manifest, Side

FORM: Final = "net2bit.comparison/1"
SAME, EQUAL, DIFFERENT, ONLY_A, ONLY_B = "same", "same bytes", "different", "only in a", "only in b"
"""How a stage or an artifact stands: one run made both; two runs made the same bytes; it differs; it is on one side alone."""
_ABSENT: Final = object()
_FOUND_BY_RUNS: Final = CodeChanged(("modules that only a run finds",))


@dataclass(frozen=True)
class Figure:
    """A figure on both sides; None where a side has it not.

    Attributes:
        name: Its name.
        title: Its name for people.
        unit: Its unit.
        predicted: Whether a model says it.
        a: Its value on the first side.
        b: Its value on the second.
        verdict: `better` or `worse` of the second side, `equal`, or empty where neither is better or one is missing.
    """

    name: str
    title: str
    unit: str
    predicted: bool
    a: float | None
    b: float | None
    verdict: str


@dataclass(frozen=True)
class StagePair:
    """A stage on both sides.

    Attributes:
        op: The op's name.
        stage: The stage's name.
        state: See `SAME` and its neighbours.
        reasons: What of its own differs: configuration, own files, tools, code; empty where only what it is made from does.
        behind: Ops whose different products it takes.
    """

    op: str
    stage: str
    state: str
    reasons: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArtifactPair:
    """An artifact on both sides; sizes in bytes, None where a side has it not."""

    kind: str
    stage: str
    state: str
    paths: tuple[str | None, str | None]
    sizes: tuple[int | None, int | None]


@dataclass(frozen=True)
class Pair:
    """Everything in which two experiments differ, and what they share.

    Attributes:
        a: What the user called the first side.
        b: And the second.
        words: The overrides of both.
        config: Dotted key, value of the first side and of the second, for each key that differs; None where it is not there.
        figures: All figures of either side.
        stages: All stages of either side, makers first.
        artifacts: All artifacts of either side.
    """

    a: str
    b: str
    words: tuple[tuple[str, ...], tuple[str, ...]]
    config: tuple[tuple[str, Any, Any], ...]
    figures: tuple[Figure, ...]
    stages: tuple[StagePair, ...]
    artifacts: tuple[ArtifactPair, ...]

    @property
    def causes(self) -> list[StagePair]:
        """The stages that differ by themselves: where the difference begins."""
        return [stage for stage in self.stages if stage.reasons]


def pair(a: Side, b: Side) -> Pair:
    """Return the differences of two sides."""
    ops = list(dict.fromkeys([*a.manifests, *b.manifests]))
    made = _made(a) | _made(b)
    artifacts = tuple(_artifacts(a, b, ops))
    stages = tuple(_stage(op, a.manifests.get(op), b.manifests.get(op), made) for op in ops)
    makers = {kind: op for op in ops for side in (a, b) for kind in side.manifests.get(op, {}).get("outputs", {})}
    followed = tuple(replace(stage, behind=_behind(stage, (a, b), makers)) for stage in stages)
    return Pair(a.title, b.title, (a.words, b.words), tuple(_config(a, b)), tuple(_figures(a, b)), followed, artifacts)


def _made(side: Side) -> set[str]:
    """Return the kinds that stages make: the other inputs are the user's own files."""
    return {kind for manifest in side.manifests.values() for kind in manifest["outputs"]}


def _config(a: Side, b: Side) -> Iterator[tuple[str, Any, Any]]:
    old, new = dict(flat(a.config)), dict(flat(b.config))
    for key in dict.fromkeys([*old, *new]):
        if old.get(key, _ABSENT) != new.get(key, _ABSENT):
            yield key, old.get(key), new.get(key)


def _figures(a: Side, b: Side) -> Iterator[Figure]:
    order = {name: place for place, name in enumerate(TABLE)}
    for name in sorted({*a.metrics, *b.metrics}, key=lambda name: (order.get(name, len(order)), name)):
        about, one, other = describe(name), a.metrics.get(name), b.metrics.get(name)
        yield Figure(name, about.title, about.unit, about.predicted, one, other, verdict(one, other, about.better))


def verdict(a: float | None, b: float | None, better: str) -> str:
    """Return whether the second value is `better` or `worse` than the first, `equal` to it, or empty where that has no answer."""
    if a is None or b is None:
        return ""
    if a == b:
        return "equal"
    if not better:
        return ""
    return "better" if (b > a) == (better == "max") else "worse"


def _stage(op: str, a: Manifest | None, b: Manifest | None, made: set[str]) -> StagePair:
    if a is None or b is None:
        one = a or b or {}
        return StagePair(op, one["stage"], ONLY_B if a is None else ONLY_A)
    if a["key"] == b["key"]:
        return StagePair(op, b["stage"], SAME)
    own = [reason.text() for reason in compare(_own(a, made), _own(b, made))]
    if not own and _inputs(a, made) == _inputs(b, made):
        own = [_FOUND_BY_RUNS.text()]
    return StagePair(op, b["stage"], EQUAL if _bytes(a) == _bytes(b) else DIFFERENT, tuple(own))


def _own(manifest: Manifest, made: set[str]) -> Manifest:
    """Return a manifest with no inputs but the user's own files."""
    return {**manifest, "inputs": {kind: about for kind, about in manifest["inputs"].items() if kind not in made}}


def _inputs(manifest: Manifest, made: set[str]) -> dict[str, str]:
    return {kind: about["digest"] for kind, about in manifest["inputs"].items() if kind in made}


def _bytes(manifest: Manifest) -> dict[str, str]:
    return {kind: about["digest"] for kind, about in manifest["outputs"].items()}


def _behind(stage: StagePair, sides: tuple[Side, Side], makers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ops whose different products a stage takes."""
    if stage.state not in {EQUAL, DIFFERENT}:
        return ()
    a, b = (side.manifests[stage.op]["inputs"] for side in sides)
    kinds = [kind for kind in b if kind in makers and a.get(kind, {}).get("digest") != b[kind]["digest"]]
    return tuple(dict.fromkeys(makers[kind] for kind in kinds))


def _artifacts(a: Side, b: Side, ops: list[str]) -> Iterator[ArtifactPair]:
    for op in ops:
        one, other = (side.manifests.get(op, {}).get("outputs", {}) for side in (a, b))
        for kind in dict.fromkeys([*one, *other]):
            yield _artifact(kind, op, one.get(kind), other.get(kind))


def _artifact(kind: str, op: str, a: Manifest | None, b: Manifest | None) -> ArtifactPair:
    both = a is not None and b is not None and a["digest"] == b["digest"]
    state = ONLY_B if a is None else ONLY_A if b is None else SAME if both else DIFFERENT
    paths = (a["path"] if a else None, b["path"] if b else None)
    return ArtifactPair(kind, op, state, paths, (a["size"] if a else None, b["size"] if b else None))


def as_data(found: Pair) -> dict[str, Any]:
    """Return the comparison as plain data, for `--json`."""
    return {
        "format": FORM,
        "a": {"name": found.a, "overrides": list(found.words[0])},
        "b": {"name": found.b, "overrides": list(found.words[1])},
        "config": [{"key": key, "a": one, "b": other} for key, one, other in found.config],
        "metrics": [
            {
                "name": one.name,
                "title": one.title,
                "unit": one.unit,
                "predicted": one.predicted,
                "a": one.a,
                "b": one.b,
                "difference": difference(one),
                "verdict": one.verdict,
            }
            for one in found.figures
        ],
        "causes": [{"op": one.op, "stage": one.stage, "reasons": list(one.reasons)} for one in found.causes],
        "stages": [{"op": one.op, "stage": one.stage, "state": one.state, "behind": list(one.behind)} for one in found.stages],
        "artifacts": [
            {"kind": one.kind, "op": one.stage, "state": one.state, "paths": list(one.paths), "sizes": list(one.sizes)}
            for one in found.artifacts
        ],
    }


def difference(figure: Figure) -> float | None:
    """Return how much more the second side has; None where one has not."""
    return None if figure.a is None or figure.b is None else figure.b - figure.a


def file_of(artifact: ArtifactPair) -> str:
    """Return the artifact's file name, that of the second side where both have one."""
    return Path(artifact.paths[1] or artifact.paths[0] or artifact.kind).name

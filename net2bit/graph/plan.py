"""The planner: which ops make an experiment's goals, in which order, from which files, into which files.

A plan is decided from the configuration alone; whether anything has to run is the store's business.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from net2bit.errors import PlanError, near
from net2bit.graph import paths
from net2bit.graph.kind import Op
from net2bit.graph.makers import Makers
from net2bit.graph.registry import Registry
from net2bit.graph.slices import Slices
from net2bit.graph.stage import Artifact, Stage

FORMAT: Final = "net2bit.plan/1"
"""Part of every digest; another number moves every artifact to another folder."""


@dataclass(frozen=True)
class Plan:
    """The stages that make the goals, inputs first.

    Attributes:
        name: The experiment's name.
        stages: In an order in which they can run.
        goals: Names of the stages that make the goals.
        chosen: Kind name -> the finished artifact of that kind; a kind that the plan makes but does not finish is left out.
    """

    name: str
    stages: tuple[Stage, ...]
    goals: tuple[str, ...]
    chosen: Mapping[str, Artifact]
    by_name: Mapping[str, Stage] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the stages by name."""
        object.__setattr__(self, "by_name", {stage.name: stage for stage in self.stages})

    def find(self, word: str) -> Stage:
        """Return the stage that *word* names: by task, file, kind, op or path.

        Raises:
            PlanError: Nothing in the plan answers to that word.
        """
        names: dict[str, Stage] = {}
        for stage in self.stages:
            names.setdefault(stage.op.name, stage)
            for output in stage.outputs:
                names[output.path] = stage
        for kind, made in self.chosen.items():
            if made.maker:
                names[kind] = names[os.path.basename(made.path)] = self.by_name[made.maker]
        names.update(self.by_name)
        if word not in names:
            raise PlanError(
                f"the plan of experiment {self.name} makes no {word!r}",
                suggestion=near(word, names),
                remedy="`doit list` shows what it makes",
            )
        return names[word]

    def upstream(self, stage: Stage) -> Iterator[Stage]:
        """Yield the stages whose products *stage* takes, each once, in the order of its inputs."""
        for name in dict.fromkeys(item.maker for item in stage.inputs if item.maker):
            yield self.by_name[name]


def plan(config: Mapping[str, Any], registry: Registry, goals: Iterable[str] = (), root: Path | None = None) -> Plan:
    """Return the plan that makes *goals* (kind names; those of the flow by default).

    Args:
        config: The composed experiment.
        registry: What can be made.
        goals: Kind names.
        root: The project's root, the current folder by default; only to name the user's own files.

    Raises:
        PlanError: For a kind there is no maker, or more than one; the makers need each other; an op reads an unknown key;
            two stages would have the same name.
    """
    return _Planner(config, registry, root or Path.cwd()).plan(tuple(goals) or tuple(config["flow"]["goals"]))


class _Planner:
    """Places ops, each once."""

    def __init__(self, config: Mapping[str, Any], registry: Registry, root: Path) -> None:
        self.config = config
        self.kinds = registry.kinds
        self.slices = Slices(config)
        self.makers = Makers(registry, config["toolchain"]["name"], self.slices)
        self.root = root
        self.placed: dict[str, Stage] = {}
        self.digests: dict[str, str] = {}

    def plan(self, goals: tuple[str, ...]) -> Plan:
        wanted = [self.makers.finisher(goal, "the goals of the flow") for goal in goals]
        ordered = self.makers.order(wanted)
        for op in ordered:
            if not op.source:
                stage = self.placed[op.name] = self.place(op)
                self.digests[stage.name] = stage.digest
        chosen = {kind: self.product(op, kind) for op in ordered for kind in op.makes if self.finishes(op, kind)}
        _refuse_twins(chosen.values())
        return Plan(
            name=self.config["name"],
            stages=tuple(self.placed.values()),
            goals=tuple(dict.fromkeys(self.placed[op.name].name for op in wanted if not op.source)),
            chosen=chosen,
        )

    def place(self, op: Op) -> Stage:
        """Return *op* as a stage; the stages it needs are placed already."""
        name, inputs = self.name(op), self.inputs(op)
        label = paths.slug(paths.fill(op.label or op.name, self.slices.reader(op)))
        files = [self.file(op, kind) for kind in op.makes]
        digest = self.digest(op, inputs, (label, *files))
        outputs = tuple(
            Artifact(kind, paths.artifact(kind, label, digest, file), name, self.kinds[kind].tree)
            for kind, file in zip(op.makes, files, strict=True)
        )
        return Stage(name, op, self.slices.of(op), inputs, outputs, digest, self.resources(op), tuple(self.said(op)))

    def resources(self, op: Op) -> Mapping[str, int]:
        """Return what a run of *op* takes: one core, what it declares, and in place of that what the configuration says."""
        declared: Mapping[str, int] = {
            name: self.slices.value(need, op) if isinstance(need, str) else need for name, need in op.resources.items()
        }
        return {"cores": 1, **declared, **self.said(op)}

    def said(self, op: Op) -> Mapping[str, int]:
        """Return what the configuration says that a run of *op* takes."""
        found: Mapping[str, int] = self.config.get("resources", {}).get("stages", {}).get(op.name, {})
        return found

    def name(self, op: Op) -> str:
        """Return the task's name: its first product's file name, with the op's behind it where another op refines that further."""
        file = self.file(op, op.makes[0])
        return file if self.finishes(op, op.makes[0]) else f"{file}@{op.name}"

    def finishes(self, op: Op, kind: str) -> bool:
        """Return whether no other op refines what *op* makes of *kind*."""
        return self.makers.finisher(kind, op.name) is op

    def file(self, op: Op, kind: str) -> str:
        return paths.fill(self.kinds[kind].pattern, self.slices.reader(op))

    def inputs(self, op: Op) -> tuple[Artifact, ...]:
        made = [self.product(self.makers.provider(kind, op), kind) for kind in op.needs]
        own = ((key, self.slices.value(key, op)) for key in op.files)
        return (*made, *(self.own(key, path) for key, path in own if path is not None))

    def product(self, op: Op, kind: str) -> Artifact:
        if op.source:
            return self.own(kind, self.slices.value(op.source, op), tree=self.kinds[kind].tree)
        return next(item for item in self.placed[op.name].outputs if item.kind == kind)

    def own(self, kind: str, text: str, *, tree: bool | None = None) -> Artifact:
        """Return a file or folder of the user's, its path relative where it lies in the project."""
        path = os.path.normpath(self.root / os.path.expanduser(text))
        inside = path.startswith(f"{self.root}{os.sep}")
        return Artifact(kind, os.path.relpath(path, self.root) if inside else path, tree=os.path.isdir(path) if tree is None else tree)

    def digest(self, op: Op, inputs: tuple[Artifact, ...], names: tuple[str, ...]) -> str:
        """Return the SHA-256 over everything about a stage that is decided before anything runs."""
        origins = (f"{item.kind}={self.digests.get(item.maker, item.path)}" for item in inputs)
        lines = (FORMAT, op.name, op.run, str(op.version), " ".join(op.makes), *names, self.slices.text(op), *origins)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _refuse_twins(products: Iterable[Artifact]) -> None:
    """Refuse two products of the same file name: they would be one task, and one file in dist/."""
    seen: dict[str, str] = {}
    for item in products:
        name = os.path.basename(item.path) if item.maker else ""
        if name and name in seen:
            raise PlanError(f"kinds {seen[name]} and {item.kind} both come as a file called {name}", remedy="give one another file name")
        seen[name] = item.kind

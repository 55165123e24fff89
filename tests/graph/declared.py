"""Small registries for the tests of planner and adapter, and a printed form of a plan."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from net2bit.graph.compose import compose
from net2bit.graph.kind import Kind, Op
from net2bit.graph.plan import Plan, plan
from net2bit.graph.registry import Registry, collect, load
from net2bit.graph.stage import Artifact, Stage

PROJECT = Path(__file__).resolve().parents[2]


def module(name: str, ops: Iterable[Op], kinds: Iterable[Kind] = ()) -> ModuleType:
    """Return what a file `name` (`stages.x` or `toolchains.x`) with these declarations is, once imported."""
    made = ModuleType(name)
    made.__file__ = f"{name.replace('.', '/')}.py"
    made.OPS, made.KINDS = tuple(ops), tuple(kinds)  # type: ignore[attr-defined]
    return made


def registry(*ops: Op, open_ops: Iterable[Op] = (), kinds: Iterable[Kind] = ()) -> Registry:
    """Return a registry of shared *ops* and a toolchain `open`; kinds that are not given are declared by name."""
    open_ops, given = tuple(open_ops), {kind.name: kind for kind in kinds}
    names = dict.fromkeys(name for op in (*ops, *open_ops) for name in (*op.needs, *op.makes))
    all_kinds = [given.get(name, Kind(name, name)) for name in names]
    return collect([module("stages.all", ops, all_kinds), module("toolchains.open", open_ops)])


def config(goals: Iterable[str], **groups: Any) -> dict[str, Any]:
    """Return a configuration with the keys that every plan reads, and *groups*."""
    return {"name": "test", "toolchain": {"name": "open"}, "flow": {"goals": list(goals)}, **groups}


def op(name: str, makes: str, needs: str = "", **more: Any) -> Op:
    """Return an op; *makes* and *needs* are names of kinds, separated by spaces."""
    return Op(
        name=name, title=f"Do {name}", makes=tuple(makes.split()), needs=tuple(needs.split()), run=more.pop("run", f"mod:{name}"), **more
    )


def table(made: Plan) -> str:
    """Return a plan as text for people to review; digests are masked, since every default value is in them."""
    head = f"experiment {made.name}\ngoals      {' '.join(made.goals)}"
    chosen = "\n".join(f"  {kind:<16}{_masked(item.path)}" for kind, item in sorted(made.chosen.items()))
    return "\n\n".join([head, *(_block(stage) for stage in made.stages), f"chosen\n{chosen}"]) + "\n"


def _block(stage: Stage) -> str:
    op = stage.op
    rows = [
        ("op", f"{op.name} v{op.version}  {op.run}"),
        ("reads", " ".join(op.reads)),
        ("tools", " ".join(tool.name for tool in op.tools)),
    ]
    rows += [("uses", " ".join(op.uses)), ("keeps", "checkpoints" if op.resumes else "")]
    rows += [("takes", _shown(item)) for item in stage.inputs] + [("makes", _shown(item)) for item in stage.outputs]
    return "\n".join([f"{stage.name}: {op.title}", *(f"  {name:<6}{text}" for name, text in rows if text)])


def _shown(item: Artifact) -> str:
    maker = f"  < {item.maker}" if item.maker else "  (the user's)"
    return f"{item.kind:<16}{_masked(item.path)}{'/' if item.tree else ''}{maker}"


def _masked(path: str) -> str:
    return re.sub(r"-[0-9a-f]{8}/", "-########/", path)


@cache
def composed(*words: str) -> dict[str, Any]:
    """Return the project's experiment with *words*; not to be changed, since tests share it."""
    return compose(PROJECT / "experiments", (), words)


@cache
def declarations() -> Registry:
    """Return what the project itself declares."""
    return load(PROJECT)


def planned(*words: str) -> Plan:
    """Return the plan of the project's experiment with *words*."""
    return plan(composed(*words), declarations(), root=PROJECT)


def digests(made: Plan) -> Mapping[str, str]:
    """Return stage name -> digest."""
    return {stage.name: stage.digest for stage in made.stages}

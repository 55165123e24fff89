"""What names the results of a plan before and after they are made: for CI's own caches, and for people."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from net2bit.errors import ConfigError, PlanError, near
from net2bit.graph import config, registry, words
from net2bit.graph.deep import deep_keys
from net2bit.graph.explain import State, forecast, needed
from net2bit.graph.paths import STATE
from net2bit.graph.plan import Plan, plan
from net2bit.graph.store import Store


@dataclass(frozen=True)
class Identity:
    """How one stage's result is called.

    Attributes:
        stage: The stage's name.
        deep: Its deep key (see `deep`).
        key: Its stage key; empty while something it is made from has yet to be made.
        path: Where its first product lies.
    """

    stage: str
    deep: str
    key: str
    path: str


def identities(found: Plan, store: Store, names: Iterable[str]) -> list[Identity]:
    """Return the identities of the stages that make *names* (stage names), in plan order, with all they need.

    Raises:
        StoreError: A file or the code of a stage cannot be read.
    """
    stages = needed(found, names)
    deep = deep_keys(found, store)
    states = {item.stage.name: item.state for item in forecast(found, store, [stage.name for stage in stages])}
    made = {
        stage.name: store.check(stage).key or ""
        for stage in stages
        if all(states[one.name] is State.FRESH for one in found.upstream(stage))
    }
    return [Identity(stage.name, deep[stage.name], made.get(stage.name, ""), stage.outputs[0].path) for stage in stages]


def digest(rows: Sequence[Identity]) -> str:
    """Return one SHA-256 over deep keys: another one as soon as anything that decides one of the results is another."""
    return hashlib.sha256("".join(f"{row.stage} {row.deep}\n" for row in rows).encode()).hexdigest()


def scope(root: Path, found: Plan, word: str) -> tuple[Plan, list[str]]:
    """Return the plan and the stage names that *word* means: a target of *found*, or the goals of a flow of `experiments/flow`.

    Raises:
        ConfigError: That flow does not fit the rest of the experiment.
        PlanError: It is neither.
    """
    if not word:
        return found, list(found.goals)
    try:
        return found, [found.find(word).name]
    except PlanError as error:
        flows = sorted(path.stem for path in (root / "experiments/flow").glob("*.yaml"))
        if word not in flows:
            error.suggestion = error.suggestion or near(word, flows)
            raise
    overrides = [one for one in words.from_doit() if not one.startswith("flow=")]
    experiment = config.load(config.origin(root, [*overrides, f"flow={word}"]), root / STATE / "config")
    other = plan(experiment, registry.load(root), root=root)
    if not other.goals:
        raise ConfigError(f"the flow {word} makes nothing", where=f"experiments/flow/{word}.yaml")
    return other, list(other.goals)

"""What hydra's search sweeper does. Imports hydra, optuna and pydantic."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from platform import python_version
from typing import Any, Final

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.plugins.launcher import Launcher
from pydantic.fields import FieldInfo

from net2bit import __version__
from net2bit.errors import ConfigError, near
from net2bit.graph import complaints
from net2bit.sweep.arguments import experiments, own
from net2bit.sweep.current import Sweep, current
from net2bit.sweep.names import SWEEPS
from net2bit.sweep.results import PRUNED
from net2bit.sweep.search import aims, builders, goals, hunt, space, told
from net2bit.sweep.search.axes import Choice
from net2bit.sweep.search.memory import Memory, opened
from net2bit.sweep.search.origin import Origins, Traced
from net2bit.sweep.search.recall import recall
from net2bit.sweep.search.trials import Identity, Method, Outcome, Trial
from net2bit.sweep.session import Session
from schemas.experiment import Experiment

_SETTINGS: Final = "search"


def sweep(launcher: Launcher, loader: ConfigLoader, arguments: Sequence[str], *, merged: bool) -> dict[str, Any]:
    """Search the space that *arguments* span; returns the best points: number -> the values of the goals.

    Args:
        launcher: Builds the points where they are not built as one graph.
        loader: hydra's, for the choices of a group.
        arguments: Overrides, in hydra's grammar.
        merged: Whether points are built as one graph.

    Raises:
        ConfigError: The space, a goal or a limit does not hold, or the folder holds another search.
        StoreError: Another process searches there, or the folder cannot be written.
        Stopped: It was told to stop; what is finished is remembered.
    """
    running = current()
    wanted = running.session.settings.get(_SETTINGS)
    if wanted is None:
        raise ConfigError("the search has no settings", where="search", remedy="take them from experiments/hydra/sweeper/search.yaml")
    identity, plan = _read(running, wanted, loader, arguments)
    session = running.session
    session.settings["goals"] = {goal.metric: goal.better for goal in plan.goals}
    session.settings["sweep"] = {**session.settings["sweep"], "keep_going": True}  # points that are refused are part of a search
    with opened(session.root / SWEEPS / session.name, identity) as memory:
        memory.note("versions", _versions())
        points = builders.Points(running)
        origins = Origins(session, points.place if merged else points.draft)
        _recall(session, memory, origins, points)
        builder: hunt.Builder = (
            builders.Together(session, points.place) if merged else builders.Apart(launcher, [word for word in arguments if own(word)])
        )
        _go(identity, plan, memory, Traced(builder, origins))
        if not merged:
            _hand_over(running, memory.trials)
        return _end(running, identity, plan, memory)


def _read(running: Sweep, wanted: Mapping[str, Any], loader: ConfigLoader, arguments: Sequence[str]) -> tuple[Identity, hunt.Plan]:
    """Return what is to be searched, and how.

    Raises:
        ConfigError: It does not hold.
    """
    words = experiments(arguments)
    found = space.read(words, wanted["space"])
    base = _base(running, found)
    found = space.read(words, wanted["space"], base, _multiple)
    _check(found, base, loader)
    tree = aims.Tree(running.session.root, running.batches.compose, found.fixed)
    sought = goals.distinct([goals.goal(text) for text in wanted["goals"]])
    limits = tuple(goals.limit(text) for text in wanted["limits"])
    aims.check(tree, base, [*sought, *limits])
    identity = Identity(found, sought, tuple(map(str, limits)), Method(wanted["sampler"], wanted["seed"], wanted["startup"]))
    plan = hunt.Plan(sought, limits, tuple(aims.rungs(tree, base, limits)), wanted["batch"], wanted["trials"])
    return identity, plan


def _base(running: Sweep, found: space.Space) -> Mapping[str, Any]:
    """Return the experiment without what is searched; where there is none, with the first or last value of each key.

    Raises:
        ConfigError: Neither is an experiment.
    """
    first, last = ([f"{axis.key}={axis.ends[end]}" for axis in found.axes] for end in (0, 1))
    for more in ([], first, last):
        try:
            return running.batches.compose([*found.fixed, *more])
        except ConfigError as error:
            refused = error
    raise refused


def _check(found: space.Space, base: Mapping[str, Any], loader: ConfigLoader) -> None:
    """Refuse a key that does not exist, and a choice for which there is no file: every point would be refused alike.

    Raises:
        ConfigError: So it is; with the near miss.
    """
    for axis in found.axes:
        options = loader.get_group_options(axis.key, ObjectType.CONFIG)
        if options and isinstance(axis, Choice):
            _check_options(axis, options)
        elif not axis.key.startswith("+") and not _holds(base, axis.key):
            close = complaints.closest(axis.key, [key for key, _ in complaints.keys_of(Experiment)])
            raise ConfigError(
                f"there is no key {axis.key!r}", where="search", suggestion=close, remedy="docs/reference/config.md lists all keys"
            )


def _check_options(axis: Choice, options: Sequence[str]) -> None:
    bad = next((value for value in axis.values if value not in options), None)
    if bad is not None:
        close = near(bad, options)
        raise ConfigError(
            f"there is no {axis.key} {bad!r}",
            where=f"experiments/{axis.key}",
            suggestion=f"{axis.key}={close}" if close else "",
            remedy=f"choose of: {', '.join(options)}",
        )


def _multiple(key: str) -> float | None:
    """Return what the schema of a key lets it take multiples of only; None where it takes any number."""
    model: Any = Experiment
    field: FieldInfo | None = None
    for name in key.lstrip("+").split("."):
        field = getattr(model, "model_fields", {}).get(name)
        model = field.annotation if field else None
    return next((float(one.multiple_of) for one in field.metadata if hasattr(one, "multiple_of")), None) if field else None


def _holds(config: Mapping[str, Any], key: str) -> bool:
    found: Any = config
    for name in key.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return False
        found = found[name]
    return True


def _recall(session: Session, memory: Memory, origins: Origins, points: builders.Points) -> None:
    """Take in what an earlier run found out, and forget what of it does not hold any more."""
    trials = memory.trials
    again = recall(session, trials, origins, points.place)
    if again:
        told.again(again, sum(bool(trial.status) and trial.same_as is None for trial in trials))
        memory.forget(again)


def _go(identity: Identity, plan: hunt.Plan, memory: Memory, builder: hunt.Builder) -> None:
    def hear(batch: Sequence[Trial], outcomes: Mapping[int, Outcome]) -> None:
        known = sum(trial.same_as is None for trial in memory.trials)
        told.batch(batch, outcomes, identity.space.fixed, known, min(plan.trials, identity.space.size or plan.trials))

    hunt.search(plan, memory, builder, hear)


def _hand_over(running: Sweep, trials: Sequence[Trial]) -> None:
    """Say which points the sweep has: the jobs of a launcher know them by what was looked at last."""
    fresh = [trial for trial in trials if trial.same_as is None and trial.number not in running.session.results]
    running.sent.update({trial.number: trial.overrides for trial in fresh})
    running.pruned.update({trial.number: trial.reason for trial in fresh if trial.status == PRUNED})


def _versions() -> dict[str, str]:
    return {"net2bit": __version__, "optuna": version("optuna"), "python": python_version()}


def _end(running: Sweep, identity: Identity, plan: hunt.Plan, memory: Memory) -> dict[str, Any]:
    """Tell the best points and write `search.json`."""
    session = running.session
    trials = memory.trials
    chosen = hunt.best(plan.goals, trials)
    folder = session.root / SWEEPS / session.name
    told.write(folder, {**identity.describe(), "versions": _versions()}, trials, chosen)
    told.best(plan.goals, chosen, identity.space.fixed, f"{SWEEPS}/{session.name}")
    return {"best": {one.number: [one.metrics[goal.metric] for goal in plan.goals] for one in chosen}}

"""What `doit compare` compares: built experiments, points of sweeps, overrides. From a word to a side."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from net2bit.errors import ConfigError, PlanError, StoreError, near
from net2bit.graph import config, paths, registry, snapshot
from net2bit.graph.explain import forecast
from net2bit.graph.plan import Plan, plan
from net2bit.graph.store import Store
from net2bit.sweep.compare import FILE
from net2bit.sweep.metrics import metrics_of
from net2bit.sweep.names import SWEEPS
from net2bit.sweep.results import DONE
from net2bit.sweep.view import POINTS

Manifest = Mapping[str, Any]
NOW: Final = "."
"""The word for the experiment as it is configured now."""
_MANY: Final = 8  # names listed in a message


@dataclass(frozen=True)
class Side:
    """One of two experiments.

    Attributes:
        title: What the user called it.
        words: Overrides that build it.
        config: The composed experiment.
        manifests: Op name -> manifest of the run that made its artifacts, in the order of the plan.
        metrics: Its figures.
    """

    title: str
    words: tuple[str, ...]
    config: Mapping[str, Any]
    manifests: Mapping[str, Manifest]
    metrics: Mapping[str, float]


class Sides:
    """Finds sides in one project."""

    def __init__(self, root: Path, store: Store, common: Sequence[str], here: str) -> None:
        """Look in the project at *root*.

        Args:
            root: The project's folder.
            store: Its store.
            common: Overrides that all sides given by overrides share.
            here: Name of the experiment as it is configured now.
        """
        self.root = root
        self.store = store
        self.common = tuple(common)
        self.here = here

    def find(self, word: str) -> Side:
        """Return the side that *word* names.

        Raises:
            ConfigError: The overrides do not hold.
            PlanError: Nothing has that name, or it is not built.
            StoreError: What was built is no longer known.
        """
        name = _plain(word)
        sweep, _, label = name.partition("/")
        if label and (self.root / SWEEPS / sweep / FILE).exists():
            return self._point(word, sweep, label)
        if "=" in word:
            return self._words(word, _split(word))
        if name == NOW:
            return self._words(word, ())
        build, _, back = name.partition("~")
        known = snapshot.recall(self.root, build)
        if known:
            return self._build(word, known, back)
        if name in _presets(self.root):
            return self._words(word, (f"experiment={name}",))
        if name == self.here:
            return self._words(word, ())
        raise self._unknown(word, name, sweep if label else "")

    def _words(self, word: str, own: Sequence[str]) -> Side:
        """Return the side that overrides make: it must be built, but not last."""
        words = (*self.common, *own)
        found = config.load(config.origin(self.root, words), self.root / paths.STATE / "config")
        return self._planned(word, words, found)

    def _planned(self, title: str, words: tuple[str, ...], found: Mapping[str, Any]) -> Side:
        made = plan(found, registry.load(self.root), root=self.root)
        self._require(title, words, made)
        manifests = {}
        for stage in made.stages:
            key = self.store.check(stage).key
            manifest = (self.store.records.manifest(key) if key else None) or self.store.manifest(stage)
            if stage.op.run and manifest:
                manifests[stage.op.name] = manifest
        return Side(title, words, found, manifests, metrics_of(made, self.store, made.by_name))

    def _require(self, title: str, words: tuple[str, ...], made: Plan) -> None:
        lacking = [item for item in forecast(made, self.store, [stage.name for stage in made.stages]) if item.runs]
        if lacking:
            names = [item.stage.name for item in lacking]
            raise PlanError(
                f"{title!r} is not built: {len(lacking)} of its {len(made.stages)} stages are missing: {_listed(names)}",
                where=f"experiment {made.name}",
                remedy=f"build it: {shlex.join(['./doitw', *words])}",
            )

    def _build(self, word: str, known: Sequence[snapshot.Snapshot], back: str) -> Side:
        if back and not back.isdecimal():
            raise PlanError(f"{word!r} is no build", remedy=f"behind ~ stands how many builds to go back: 0 to {len(known) - 1}")
        if int(back or 0) >= len(known):
            count = "one build is" if len(known) == 1 else f"{len(known)} builds are"
            raise PlanError(f"{word!r} goes back too far: {count} known", remedy="builds that differ are kept from now on, the last ten")
        one = known[int(back or 0)]
        manifests = _by_op(snapshot.manifests(self.store, one.keys, word))
        return Side(word, one.words, one.config, manifests, self._figures(one.config, one.keys))

    def _figures(self, found: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, float]:
        """Return the figures of an earlier build, as far as its artifacts still lie in place, and are still declared."""
        try:
            made = plan(found, registry.load(self.root), root=self.root)
        except PlanError:
            return {}
        good = {stage.name for stage in made.stages if (self.store.manifest(stage) or {}).get("key") == keys.get(stage.name, "")}
        there = {
            stage.name for stage in made.stages if stage.name in good and all((self.root / out.path).exists() for out in stage.outputs)
        }
        return metrics_of(made, self.store, there)

    def _point(self, word: str, sweep: str, label: str) -> Side:
        """Return a point of a sweep, by its label or its number."""
        path = self.root / SWEEPS / sweep / FILE
        try:
            found = json.loads(path.read_text("utf-8"))
            point = _chosen({point["label"]: point for point in found["points"]}, sweep, label)
            if point["status"] != DONE:
                said = f"it {_WAS[point['status']]}: {point['error'].partition(chr(10))[0]}"
                raise PlanError(f"{word!r} is not built: {said}", where=f"{SWEEPS}/{sweep}")
            settled = {group: found["configs"][group][place] for group, place in point["config"].items()}
            keys, words, figures = point["keys"], tuple(point["words"]), point["metrics"]
        except (ValueError, LookupError, TypeError, AttributeError) as fault:
            remedy = "run the sweep again"
            raise StoreError(f"it is not what a sweep writes: {fault!r}", where=f"{SWEEPS}/{sweep}/{FILE}", remedy=remedy) from fault
        manifests = snapshot.manifests(self.store, {name: key for name, key in keys.items() if key}, word)
        return Side(word, words, settled, _by_op(manifests), figures)

    def _unknown(self, word: str, name: str, sweep: str) -> PlanError:
        known = list(self.names())
        said = f"there is no sweep {sweep!r}" if sweep else f"nothing that was built is called {word!r}"
        there = f"there are: {', '.join(self._summary())}" if known else "nothing is built yet"
        remedy = f"{there}; or give overrides, each side as one word: ./doitw compare dpu=b512 'dpu=b1152 model=unet'"
        close = near(sweep, [found for found, _ in self._sweeps()]) if sweep else ""
        return PlanError(said, suggestion=close + name.removeprefix(sweep) if close else near(name, known), remedy=remedy)

    def names(self) -> Iterator[str]:
        """Yield what can be compared by name: experiments that were built, presets, points of sweeps."""
        yield from dict.fromkeys([*snapshot.names(self.root), *_presets(self.root), self.here])
        for sweep, labels in self._sweeps():
            yield from (f"{sweep}/{label}" for label in labels)

    def _sweeps(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each sweep with the labels of its points."""
        for path in sorted((self.root / SWEEPS).glob(f"*/{FILE}")):
            with suppress(OSError, ValueError, KeyError, TypeError):  # a damaged one has nothing to offer
                yield path.parent.name, [point["label"] for point in json.loads(path.read_text("utf-8"))["points"]]

    def _summary(self) -> Iterator[str]:
        yield from dict.fromkeys([*snapshot.names(self.root), *_presets(self.root), self.here])
        yield from (f"{sweep}/0" + (f" to {sweep}/{len(labels) - 1}" if len(labels) > 1 else "") for sweep, labels in self._sweeps())


_WAS: Final = {"failed": "failed", "refused": "was refused", "pruned": "was stopped by the search"}


def _chosen(points: Mapping[str, Any], sweep: str, label: str) -> Any:
    """Return the point that *label*, or a number, names.

    Raises:
        PlanError: There is none.
    """
    label = {str(point["number"]): name for name, point in points.items()}.get(label, label)
    if label not in points:
        remedy = f"it has: {_listed(list(points))}"
        raise PlanError(f"sweep {sweep} has no point {label!r}", suggestion=_with(sweep, near(label, points)), remedy=remedy)
    return points[label]


def _plain(word: str) -> str:
    """Return *word* without the folders that the shell's completion puts around a name."""
    name = word.rstrip("/").removeprefix("./") or word
    if name.startswith(f"{SWEEPS}/"):
        return name.removeprefix(f"{SWEEPS}/").replace(f"/{POINTS}/", "/", 1)
    return name.removeprefix(f"{paths.DIST}/")


def _split(word: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(word))
    except ValueError as error:
        raise ConfigError(
            f"{word!r} cannot be read as overrides: {error}", where="the command line", remedy="close the quotation"
        ) from error


def _presets(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / "experiments" / "experiment").glob("*.yaml"))


def _by_op(manifests: Sequence[Manifest]) -> dict[str, Manifest]:
    return {manifest["op"]["name"]: manifest for manifest in manifests}


def _with(sweep: str, label: str) -> str:
    return f"{sweep}/{label}" if label else ""


def _listed(names: Sequence[str]) -> str:
    more = f", and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more

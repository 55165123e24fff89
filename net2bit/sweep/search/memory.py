"""What a search remembers: every trial in an SQLite file of optuna's, so that a search that was killed goes on where it stood.

The sampler of the *n*th trial is seeded with the search's seed and *n*, and nothing of it lives on in memory. What it chooses depends on
the seed and the trials before alone, so a search that was killed ten times ends in the trials of one that was not. Imports optuna.
"""

import hashlib
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, Literal

import optuna
from filelock import FileLock, Timeout
from optuna.trial import TrialState

from net2bit.errors import ConfigError, StoreError
from net2bit.job import canonical
from net2bit.sweep.results import DONE, FAILED
from net2bit.sweep.search import rewrite
from net2bit.sweep.search.trials import Identity, Outcome, Trial

FILE: Final = "search.db"
_DULL: Final = 20  # known points in a row after which chance draws instead of the sampler
_TIRED: Final = 500  # known points in a row after which the search ends
_STUDY: Final = "search"
_FAULTS: Final = (sqlite3.Error, optuna.exceptions.OptunaError)


class _Connection(sqlite3.Connection):
    """Waits for the disk when the journal is folded into the file, not with every word: a kill loses nothing by that."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.execute("PRAGMA synchronous=NORMAL")


class Memory:
    """The trials of one search."""

    def __init__(self, folder: Path, identity: Identity) -> None:
        """Open the search in *folder*, or begin one there; see `opened`."""
        self._identity = identity
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        path = self._path = folder / FILE
        try:
            self._study = self._open(path)
        except (*_FAULTS, RuntimeError) as fault:
            raise StoreError(
                f"the trials cannot be read: {fault}", where=str(path), remedy="remove the file: the search begins anew"
            ) from fault

    def close(self) -> None:
        """Let go of the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def _open(self, path: Path) -> optuna.Study:
        _to_wal(path)
        storage = self._storage = optuna.storages.RDBStorage(
            f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 60, "factory": _Connection}}
        )
        ways: dict[str, Literal["minimize", "maximize"]] = {"min": "minimize", "max": "maximize"}
        directions = [ways[goal.better] for goal in self._identity.goals]
        if _STUDY in {study.study_name for study in storage.get_all_studies()}:
            study = optuna.load_study(study_name=_STUDY, storage=storage)
        else:
            study = optuna.create_study(study_name=_STUDY, storage=storage, directions=directions)
        if "identity" in study.user_attrs:
            _check(study.user_attrs["identity"], self._identity, path)
        study.set_user_attr("identity", self._identity.describe())
        return study

    @property
    def trials(self) -> list[Trial]:
        """All trials, in order."""
        return [_trial(frozen) for frozen in self._study.get_trials(deepcopy=False) if "overrides" in frozen.user_attrs]

    def note(self, name: str, value: object) -> None:
        """Remember something about the search as a whole."""
        self._study.set_user_attr(name, value)

    def batch(self, size: int, trials: int) -> list[Trial]:
        """Return the next points to build: at most *size*, none that is known; empty when the search is over.

        Points that were forgotten come first, all at once: there is nothing to learn between them. A batch that was interrupted is
        returned again, and completed if that had not been done. Points that are known already are told what came of them.

        Args:
            size: Points in a batch.
            trials: Different points in all.
        """
        self._answer_twins()
        known = {trial.overrides: trial for trial in reversed(self.trials)}
        forgotten = [trial for trial in known.values() if trial.again and not trial.status]
        if forgotten:
            return sorted(forgotten, key=lambda trial: trial.number)
        number = max((trial.batch for trial in known.values()), default=0)
        members = [trial for trial in known.values() if trial.batch == number and trial.same_as is None]
        unknown = [trial for trial in members if not trial.status]
        if unknown and len(unknown) < len(members):  # the answers had begun to come in
            return sorted(unknown, key=lambda trial: trial.number)
        if not unknown:
            number += bool(members)
        return self._fill(number, size, trials, known)

    def _fill(self, number: int, size: int, trials: int, known: dict[tuple[str, ...], Trial]) -> list[Trial]:
        """Choose points until batch *number* has its size, or there are enough, or no others are found."""
        batch = sorted((trial for trial in known.values() if not trial.status), key=lambda trial: trial.number)
        space = self._identity.space.size
        idle = self._idle()
        while len(batch) < size and len(known) < min(trials, space or trials) and idle < _TIRED:
            trial = self._ask(number, known, dull=idle >= _DULL)
            known.setdefault(trial.overrides, trial)
            batch += [trial] if trial.same_as is None else []
            idle = 0 if trial.same_as is None else idle + 1
        return batch

    def _idle(self) -> int:
        """Return how many known points came last, one after the other."""
        return sum(1 for _ in takewhile(lambda trial: trial.same_as is not None, reversed(self.trials)))

    def _ask(self, batch: int, known: Mapping[tuple[str, ...], Trial], *, dull: bool) -> Trial:
        """Choose a point, by chance where the sampler is *dull*; one that is known is answered at once, unless it is being built."""
        live = self._begun(dull=dull)
        overrides = self._identity.space.draw(live)
        twin = known.get(overrides)
        live.set_user_attr("batch", batch)
        if twin is not None:
            live.set_user_attr("same_as", twin.number)
        live.set_user_attr("overrides", overrides)
        trial = Trial(live.number, overrides, batch, same_as=None if twin is None else twin.number)
        if twin is not None and twin.status:
            self._answer_twins()
        return trial

    def _begun(self, *, dull: bool = False) -> optuna.Trial:
        """Return a new trial to draw values for; one that a killed search had not drawn to its end is dropped."""
        frozen = self._study.get_trials(deepcopy=False)
        drawn = sum("overrides" in trial.user_attrs for trial in frozen)
        for trial in frozen:
            if not trial.state.is_finished() and "overrides" not in trial.user_attrs:
                self._study.tell(trial.number, state=TrialState.FAIL)
        self._study.sampler = self._sampler(drawn, "random" if dull else self._identity.method.sampler)
        return self._study.ask()

    def _sampler(self, number: int, name: str) -> optuna.samplers.BaseSampler:
        method, samplers = self._identity.method, optuna.samplers
        seed = int.from_bytes(hashlib.sha256(f"{method.seed}/{number}".encode()).digest()[:4])
        if name == "tpe":
            return samplers.TPESampler(n_startup_trials=method.startup, multivariate=True, seed=seed)
        if name == "nsga2":
            return samplers.NSGAIISampler(population_size=method.startup, seed=seed)
        return samplers.RandomSampler(seed=seed)

    def tell(self, outcomes: Mapping[int, Outcome]) -> None:
        """Remember what came of points, by their numbers; and of trials that were the same."""
        for number, outcome in sorted(outcomes.items()):
            self._answer(number, outcome)
        self._answer_twins()

    def _answer_twins(self) -> None:
        """Answer the trials that were the same point as one whose outcome is known."""
        trials = self.trials
        known = {trial.number for trial in trials if trial.status}
        for trial in trials:
            if not trial.status and trial.same_as in known:
                self._answer(trial.number, self._outcome(trial.same_as))

    def _answer(self, number: int, outcome: Outcome) -> None:
        frozen = self._study.get_trials(deepcopy=False)[number]
        live = optuna.Trial(self._study, frozen._trial_id)  # noqa: SLF001 - no public way back
        for limit, excess in outcome.excess.items():
            if limit not in frozen.constraints:
                live.set_constraint(limit, excess)
        live.set_user_attr("outcome", asdict(outcome))
        state, values = self._said(outcome)
        self._study.tell(number, values, state=state)

    def _said(self, outcome: Outcome) -> tuple[TrialState, list[float] | None]:
        """Return what optuna is told of a point.

        Its genetic algorithm breeds from complete trials only, and weighs those beyond a limit by how far they are beyond: to it a pruned
        or refused point is complete, with the worst value where none is known. Others learn from pruned trials as they are.
        """
        if outcome.status == FAILED:
            return TrialState.FAIL, None
        if outcome.status != DONE and self._identity.method.sampler != "nsga2":
            return TrialState.PRUNED, None
        return TrialState.COMPLETE, [outcome.metrics.get(goal.metric, goal.worst) for goal in self._identity.goals]

    def _outcome(self, number: int) -> Outcome:
        return Outcome.of(self._study.get_trials(deepcopy=False)[number].user_attrs["outcome"])

    def forget(self, numbers: Collection[int]) -> None:
        """Forget what came of trials, and of those that were the same points: they are the next batch."""
        rewrite.without(self._study, rewrite.closure(numbers, self._study.get_trials(deepcopy=False)), self._path)
        self.close()
        self._study = self._open(self._path)


def _to_wal(path: Path) -> None:
    """Set the journal that costs no wait for the disk with every word; it stays set in the file."""
    with closing(sqlite3.connect(path, timeout=60)) as db:
        db.execute("PRAGMA journal_mode=WAL")


def _trial(frozen: optuna.trial.FrozenTrial) -> Trial:
    said = frozen.user_attrs
    outcome = Outcome.of(said["outcome"]) if frozen.state.is_finished() and "outcome" in said else Outcome("")
    return Trial(
        frozen.number,
        tuple(said["overrides"]),
        said["batch"],
        outcome.status,
        outcome.metrics,
        outcome.reason,
        said.get("same_as"),
        outcome.origin,
        again=rewrite.AGAIN in said,
    )


def _check(found: Mapping[str, Any], wanted: Identity, path: Path) -> None:
    """Refuse to mix the trials of two searches.

    Raises:
        ConfigError: The file holds the trials of another; with what differs.
    """
    now = wanted.describe()
    differ = [f"{key} was {_short(found.get(key))}, is {_short(now[key])}" for key in now if found.get(key) != now[key]]
    if not differ:
        return
    raise ConfigError(
        "the folder holds another search: " + "; ".join(differ),
        where=str(path),
        remedy="name this one (sweep.name=NAME), or remove the file to begin anew",
    )


def _short(value: object, most: int = 120) -> str:
    text = canonical(value)
    return text if len(text) <= most else f"{text[:most]}…"


@contextmanager
def opened(folder: Path, identity: Identity) -> Iterator[Memory]:
    """Open the search in *folder* for this process alone.

    Raises:
        ConfigError: The folder holds another search.
        StoreError: Another process is at it, or the file cannot be used, or not any more: the disk is full.
    """
    lock = FileLock(folder / f"{FILE}.lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as fault:
        raise StoreError(
            "another process searches here", where=str(folder), remedy="wait for its end, or give this search another name: sweep.name=NAME"
        ) from fault
    except OSError as fault:
        raise StoreError(f"the folder cannot be written: {fault.strerror}", where=str(folder)) from fault
    try:
        with closing(Memory(folder, identity)) as memory:
            yield memory
    except _FAULTS as fault:
        text = str(fault).strip().partition("\n")[0]
        remedy = "make room where the disk is full; started again, the search goes on from there"
        raise StoreError(f"the trials cannot be kept: {text}", where=str(folder / FILE), remedy=remedy) from fault
    finally:
        lock.release()

"""Forgetting what came of trials: optuna never changes an answer, so the study is written anew without it. Imports optuna."""

import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

AGAIN = "again"
"""Says of a trial that it was answered once, and waits for another answer."""
_ANSWER = frozenset({"outcome", AGAIN})


def closure(numbers: Collection[int], trials: Iterable[FrozenTrial]) -> set[int]:
    """Return *numbers* with those of the trials that were the same points."""
    return {*numbers, *(trial.number for trial in trials if trial.user_attrs.get("same_as") in numbers)}


def without(study: optuna.Study, numbers: Collection[int], path: Path) -> None:
    """Take the answers of the trials *numbers* out of *study*, which lies in the SQLite file *path*; the trials themselves stay.

    The new study is made in memory and takes the old one's place in one transaction: a kill leaves the one or the other. The study has to
    be opened again then.
    """
    with closing(sqlite3.connect(":memory:")) as made, closing(sqlite3.connect(path, timeout=60)) as file:
        _fill(made, study, numbers)
        made.backup(file)


def _fill(made: sqlite3.Connection, study: optuna.Study, numbers: Collection[int]) -> None:
    """Write *study*, without the answers of the trials *numbers*, to the empty database *made*."""
    storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs={"creator": lambda: made})
    fresh = optuna.create_study(study_name=study.study_name, storage=storage, directions=study.directions)
    for name, value in study.user_attrs.items():
        fresh.set_user_attr(name, value)
    trials = study.get_trials(deepcopy=False)
    fresh.add_trials(_open(trial) if trial.number in numbers else trial for trial in trials)
    storage.remove_session()


def _open(trial: FrozenTrial) -> FrozenTrial:
    """Return *trial* without its answer."""
    return create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={name: value for name, value in trial.user_attrs.items() if name not in _ANSWER} | {AGAIN: True},
        system_attrs={name: value for name, value in trial.system_attrs.items() if not name.startswith("constraints")},
    )

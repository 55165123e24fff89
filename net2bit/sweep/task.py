"""hydra's task function: one point in a process of its own, for launchers that know no graph (joblib, submitit, ray, basic).

The store holds two processes to one build of each stage, so nothing is built twice. Imports hydra.
"""

import json
from pathlib import Path
from typing import Any, Final

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from net2bit.errors import StageError
from net2bit.graph import words
from net2bit.graph.place import write_whole
from net2bit.sweep.batches import Batches
from net2bit.sweep.launch import value
from net2bit.sweep.names import SWEEPS
from net2bit.sweep.primary import settings
from net2bit.sweep.results import PointResult
from net2bit.sweep.session import Session

JOBS: Final = ".jobs"
"""Folder of a sweep in which each process leaves what came of its point."""


def build(config: DictConfig) -> Any:
    """Build the point that *config* was composed for; returns its metrics, or what `sweep.returns` picks of them.

    Raises:
        StageError: It was refused, or failed.
    """
    hydra = HydraConfig.get()
    root, own = Path(hydra.runtime.cwd), settings(config)
    given, folders = words.search([*hydra.overrides.hydra, *hydra.overrides.task], root)
    batches = Batches(root / "experiments", folders, ())
    session = Session(root, own["sweep"]["name"], own, view=False)
    number = int(hydra.job.num)
    session.build(batches.add([given], number))
    if session.opened:
        session.store.close()
    result = session.result(number)
    _note(root / SWEEPS / session.name / JOBS, result)
    if not result.good:
        raise StageError(result.error)
    return value(result, own["sweep"]["returns"])


def _note(folder: Path, result: PointResult) -> None:
    """Leave the result for the process that began the sweep."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {"overrides": result.point.overrides, "how": dict(result.how), "error": result.error}
    write_whole(folder / f"{result.point.number}.json", json.dumps(said))

"""Launchers that others wrote: what to do where one is not installed, and what to say when one fails. Standard library only."""

import traceback
from pathlib import Path
from typing import Final

from net2bit.errors import ToolError
from net2bit.graph.place import write_whole

LOG: Final = ".net2bit/logs/launcher.log"

_PACKAGES: Final = {
    "joblib": ".venv/bin/pip install hydra-joblib-launcher",
    "ray": "docs/how-to/sweeps.md says how, under Other launchers",
    "submitit_local": ".venv/bin/pip install hydra-submitit-launcher",
    "submitit_slurm": ".venv/bin/pip install hydra-submitit-launcher",
}


class LauncherError(ToolError):
    """A launcher that others wrote failed: some of its points may be done."""


def remedy(word: str) -> str:
    """Return how to install the launcher that *word* chooses; nothing where it chooses none of those that are known."""
    group, _, name = word.partition("=")
    return f"install it: {_PACKAGES[name]}" if group == "hydra/launcher" and name in _PACKAGES else ""


def failure(error: Exception, root: Path) -> LauncherError:
    """Return what *error*, of a plug-in of hydra's, means to the user of the project at *root*; the log keeps the traceback."""
    log = root / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    write_whole(log, "".join(traceback.format_exception(error)))
    text = traceback.format_exception_only(error)[-1].strip().split("\n", 1)[0]
    return LauncherError(f"hydra's launcher failed: {text}", where=str(log), remedy="the log has the whole traceback")

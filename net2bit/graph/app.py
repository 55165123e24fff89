"""doit with net2bit's commands: what `./doitw` runs when there may be something to do."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doit.cmd_base import DodoTaskLoader
from doit.doit_cmd import DoitMain
from doit.version import VERSION

from net2bit import __version__
from net2bit.graph import config, null
from net2bit.graph.commands.build import Build, DryRun
from net2bit.graph.commands.cache import CacheCommand
from net2bit.graph.commands.clean import Clean
from net2bit.graph.commands.doctor import Doctor
from net2bit.graph.commands.provenance import VerifyProvenance
from net2bit.graph.commands.status import Status
from net2bit.graph.commands.why import Why
from net2bit.graph.explain import needed
from net2bit.graph.options import worded
from net2bit.graph.paths import DIST

_LOOKS = 3  # at a tree in which files have just been written

OURS = (Build, DryRun, Why, Status, CacheCommand, Clean, Doctor, VerifyProvenance)


class App(DoitMain):
    """doit, its commands replaced or joined by ours."""

    BIN_NAME = "./doitw"
    DOIT_CMDS: tuple[type[Any], ...] = (*map(worded, DoitMain.DOIT_CMDS), *OURS)

    @staticmethod
    def print_version() -> None:
        """Print net2bit's version, and doit's."""
        sys.stdout.write(f"net2bit {__version__}\ndoit {'.'.join(map(str, VERSION))}\n")

    def process_args(self, cmd_args: Sequence[str]) -> list[str]:
        """Take the key=value words out of *cmd_args*; behind `compare` they stay: there they name what is compared."""
        place = _compares(cmd_args)
        head: list[str] = super().process_args(cmd_args[:place])
        return [*head, *cmd_args[place:]]


ABOVE = {"compare": "net2bit.sweep.command:Compare"}
"""Commands that stand on more than the graph, so that it knows them by name only."""


def _compares(words: Sequence[str]) -> int:
    """Return the place of the command `compare`, the number of *words* where they are another command's."""
    first = next((place for place, word in enumerate(words) if "=" not in word), len(words))
    return first if words[first:] and words[first] == "compare" else len(words)


def main(root: Path, words: Sequence[str]) -> int:
    """Run doit on *words*; a build that left nothing to do is remembered for the fast front end."""
    before = dict(null.sources(root, words))
    words = helped(words)
    loader = DodoTaskLoader()
    status = int(App(loader, config_filenames=(), extra_config={"COMMAND": dict(ABOVE)}).run(list(words)) or 0)
    namespace: dict[str, Any] = getattr(loader, "namespace", None) or {}
    if "STORE" not in namespace:
        return status
    if status == 0 and not options(words) and not commands(words):
        remember(root, words, namespace, before)
    namespace["STORE"].close()
    return status


def helped(words: Sequence[str]) -> Sequence[str]:
    """Return what doit calls the help that *words* ask for (`status --help`); *words* themselves where they ask for none."""
    if not {"--help", "-h"} & set(words):
        return words
    return ["help", *(word for word in words if word == "run" or commands([word]))]


def options(words: Sequence[str]) -> bool:
    """Tell whether an option is among the words: its effect is not that of a plain build."""
    return any(word.startswith("-") for word in words)


def commands(words: Sequence[str]) -> bool:
    """Tell whether the first word that is no override names a command other than `run`."""
    first = next((word for word in words if "=" not in word), "run")
    return first != "run" and first in {*ABOVE, *(command.get_name() for command in App.DOIT_CMDS)}


def remember(root: Path, words: Sequence[str], namespace: dict[str, Any], before: dict[str, null.Stat | None]) -> None:
    """Keep what decided that every stage of *words* is up to date, if that is so; *before* is how the declarations stood at the start."""
    if config.mentioned(config.origin(root, [word for word in words if "=" in word])):
        return  # the memo knows no variables but net2bit's own
    plan, store = namespace["PLAN"], namespace["STORE"]
    stages = needed(plan, [plan.find(word).name for word in words if "=" not in word and word != "run"] or plan.goals)
    dist = str(root / DIST / plan.name)
    for _ in range(_LOOKS):
        began = time.time_ns()
        store.renew()
        if not all(store.check(stage).fresh for stage in stages):
            return
        seen = {**store.looked(), **null.unmoved(before, dict(null.sources(root, words))), dist: null.stat_of(dist)}
        if null.remember(root, words, os.environ, stages=[stage.name for stage in stages], seen=seen.items(), began=began):
            return
        time.sleep(null.SETTLED_NS / 1e9)  # something was just written: a stat taken now would not tell a change in the same tick

"""What hydra answers by itself: `--cfg job`, `--info`, `--hydra-help`, `--shell-completion`. Imports hydra."""

import sys
from collections.abc import Sequence
from pathlib import Path

import hydra

from net2bit.graph.compose import VERSION_BASE
from net2bit.graph.words import opened
from net2bit.sweep.primary import PRIMARY
from net2bit.sweep.task import build


def answer(root: Path, arguments: Sequence[str]) -> int:
    """Let hydra answer *arguments*; returns the exit status."""
    sys.argv = ["sweep.py", *map(opened, arguments)]
    hydra.main(config_path=str(root / "experiments"), config_name=PRIMARY, version_base=VERSION_BASE)(build)()
    return 0

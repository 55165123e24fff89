"""The front door of sweep.py: says "nothing to do" from memory where nothing moved, and opens the sweep where something may have."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from net2bit import __version__
from net2bit.errors import Net2bitError
from net2bit.graph import null
from net2bit.sweep import arguments


def main(given: Sequence[str]) -> int:
    """Run the arguments of the command line; returns the exit status."""
    root = Path.cwd()
    try:
        asked = arguments.read(given)
        if asked.help:
            sys.stdout.write(arguments.HELP)
            return 0
        if asked.version:
            from importlib.metadata import version  # noqa: PLC0415 - takes as long as a sweep that has nothing to do

            sys.stdout.write(f"net2bit {__version__}\nhydra {version('hydra-core')}\n")
            return 0
        lines = None if asked.hydra else null.recall(root, memo(asked.words), os.environ)
        if lines is not None:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `python sweep.py … | head` ends like any other program
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            return 0
        from net2bit.sweep.app import run  # noqa: PLC0415 - a sweep that has nothing to do does without

        return run(root, asked)
    except Net2bitError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:  # before the sweep itself listens to signals
        return 128 + signal.SIGINT


def memo(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words under which a sweep is remembered, beside those of single builds."""
    return ("sweep.py", *words)

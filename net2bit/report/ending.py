"""How the commands of this folder end: 0, or 2 and what is wrong on stderr. Standard library only."""

import sys
from collections.abc import Callable

from net2bit.errors import Net2bitError


def status(work: Callable[[], object], usage: str = "") -> int:
    """Do *work*; returns the exit status.

    Args:
        work: What the command does.
        usage: The words that the command takes, shown where *work* raises a ValueError: it could not use those that it was given.
            Without them such an error is the command's own fault, and is raised.
    """
    try:
        work()
    except OSError as error:
        said = f"{error.filename or 'the disk'}: {error.strerror}"
    except Net2bitError as error:
        said = str(error)
    except ValueError as error:
        if not usage:
            raise
        said = f"usage: {usage} ({error})"
    else:
        return 0
    sys.stderr.write(f"{said}\n")
    return 2

"""Standard output and error that cannot end a build: whoever reads them may go away (`./doitw | head`), or never have been there."""

import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TextIO

_OUT, _ERROR = 1, 2


class _Outlet(io.FileIO):
    """A file descriptor to write to; what goes wrong is kept in `fault`, and what cannot be written is dropped."""

    fault: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write *data*, or drop it."""
        try:
            return super().write(data) or 0
        except OSError as fault:
            self.fault = self.fault or fault
            return len(memoryview(data))


def guarded(work: Callable[[], int]) -> int:
    """Do *work* with the process's output guarded.

    Returns:
        What *work* returns, 130 after Ctrl-C; 1 where it returns 0 and some of its output could not be written, though somebody wanted it.
    """
    outlet = _Outlet(_present(_OUT), "w", closefd=False)
    sys.stdout = _text(outlet, sys.stdout)
    sys.stderr = _text(_Outlet(_present(_ERROR), "w", closefd=False), sys.stderr)
    try:
        status = work()
    except KeyboardInterrupt:  # before, or beside, a build: builds have their own words for it
        return 128 + signal.SIGINT
    sys.stdout.flush()
    if outlet.fault is None or outlet.fault.errno == errno.EPIPE:
        return status
    sys.stderr.write(f"cannot write to standard output: {outlet.fault.strerror}\n")
    return status or 1


def _present(number: int) -> int:
    """Return the descriptor *number*, which leads nowhere where it was closed (`>&-`)."""
    try:
        os.fstat(number)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    return number


def _text(outlet: _Outlet, usual: TextIO | None) -> TextIO:
    """Return a text file on *outlet* that is like the *usual* one."""
    buffered = io.BufferedWriter(outlet)
    encoding, errors = (usual.encoding, usual.errors) if usual is not None else ("utf-8", "backslashreplace")
    return io.TextIOWrapper(buffered, encoding=encoding, errors=errors, line_buffering=outlet.isatty() or outlet.fileno() == _ERROR)

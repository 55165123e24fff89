"""`python -m net2bit.run FD`: executes one stage. The only door to the heavy side.

One line of JSON comes in on standard input, which then stays open as the lifeline (see `supervise`):
`{"run": "module:function", "config": …, "inputs": …, "outputs": …, "scratch": …, "roots": […], "held": […], "signs": […]}`.
Events go out on the file descriptor FD, one JSON object a line; standard output and error are the stage's log.
"""

import errno
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from net2bit import supervise
from net2bit.errors import Net2bitError, StoreError
from net2bit.job import Event, Job

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_WORDS: Final = ("No space left on device", "Disk quota exceeded")  # libraries that lose errno keep its text
_TAIL: Final = 8  # lines of a traceback that a person is shown


class Stage:
    """The stage of this process."""

    def __init__(self, spec: Mapping[str, Any], events: int) -> None:
        self._spec = spec
        self._events = events

    def emit(self, event: Event) -> None:
        """Send an event to the build."""
        os.write(self._events, json.dumps(event).encode() + b"\n")

    def run(self) -> None:
        """Call the stage's function; a fault reaches the build as an event, and the log as a traceback."""
        sys.excepthook = self._fault
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted
            os.dup2(nothing.fileno(), 0)
        for fd in self._spec["held"]:
            os.close(fd)
        module, _, name = self._spec["run"].partition(":")
        compile_always(self._spec["roots"])
        carriers = set(own_modules(self._spec["roots"]))
        function = getattr(import_module(module), name)
        began = time.monotonic()
        self.emit({"event": "entered", "at": began})
        function(self._job())
        self.emit(
            {"event": "left", "seconds": time.monotonic() - began, "modules": sorted(set(own_modules(self._spec["roots"])) - carriers)}
        )

    def _job(self) -> Job:
        spec = self._spec
        inputs = {kind: Path(path) for kind, path in spec["inputs"].items()}
        outputs = {kind: Path(path) for kind, path in spec["outputs"].items()}
        return Job(config=spec["config"], inputs=inputs, outputs=outputs, scratch=Path(spec["scratch"]), emit=self.emit)

    def _fault(self, kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        self.emit({"event": "error", "error": described(fault)})
        with suppress(OSError):  # the disk that holds the log may be the one that is full
            traceback.print_exception(kind, fault, trace)
            sys.stderr.flush()


class Uncached(SourceFileLoader):
    """Compiles a module from its source each time.

    Python takes a module's bytecode from its cache when second and size of the source are the same: two edits within a second, and
    the result of the first would be recorded as that of the second.
    """

    def path_stats(self, path: Any) -> Mapping[str, Any]:
        """Know no time and size to compare with, which is how a loader says that there is no cache.

        Raises:
            OSError: Always.
        """
        raise OSError(f"no bytecode for {path}")


def compile_always(roots: Sequence[str]) -> None:
    """Import what lies below *roots* (and in no site-packages there) without Python's bytecode cache."""
    finder = FileFinder.path_hook((ExtensionFileLoader, EXTENSION_SUFFIXES), (Uncached, SOURCE_SUFFIXES))

    def hook(path: str) -> Any:
        if "site-packages" in path or not any(f"{path}/".startswith(f"{root}/") for root in roots):
            raise ImportError(path)
        return finder(path)

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()


def described(fault: BaseException) -> dict[str, str]:
    """Return a fault as JSON: the class of `net2bit.errors` it becomes, and its four parts."""
    if isinstance(fault, Net2bitError):
        return {"type": type(fault).__name__, **fault.as_dict()}
    if is_full(fault):
        where = str(getattr(fault, "filename", None) or "")
        full = StoreError("the disk is full", where=where, remedy="make room and run again: what is finished is kept")
        return {"type": "StoreError", **full.as_dict()}
    lines = traceback.format_exception(fault)
    tail = "".join(lines).rstrip().splitlines()[-_TAIL:]
    return {
        "type": "StageError",
        "what": f"{type(fault).__name__}: {fault}",
        "where": "",
        "remedy": "",
        "suggestion": "",
        "tail": "\n".join(tail),
    }


def is_full(fault: BaseException | None) -> bool:
    """Return whether a fault, or what caused it, says that the disk is full."""
    while fault is not None:
        if isinstance(fault, OSError) and (fault.errno in _FULL or any(words in str(fault) for words in _FULL_WORDS)):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def own_modules(roots: Sequence[str]) -> Iterator[str]:
    """Yield the files of the imported modules that lie below *roots* under their own names (so not in a .venv there)."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        inner = name.replace(".", "/")
        if path and any(path in {f"{root}/{inner}.py", f"{root}/{inner}/__init__.py"} for root in roots):
            yield path


def main() -> None:
    """Take the order, and split into the worker, which runs the stage, and its supervisor."""
    events = int(sys.argv[1])
    os.set_inheritable(events, False)  # noqa: FBT003 - the standard library takes it so
    spec = supervise.line(0)
    if spec is not None:  # else the build died before it gave its order
        stage = Stage(spec, events)
        supervise.split(stage.run, stage.emit, spec["signs"])


if __name__ == "__main__":
    main()

"""Which version of a tool is found here, remembered as long as the tool's own file stands as it stood."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from net2bit.errors import ToolError
from net2bit.graph.fingerprint import Stamp, stamp
from net2bit.graph.kind import Tool
from net2bit.graph.records import Records
from net2bit.job import canonical

MISSING: Final = "missing"
PYTHON: Final = f"{sys.implementation.name} {'.'.join(map(str, sys.version_info[:3]))}"
_PATIENCE: Final = 60  # seconds; a vendor tool may need ten to say its version


class Probe:
    """Finds tool versions, each once per session."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._found: dict[Tool, str] = {}
        self._folders: str | None = None
        self._looked: dict[str, Stamp | None] = {}

    def renew(self) -> None:
        """Look at every tool again from now on."""
        self._found.clear()
        self._looked.clear()
        self._folders = None

    def looked(self) -> dict[str, Stamp | None]:
        """Return every path that was looked at and how it stood."""
        return dict(self._looked)

    def versions(self, tools: tuple[Tool, ...]) -> dict[str, str]:
        """Return tool name -> version found, `MISSING` where there is none; Python's own version is always among them."""
        return {"python": PYTHON} | {tool.name: self.version(tool) for tool in tools}

    def version(self, tool: Tool) -> str:
        """Return the version found of one tool, or `MISSING`."""
        found = self._found.get(tool)
        if found is None:
            found = self._found[tool] = self._of_program(tool) if tool.command else self._of_dists(tool)
        return found

    def require(self, tools: tuple[Tool, ...]) -> None:
        """Refuse to go on without a tool.

        Raises:
            ToolError: One is missing; with its remedy.
        """
        for tool in tools:
            if self.version(tool) == MISSING:
                wanted = " or ".join(tool.dists) or tool.command[0]
                raise ToolError(f"{tool.name} is not installed", where=wanted, remedy=tool.remedy)

    def _remembered(self, name: str, mark: str) -> str | None:
        known = self._records.snapshot.probes.get(name)
        return str(known[2]) if known is not None and known[1] == mark else None

    def _remember(self, name: str, mark: str, version: str) -> str:
        row = (name, mark, version)
        self._records.snapshot.probes[name] = row
        self._records.later("probes", row)
        return version

    def _of_dists(self, tool: Tool) -> str:
        name = "dist:" + ",".join(tool.dists)
        mark = self._folders = self._folders or canonical(list(self._site_folders()))
        known = self._remembered(name, mark)
        return known if known is not None else self._remember(name, mark, _installed(tool.dists))

    def _site_folders(self) -> Iterator[tuple[str, Stamp]]:
        """Yield the folders that hold installed packages: installing and removing touches the folder itself."""
        for path in sys.path:
            found = self._look(path) if path.endswith(("site-packages", "dist-packages")) else None
            if found is not None:
                yield path, found

    def _look(self, path: str) -> Stamp | None:
        found: Stamp | None = None
        with suppress(OSError):
            found = stamp(os.stat(path))
        self._looked[path] = found
        return found

    def _of_program(self, tool: Tool) -> str:
        found = self._which(tool.command[0])
        if found is None:
            return MISSING
        path = found[0]
        name, mark = "program:" + canonical([tool.command, tool.pattern]), canonical(found)
        known = self._remembered(name, mark)
        if known is not None:
            return known
        version = _asked(path, tool)
        return version if version == MISSING else self._remember(name, mark, version)

    def _which(self, name: str) -> tuple[str, Stamp] | None:
        folders = [""] if "/" in name else os.environ.get("PATH", os.defpath).split(os.pathsep)
        for folder in folders:
            path = os.path.join(folder, name)
            found = self._look(path)
            if found is not None and os.access(path, os.X_OK) and not os.path.isdir(path):
                return path, found
        return None


def _installed(dists: tuple[str, ...]) -> str:
    from importlib import metadata  # noqa: PLC0415 - costs more than a whole null build

    for dist in dists:
        try:
            return f"{dist} {metadata.version(dist)}"
        except metadata.PackageNotFoundError:
            continue
    return MISSING


def _asked(path: str, tool: Tool) -> str:
    """Run the program for its version; a program that does not answer, or not so, counts as missing."""
    import subprocess  # noqa: PLC0415 - only a program that was never seen, or has moved, is asked

    from net2bit.graph.child import environment  # noqa: PLC0415 - likewise

    try:
        answer = subprocess.run(
            [path, *tool.command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
            timeout=_PATIENCE,
            check=False,
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return MISSING
    found = re.search(tool.pattern, answer)
    return found.group(1) if found else MISSING

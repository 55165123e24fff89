"""Runs the blocks of one page in a copy of the project, as a reader would: one folder, one shell's variables."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from doc_blocks import Block, Command
from doc_output import agrees, expected_status

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {"fast": 600, "slow": 3000}  # seconds, for machines with other work to do

# Carries the exported variables and the folder from one block to the next.
SHELL = """set -euo pipefail
if [ -f "$DOCS_STATE" ]; then . "$DOCS_STATE"; cd "$(cat "$DOCS_STATE.folder")"; fi
export DOCS_WORDS=$2
trap 'declare -px >"$DOCS_STATE"; pwd >"$DOCS_STATE.folder"' EXIT
. "$1"
"""
PYTHON = """#!/bin/sh
case "${{1:-}}" in
sweep.py | ./sweep.py) exec {python} "$@" $DOCS_WORDS ;;
*) exec {python} "$@" ;;
esac
"""
DOITW = """#!/bin/sh
cd "$(dirname "$0")" || exit 1
if [ "${{1:-}}" = sweep ]; then shift; exec {python} sweep.py "$@" $DOCS_WORDS; fi
exec {python} -m net2bit.graph.front "$@" $DOCS_WORDS
"""
FREE_PORT = """#!/bin/sh
exec {python} -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
"""


class Page:
    """A copy of the project in which a page's commands are run."""

    def __init__(self, folder: Path) -> None:
        """Copy what a clone would hold; `./doitw` does without its set-up, which has tests of its own."""
        self.project, self.state, self.folder = folder / "net2bit", folder / "state", folder
        copy_project(self.project)
        for name in ("bin", "home", "tmp"):
            (folder / name).mkdir()
        for path, text in ((self.project / "doitw", DOITW), (folder / "bin/python", PYTHON), (folder / "bin/docs-free-port", FREE_PORT)):
            path.write_text(text.format(python=sys.executable), encoding="utf-8")
            path.chmod(0o755)
        (folder / "bin/net2bit").symlink_to(Path(sys.executable).with_name("net2bit"))
        (folder / "shell").write_text(SHELL, encoding="utf-8")
        (folder / "replace").touch()

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the page's commands: nothing of the caller's but PATH and the language."""
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}
        own = {
            "HOME": "home",
            "TMPDIR": "tmp",
            "NET2BIT_CACHE_DIR": "cache",
            "PYTHONPATH": "net2bit",
            "DOCS_STATE": "state",
            "DOCS_REPLACE": "replace",
        }
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin:/sbin"
        return {**kept, **{name: str(self.folder / place) for name, place in own.items()}, "PATH": path, "NO_COLOR": "1", "TERM": "dumb"}

    def run(self, block: Block, page: str) -> None:
        """Run a block's commands; what is not as the page says is a failure, what the machine lacks a skip."""
        missing = [name for name in block.options.get("needs", "").split() if not shutil.which(name, path=self.environ["PATH"])]
        if missing:
            pytest.skip(f"{page}:{block.line} needs {', '.join(missing)}, which is not installed")
        for command in block.commands:
            status, printed = self._shell(command, block)
            shown = self._replaced("\n".join(command.printed or ()))
            wanted = expected_status(shown.splitlines())
            fits = status != 0 if wanted is None else status == wanted
            if not fits or not agrees(shown.splitlines(), printed):
                pytest.fail(
                    f"{page}:{command.line}: status {status}\n$ {command.text}\n{printed}\n--- the page shows\n{shown}", pytrace=False
                )

    def _shell(self, command: Command, block: Block) -> tuple[int, str]:
        script, out = self.folder / "command", self.folder / "printed"
        script.write_text(f"{self._replaced(command.text)}\n", encoding="utf-8")
        words = ["bash", str(self.folder / "shell"), str(script), block.options.get("with", "")]
        with out.open("wb") as file:  # a file: a server in the background would hold a pipe open
            process = subprocess.Popen(
                words,
                cwd=self.project,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = process.wait(LIMITS[block.run])
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                status = process.wait()
        return status, out.read_text(encoding="utf-8", errors="replace")

    def _replaced(self, text: str) -> str:
        for line in (self.folder / "replace").read_text(encoding="utf-8").splitlines():
            old, _, new = line.partition(" => " if " => " in line else " ")
            text = text.replace(old, new)
        return text

    def close(self) -> None:
        """End what the page's commands left running: every process that carries the page's own environment."""
        mark = f"DOCS_STATE={self.state}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    os.kill(int(folder.name), signal.SIGKILL)
            except OSError:
                continue


def copy_project(folder: Path) -> None:
    """Copy the files of the working tree that git keeps or would keep."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 - git made the checkout
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)

"""`doit doctor`: what is installed, what the chosen toolchain lacks, and what to do about it."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from net2bit.graph import paths
from net2bit.graph.commands.base import ProjectCommand, columns, paint
from net2bit.graph.kind import Tool
from net2bit.graph.probe import MISSING, PYTHON

GIGA = 10**9
ROOM = 5 * GIGA  # the default experiment, its cache and some room
MEMORY = 4 * GIGA  # what the default experiment may take
VNNI = ("avx512_vnni", "avx_vnni")

Finding = tuple[str, str, str, str]  # mark, subject, what was found, remedy


class Doctor(ProjectCommand):
    """Look at the machine and at the tools of the plan."""

    name = "doctor"
    doc_purpose = "say what is installed, what is missing, and what to do"
    doc_usage = "[key=value ...]"
    doc_description = "Looks at the tools that the experiment's plan needs (choose another with toolchain=NAME), and at the machine."

    def answer(self, words: Sequence[str]) -> int:
        """Print the findings; the exit status is 1 when the plan cannot run here."""
        del words
        findings = [*self.machine(), *self.tree(), *self.tools(), *traps()]
        marks = {"ok": "green", "--": "yellow", "!!": "red"}
        lines = columns([(mark, subject, found) for mark, subject, found, _ in findings])
        for line, (mark, _, _, remedy) in zip(lines, findings, strict=True):
            self.outstream.write(f"{paint(line, marks[mark])}\n")
            if remedy:
                self.outstream.write(f"      {remedy}\n")
        bad = sum(mark == "!!" for mark, *_ in findings)
        chain = self.loader.namespace["EXPERIMENT"]["toolchain"]["name"]
        self.outstream.write(
            f"{bad} to mend before experiment {self.plan.name} runs\n" if bad else f"ready: toolchain {chain} can run here\n"
        )
        return 1 if bad else 0

    def machine(self) -> Iterator[Finding]:
        """Yield what the machine has."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        yield "ok", "cores", str(cores), ""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        enough = memory >= MEMORY
        yield (
            "ok" if enough else "--",
            "memory",
            f"{memory / GIGA:.1f} GB",
            "" if enough else "training may need up to 4 GB: lower train.batch",
        )
        yield "ok", "python", f"{PYTHON} ({sys.executable})", ""
        flag = next((name for name in VNNI if name in _cpu_flags()), "")
        remedy = "" if flag else "verify.engine=vnni is not available; exact, the default, is"
        yield "ok" if flag else "--", "int8 dot product", flag or "none", remedy

    def tree(self) -> Iterator[Finding]:
        """Yield whether the project can be built in, and how much room there is."""
        root = self.store.root
        writable = os.access(root, os.W_OK) and not self.store.records.readonly
        remedy = "" if writable else "check out into a folder you may write to"
        yield "ok" if writable else "!!", "project", f"{root}{'' if writable else ' cannot be written'}", remedy
        for name, folder in (("room for build", root / paths.BUILD), ("room for cache", self.store.cache.folder)):
            free = shutil.disk_usage(_standing(folder)).free
            yield (
                "ok" if free >= ROOM else "--",
                name,
                f"{free / GIGA:.1f} GB free at {folder}",
                "" if free >= ROOM else "make room, or move it",
            )

    def tools(self) -> Iterator[Finding]:
        """Yield the tools that the plan's stages need, with the version found."""
        users: dict[Tool, list[str]] = {}
        for stage in self.plan.stages:
            for tool in stage.op.tools:
                users.setdefault(tool, []).append(stage.op.name)
        for tool, ops in sorted(users.items(), key=lambda item: item[0].name):
            version = self.store.keys.probe.version(tool)
            if version == MISSING:
                yield "!!", tool.name, f"missing; needed by {', '.join(ops)}", tool.remedy
            else:
                yield "ok", tool.name, version.removeprefix(f"{tool.name} "), ""


def traps() -> Iterator[Finding]:
    """Yield installed packages that only look like what a user of this field wants."""
    from importlib import metadata  # noqa: PLC0415 - costs more than a null build

    try:
        found = metadata.version("xir")
    except metadata.PackageNotFoundError:
        return
    if found.startswith("0.0."):
        yield "--", "xir", f"{found} is an unrelated package of the same name, not AMD's XIR library", "pip uninstall xir"


def _cpu_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), set())


def _standing(folder: Path) -> Path:
    """Return *folder*, or the nearest folder above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())

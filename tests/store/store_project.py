"""A small real project for the tests of the store: stage modules on disk, stages, and a driver in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import python_path, wait_for

from net2bit.graph.build import Built
from net2bit.graph.cache import CacheSettings
from net2bit.graph.kind import Op, Tool
from net2bit.graph.stage import Artifact, Stage
from net2bit.graph.store import Store

# src.txt -> mid.txt: drops comment lines. It hangs half-way where a file `hang` lies beside the source.
FIRST = '''
"""Drop the comment lines of a text."""
import subprocess
import sys
import time
from stagelib.words import clean

def run(job):
    source = job.inputs["src.txt"]
    text = clean(source.read_text())
    job.progress(1, 2, "read")
    if (source.parent / "hang").exists():
        job.outputs["mid.txt"].write_text(text[: len(text) // 2])
        (job.scratch / "checkpoint").write_text("half")
        near = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        far = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
        import os
        pids = f"{os.getpid()} {near.pid} {far.pid} {os.getppid()}"
        (source.parent / "pids.new").write_text(pids)
        (source.parent / "pids.new").rename(source.parent / "pids")
        while (source.parent / "hang").exists():
            time.sleep(0.01)
    job.outputs["mid.txt"].write_text(text)
    job.metric("letters", len(text))
    print("first is done")
'''
WORDS = """
def clean(text):
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
"""
# mid.txt -> final.txt and pages (a tree): repeats the text with the configured word.
SECOND = """
def run(job):
    text = job.inputs["mid.txt"].read_text() + job.config["second"]["word"] + "\\n"
    job.outputs["final.txt"].write_text(text)
    job.outputs["pages"].mkdir()
    for number, line in enumerate(text.splitlines()):
        page = job.outputs["pages"] / "all" / f"{number}.txt"
        page.parent.mkdir(exist_ok=True)
        page.write_text(line)
"""


@dataclass
class Project:
    """A project tree with two stages in a row."""

    root: Path
    cache: CacheSettings = field(default_factory=lambda: CacheSettings(enabled=False))
    notices: list[str] = field(default_factory=list)

    def make(self) -> "Project":
        """Write the source and the stage modules."""
        (self.root / "src.txt").write_text("# a comment\none\ntwo\n")
        self.module("__init__", "")
        self.module("first", FIRST)
        self.module("words", WORDS)
        self.module("second", SECOND)
        return self

    def module(self, name: str, text: str) -> Path:
        """Write a module of the stages' code; returns its path."""
        path = self.root / "stagelib" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def store(self) -> Store:
        """Open the store as a new process would."""
        return Store(self.root, self.cache, self.notices.append)

    def path(self, name: str) -> Path:
        """Return the path of `src.txt`, `mid.txt`, `final.txt` or `pages`."""
        return self.root / (name if name == "src.txt" else f"build/{name}/{name}")

    def build(self, *stages: Stage, watch: Callable[[dict[str, Any]], None] = lambda _event: None, force: bool = False) -> list[Built]:
        """Build stages in their order with a new store, as `doit` would: checked first, built when stale."""
        done = []
        with self.store() as store:
            for stage in stages:
                verdict = store.check(stage)
                done.append(
                    Built(verdict.key or "", "fresh", 0.0) if verdict.fresh and not force else store.build(stage, watch, force=force)
                )
        return done

    def how(self, *stages: Stage) -> list[str]:
        """Build, and return how each stage went."""
        return [built.how for built in self.build(*stages)]

    def reasons(self, stage: Stage) -> list[str]:
        """Return the texts of why *stage* is stale."""
        with self.store() as store:
            return [reason.text() for reason in store.check(stage).reasons]

    def ran(self) -> list[str]:
        """Return the names of the stages whose function ran in this tree so far, the first one first."""
        with self.store() as store:
            return [run.stage for run in reversed(store.history.runs(limit=1000)) if run.how == "ran"]

    def drive(self, *orders: str, kill_after_renames: int = 0, threads: int = 0, flock: bool = True) -> subprocess.Popen[str]:
        """Start a process that builds stages; an order is `first` or `second:<word>`."""
        environment = dict(os.environ) | {"PYTHONPATH": python_path(__file__)}
        spec = {
            "root": str(self.root),
            "cache": str(self.cache.dir) if self.cache.enabled else None,
            "orders": orders,
            "kill_after_renames": kill_after_renames,
            "threads": threads,
            "flock": flock,
        }
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("store_driver.py")), json.dumps(spec)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def hanging(self) -> list[int]:
        """Wait until the first stage hangs half-way.

        Returns its process, two grandchildren (the second in a session of its own) and its supervisor.
        """
        wait_for((self.root / "pids").exists)
        return [int(pid) for pid in (self.root / "pids").read_text().split()]

    def leftovers(self) -> list[str]:
        """Return what lies in the work folder."""
        return [path.name for path in (self.root / "build/.work").glob("*")]


def op(name: str, run: str, makes: Sequence[str], needs: Sequence[str], **more: Any) -> Op:
    """Return an op of the test project."""
    return Op(name=name, title=name, run=run, makes=tuple(makes), needs=tuple(needs), **more)


def stage(
    given: Op, *, config: Mapping[str, Any] | None = None, trees: Sequence[str] = (), places: Mapping[str, str] | None = None
) -> Stage:
    """Place an op: every kind lies at `build/<kind>/<kind>` unless *places* says where."""

    def artifact(kind: str, maker: str) -> Artifact:
        default = kind if kind == "src.txt" else f"build/{kind}/{kind}"
        return Artifact(kind, (places or {}).get(kind, default), maker, kind in trees)

    inputs = tuple(artifact(kind, "") for kind in given.needs)
    outputs = tuple(artifact(kind, given.makes[0]) for kind in given.makes)
    return Stage(given.makes[0], given, config or {}, inputs, outputs, "0" * 64)


def first(*, tools: tuple[Tool, ...] = (), **more: Any) -> Stage:
    """Return the stage src.txt -> mid.txt."""
    return stage(op("first", "stagelib.first:run", ["mid.txt"], ["src.txt"], tools=tools, **more))


def second(word: str = "A", **more: Any) -> Stage:
    """Return the stage mid.txt -> final.txt, pages."""
    made = op("second", "stagelib.second:run", ["final.txt", "pages"], ["mid.txt"], reads=("second.word",), **more)
    return stage(made, config={"second": {"word": word}}, trees=["pages"])

"""The plan as doit tasks: doit is face and scheduler, the store decides what is fresh and how it is made."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit.exceptions import InvalidDodoFile, TaskFailed

from net2bit.errors import Net2bitError
from net2bit.graph import mounts, paths
from net2bit.graph.plan import Plan
from net2bit.graph.reporter import Reporter
from net2bit.graph.showcase import Showcase
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store, Verdict

if TYPE_CHECKING:
    from net2bit.graph.build import Built
    from net2bit.graph.pools import Line

Task = dict[str, Any]


@contextmanager
def plainly() -> Iterator[None]:
    """Show the user's mistakes as doit shows its own: without a traceback.

    Raises:
        InvalidDodoFile: In place of any error of net2bit's.
    """
    try:
        yield
    except Net2bitError as error:
        raise InvalidDodoFile(str(error)) from error


def store(root: Path, cache: Mapping[str, Any]) -> Store:
    """Return the store of the project at *root* with the experiment's `cache` group."""
    return Store(root, cache)


def settings(plan: Plan, root: Path, reporter: Reporter) -> dict[str, Any]:
    """Return DOIT_CONFIG.

    doit's own records only hold what `doit ignore` keeps; SQLite is its one backend that two runs at once cannot damage.
    Tasks run in threads, since every heavy stage is a process of its own.
    """
    return {
        "backend": "sqlite3",
        "dep_file": _records(root),
        "default_tasks": list(plan.goals),
        "par_type": "thread",
        "reporter": reporter,
        "verbosity": 2,
    }


def _records(root: Path) -> str:
    state = root / paths.STATE
    folder = mounts.private(state) if mounts.shared(root, state) else state
    try:
        state.mkdir(exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "doit.sqlite").open("ab").close()  # for SQLite an empty file is an empty database
    except OSError:  # a read-only tree can still be listed and explained
        return ":memory:"
    return str(folder / "doit.sqlite")


def tasks(plan: Plan, store: Store, root: Path, reporter: Reporter, resources: Mapping[str, Any]) -> Iterator[Task]:
    """Yield the doit task of every stage, and for each further product a task of its name that stands for its stage's.

    What runs at once takes no more than *resources*, the experiment's group.
    """
    showcase = Showcase(plan, root)
    line = cache(partial(_line, resources, store))
    for stage in plan.stages:
        work = Work(stage, store, showcase, reporter, line)
        yield {
            "basename": stage.name,
            "doc": stage.op.title,
            "actions": [(work.build,)],
            "uptodate": [(work.fresh,)],
            "targets": [output.path for output in stage.outputs],
            "task_dep": [maker.name for maker in plan.upstream(stage)],
            "io": {"capture": False},
            "meta": {"op": stage.op.name, "run": stage.op.run, "config": stage.config, "work": work},
        }
    yield from _aliases(plan)


def _line(resources: Mapping[str, Any], store: Store) -> "Line":
    from net2bit.graph.pools import Limits, Line  # noqa: PLC0415 - a null build takes nothing

    return Line(Limits.of(resources), store.history)


def _aliases(plan: Plan) -> Iterator[Task]:
    for stage in plan.stages:
        for output in stage.outputs[1:]:
            name = os.path.basename(output.path)
            if plan.chosen.get(output.kind) is output and name not in plan.by_name:
                yield {"basename": name, "doc": f"Made with {stage.name}", "actions": None, "task_dep": [stage.name]}


class Work:
    """What doit calls for one stage, and what the reporter asks about it.

    Attributes:
        force: Run in any case (`doit -a`).
        verdict: What the last look at the stage came to; None before it, or where it could not be found out.
        built: What came of building it; None before.
    """

    def __init__(self, stage: Stage, store: Store, showcase: Showcase, reporter: Reporter, line: Callable[[], "Line"]) -> None:
        """Keep what the calls need."""
        self.stage = stage
        self.store = store
        self.showcase = showcase
        self.reporter = reporter
        self.line = line
        self.force = False
        self.verdict: Verdict | None = None
        self.built: Built | None = None

    def __repr__(self) -> str:
        """Return the stage's name, for `doit info`."""
        return self.stage.name

    def fresh(self) -> bool:
        """Return whether the stage is up to date; where that cannot be found out, building it says why."""
        try:
            self.verdict = self.store.check(self.stage)
        except Net2bitError:
            return False
        if self.verdict.fresh:
            self.showcase.show(self.stage)
        else:
            self.showcase.hide(self.stage)
        return self.verdict.fresh

    def reason(self) -> str:
        """Return in one line why the stage is built."""
        if self.force:
            return "asked for"
        return self.verdict.reason() if self.verdict else ""

    def estimate(self) -> float | None:
        """Return how many seconds it should take, None where nothing is known."""
        return self.store.history.estimate(self.stage)

    def build(self) -> TaskFailed | None:
        """Build the stage; a failure that the user can mend is shown without a traceback."""
        try:
            self.built = self.store.build(self.stage, partial(self.reporter.hear, self.stage.name), force=self.force, turn=self.line())
        except Net2bitError as error:
            return TaskFailed(str(error))
        self.showcase.show(self.stage)
        return None

"""The graph on one screen: compose the experiment, plan what makes its goals, hand the stages to doit.

`doit key=value ...` are overrides of the experiment; `doit list` shows the tasks.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from net2bit.graph import adapter, config, paths, registry, snapshot, words
from net2bit.graph.plan import plan
from net2bit.graph.publish import publish
from net2bit.graph.reporter import Reporter

HOME = Path(__file__).parent

with adapter.plainly():
    EXPERIMENT = config.load(config.origin(HOME, words.from_doit()), HOME / paths.STATE / "config")
    PLAN = plan(EXPERIMENT, registry.load(HOME), root=HOME)
    STORE = adapter.store(HOME, EXPERIMENT["cache"])


def after(how: Mapping[str, str]) -> None:
    """Publish the report and remember what was built; *how* tells how each stage was."""
    publish(PLAN, STORE, how)
    snapshot.remember(PLAN, STORE, EXPERIMENT, words.from_doit(), how)


REPORTER = Reporter(after)
DOIT_CONFIG = adapter.settings(PLAN, HOME, REPORTER)


def task_stages() -> Iterator[adapter.Task]:
    """One task for each file that the plan makes."""
    yield from adapter.tasks(PLAN, STORE, HOME, REPORTER, EXPERIMENT["resources"])

"""`doit status`: every stage of the experiment, up to date or not, seen through to the end of the plan."""

from collections.abc import Sequence

from net2bit.graph.commands.base import ProjectCommand, columns, paint
from net2bit.graph.commands.build import row
from net2bit.graph.explain import State, forecast

_COLOUR = {State.FRESH: "green", State.STALE: "red", State.CACHED: "yellow", State.FOLLOWS: "yellow"}


class Status(ProjectCommand):
    """Show how things stand."""

    name = "status"
    doc_purpose = "show which stages are up to date (transitive)"
    doc_usage = "[key=value ...] [TARGET ...]"
    doc_description = None

    def answer(self, words: Sequence[str]) -> int:
        """Print a line for every stage that makes the targets, the whole plan by default."""
        found = forecast(self.plan, self.store, self.names(words) or [stage.name for stage in self.plan.stages])
        lines = columns([row(item) for item in found])
        self.outstream.writelines(f"{paint(line, _COLOUR[item.state])}\n" for line, item in zip(lines, found, strict=True))
        stale = sum(item.runs for item in found)
        self.outstream.write(f"{len(found) - stale} of {len(found)} stages of experiment {self.plan.name} are up to date\n")
        return 0

"""`doit why TARGET`: the root cause first, then what follows from it, and what that costs."""

from collections.abc import Sequence

from net2bit.graph.commands.base import ProjectCommand
from net2bit.graph.explain import describe, forecast


class Why(ProjectCommand):
    """Explain a rebuild."""

    name = "why"
    doc_purpose = "say why a target would be rebuilt"
    doc_usage = "[key=value ...] [TARGET ...]"
    doc_description = (
        "Names the configuration key, file, tool or code that changed (old -> new), the chain it dirties, and the time it costs."
    )

    def answer(self, words: Sequence[str]) -> int:
        """Print the account of each target, the plan's goals by default."""
        for name in self.names(words) or self.plan.goals:
            found = forecast(self.plan, self.store, [name])
            self.outstream.writelines(f"{line}\n" for line in describe(self.plan, found, name))
        return 0

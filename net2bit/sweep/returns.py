"""`sweep.returns`: which metrics a point returns to hydra, and whether there are such."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from net2bit.errors import ConfigError, near
from net2bit.graph.plan import Plan
from net2bit.sweep import metrics
from net2bit.sweep.results import PointResult

KEY: Final = "sweep.returns"


def names(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the metrics that the sweep's *settings* name; none where all are returned."""
    picked = settings["sweep"]["returns"]
    return (picked,) if isinstance(picked, str) else tuple(picked or ())


def check(settings: Mapping[str, Any]) -> None:
    """Refuse names that cannot be metrics.

    Raises:
        ConfigError: There is one.
    """
    for name in names(settings):
        metrics.check(name, KEY)


def promised(settings: Mapping[str, Any], plan: Plan) -> None:
    """Refuse metrics that *plan* does not make.

    Raises:
        ConfigError: There is one.
    """
    for name in names(settings):
        if metrics.source(name, plan) is None:
            told = [known for known in metrics.TABLE if metrics.source(known, plan)]
            remedy = f"it tells: {', '.join(told)}; another flow tells more" if told else "another flow tells more"
            raise ConfigError(f"what the flow makes does not tell {name}", where=KEY, suggestion=near(name, told), remedy=remedy)


def lacking(settings: Mapping[str, Any], results: Sequence[PointResult]) -> Iterator[str]:
    """Yield, for each metric that a finished point lacks, what is to be said of it."""
    for name in names(settings):
        for result in (result for result in results if result.good and result.plan and name not in result.metrics):
            yield f"{KEY}: {result.point.label} has no metric {name!r}; it has: {', '.join(result.metrics) or 'none'}"
            break

"""Who runs the stages of a sweep."""

from collections.abc import Mapping
from typing import Any

from net2bit.graph.execute import Executor
from net2bit.graph.pools import Limits
from net2bit.graph.store import Store


def of(settings: Mapping[str, Any], store: Store, machine: Mapping[str, Any]) -> Executor:
    """Return the executor that the sweep's *settings* name.

    Args:
        settings: The groups `sweep` and `executor`.
        store: The project's store.
        machine: The experiments' groups `cache` and `resources`.

    Raises:
        ToolError: What it needs is not installed.
    """
    if clustered(settings):
        from net2bit.slurm.executor import Slurm  # noqa: PLC0415 - a sweep on this machine does not need it

        return Slurm(store, settings["executor"], machine["cache"])
    from net2bit.graph.schedule import Local  # noqa: PLC0415 - likewise

    limits = Limits.of(machine["resources"])
    return Local(store, settings["sweep"]["workers"] or limits.cores, limits)


def clustered(settings: Mapping[str, Any]) -> bool:
    """Return whether stages run on other machines than this one."""
    return bool(settings["executor"]["kind"] == "slurm")

"""What jobs ask the cluster for: the `executor` group of a sweep as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Settings:
    """See `schemas.executor.SlurmConfig`; time in minutes, memory in bytes, `poll` and `grace` in seconds."""

    partition: str | None
    account: str | None
    qos: str | None
    time: int | None
    memory: int | None
    options: tuple[str, ...]
    licences: Mapping[str, str | None]
    python: str | None
    setup: tuple[str, ...]
    jobs: int | None
    retries: int
    poll: float
    grace: float
    stages: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> Self:
        """Return the settings of a validated `executor` group."""
        return cls(**{one.name: group[one.name] for one in fields(cls)})

    def asked(self, op: str, name: str) -> Any:
        """Return what the jobs of *op* ask for under *name* (partition, account, qos, time): their own word, or that of all jobs."""
        own = self.stages.get(op, {}).get(name)
        return getattr(self, name) if own is None else own

    def more(self, op: str) -> tuple[str, ...]:
        """Return the further options of sbatch for the jobs of *op*; of two that clash sbatch takes the last."""
        return (*self.options, *self.stages.get(op, {}).get("options", ()))

"""The keys that speak of a sweep as a whole (`experiments/sweep.yaml`); none of them reaches an experiment."""

from pydantic import Field

from schemas.base import Count, Model, Name
from schemas.executor import ExecutorConfig
from schemas.search import SearchConfig


class SweepConfig(Model):
    """How the points of a sweep are built and shown."""

    name: Name | None = Field(description="Names the folder of results, sweeps/<name>; null is made of the keys that are swept.")
    keep_going: bool = Field(description="Whether the other points go on when one is refused or fails.")
    workers: Count | None = Field(description="Stages that run at once; null is one for each core.")
    max_points: Count = Field(description="Points from which on a sweep is taken for a mistake.")
    returns: str | tuple[str, ...] | None = Field(
        description="The metric, or metrics, that a point returns to hydra's sweeper; null is all of them, by name."
    )


class Settings(Model):
    """All keys of `experiments/sweep.yaml` that are not the experiment's."""

    sweep: SweepConfig = Field(description="The sweep.")
    executor: ExecutorConfig = Field(description="Where its stages run.")
    search: SearchConfig | None = Field(default=None, description="What is sought; only where the sweeper searches.")

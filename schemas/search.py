"""The keys of a search (`hydra/sweeper=search`); none of them reaches an experiment."""

from typing import Literal

from pydantic import Field

from schemas.base import Count, Model, Seed


class SearchConfig(Model):
    """What is sought, where, and at what cost."""

    goals: tuple[str, ...] = Field(
        min_length=1, description="Metrics to make better, each with its direction where that is not the metric's own: [fps, latency:min]."
    )
    limits: tuple[str, ...] = Field(
        description="What a point must hold to be of use: ['resources.dsp <= 300']; one that does not is built no further."
    )
    trials: Count = Field(description="Different points to try.")
    batch: Count = Field(description="Points that are built together, and between which the sampler learns nothing.")
    seed: Seed = Field(description="The same seed gives the same trials.")
    sampler: Literal["tpe", "nsga2", "random"] = Field(
        description="How points are chosen: Parzen estimators, a genetic algorithm, by chance."
    )
    startup: int = Field(ge=2, le=1000, description="Points drawn by chance before the sampler learns; the size of a generation of nsga2.")
    space: dict[str, str | int | float | bool | list[str | int | float | bool]] = Field(
        description="Key -> values to search, as words: {dpu: [b512, b800], model.width: 'interval(0.1, 1)'}; the command line goes first."
    )

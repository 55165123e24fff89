"""Where the stages of a sweep run: on this machine, or as jobs of a Slurm cluster."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.base import Count, Model, Name
from schemas.flow import Size

_UNITS: Final = {"min": 1, "h": 60, "d": 24 * 60}
_OWN: Final = frozenset(
    {
        "array",
        "chdir",
        "dependency",
        "error",
        "help",
        "input",
        "kill-on-invalid-dep",
        "output",
        "parsable",
        "test-only",
        "usage",
        "wait",
        "wrap",
    }
)


def _minutes(value: object) -> object:
    """Return the minutes that a text such as `12h` stands for.

    A number alone is refused: YAML reads 1:30:00 as 5400, and Slurm would take that for minutes.
    """
    found = re.fullmatch(r"(\d+)\s*(min|h|d)", value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a time is a number with a unit: 30min, 12h, 2d")
    return int(found[1]) * _UNITS[found[2]]


def _option(text: str) -> str:
    name = re.match(r"--([a-z][a-z0-9-]*)", text)
    if name is None:
        raise ValueError(f"an option of sbatch is written in its long form, --name or --name=value: {text}")
    if name[1] in _OWN:
        raise ValueError(f"--{name[1]} is set for every job already")
    return text


Minutes = Annotated[int, BeforeValidator(_minutes, json_schema_input_type=str), Field(ge=1)]
"""A time limit, read from a text with a unit."""

Option = Annotated[str, AfterValidator(_option)]
"""A word for sbatch: `--constraint=avx512`, `--exclude=node7`."""

Seconds = Annotated[float, Field(gt=0)]


class LocalConfig(Model):
    """Stages run on this machine."""

    name: Name = Field(description="Names the choice.")
    kind: Literal["local"] = Field(description="How stages are run.")


class SlurmStageConfig(Model):
    """What the jobs of one operation ask for in place of what all ask for."""

    partition: str | None = Field(default=None, description="The partition.")
    account: str | None = Field(default=None, description="The account that pays.")
    qos: str | None = Field(default=None, description="The quality of service.")
    time: Minutes | None = Field(default=None, description="The time limit (30min, 12h, 2d).")
    options: tuple[Option, ...] = Field(default=(), description="More options of sbatch, behind those of all jobs.")


class SlurmConfig(Model):
    """Each stage is a job of a Slurm cluster. None of it decides an artifact."""

    name: Name = Field(description="Names the choice.")
    kind: Literal["slurm"] = Field(description="How stages are run.")
    partition: str | None = Field(description="The partition; null is the cluster's default, here and below.")
    account: str | None = Field(description="The account that pays.")
    qos: str | None = Field(description="The quality of service.")
    time: Minutes | None = Field(description="The time limit of a job (30min, 12h, 2d).")
    memory: Size | None = Field(description="Least memory of every job whose stage has none in `resources.stages` (8GB).")
    options: tuple[Option, ...] = Field(description="More options of sbatch: [--constraint=avx512, --exclude=node7].")
    licences: dict[str, str | None] = Field(
        description="Pool of `resources` -> Slurm's name of that licence (its own by default); null does not ask Slurm for it."
    )
    python: str | None = Field(description="The Python of the nodes; null is the one that runs this.")
    setup: tuple[str, ...] = Field(description="Lines of shell that every job runs first: [module load vivado/2022.2].")
    jobs: Count | None = Field(description="Jobs that may run at once; null is as many as the cluster lets run.")
    retries: int = Field(
        ge=0, description="How often a stage is submitted again when a node failed, its job was preempted, or it is gone without a trace."
    )
    poll: Seconds = Field(description="Seconds between two questions to Slurm.")
    grace: Seconds = Field(description="Seconds that the shared file system gets to show the result of a job that has ended.")
    stages: dict[str, SlurmStageConfig] = Field(
        description="Operation -> what its jobs ask for instead: {train: {partition: gpu, time: 2d}}."
    )


ExecutorConfig = Annotated[LocalConfig | SlurmConfig, Field(discriminator="kind")]

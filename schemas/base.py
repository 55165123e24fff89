"""What all models of the configuration share."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


class Model(BaseModel):
    """A frozen piece of the configuration that accepts its own keys and no others, and no value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
"""A name that also serves as a file's name: letters, digits, dot, dash, underscore."""

Count = Annotated[int, Field(ge=1)]
"""A number of things, at least one."""

Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""The start of a random sequence."""


def _rising(span: tuple[int, int]) -> tuple[int, int]:
    if span[0] > span[1]:
        raise ValueError(f"the least value comes first: [{span[1]}, {span[0]}]")
    return span


Span = Annotated[tuple[int, int], AfterValidator(_rising)]
"""A least and a greatest value, both allowed."""

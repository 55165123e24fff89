"""What is built, with whose tools, and where results are kept."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from schemas.base import Model, Name

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _bytes(value: object) -> object:
    """Return the number of bytes that a text such as `10GB` stands for."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", value.strip())
    if found is None:
        raise ValueError("a size is a number with a unit: 500MB, 10GB, 1TB")
    return int(float(found[1]) * _UNITS[found[2]])


Size = Annotated[int, BeforeValidator(_bytes, json_schema_input_type=int | str), Field(ge=0)]


class ToolchainConfig(Model):
    """The provider of the ops that are not shared."""

    name: Name = Field(description="The file of tasks/toolchains.")


class FlowConfig(Model):
    """What `doit` makes when it is given no target."""

    name: Name = Field(description="Names the flow.")
    goals: tuple[str, ...] = Field(min_length=1, description="The kinds of file to make.")


class CacheConfig(Model):
    """The store of finished artifacts that outlives a build tree."""

    dir: str | None = Field(description="Its folder; null is the user's cache folder.")
    size: Size = Field(description="Greatest size in bytes, or with a unit (10GB); the least recently used artifacts go first.")
    enabled: bool = Field(description="Whether it is used at all.")

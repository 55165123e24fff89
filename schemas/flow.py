"""What is built, with whose tools, and where results are kept."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.address import fault
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


def _place(url: str | None) -> str | None:
    """Refuse what is no place for a shared cache; the complaint does not repeat it, since a secret may be why it is refused."""
    wrong = fault(url) if url is not None else ""
    if wrong:
        raise PydanticCustomError("private", "{wrong}", {"wrong": wrong})
    return url


class RemoteConfig(Model):
    """A cache that several machines share. None of it decides an artifact, and no secret stands in it."""

    url: Annotated[str | None, AfterValidator(_place)] = Field(
        description="Where it lies: http(s)://, file:///, s3://, gs://, ssh://, webdav(s)://; null is nowhere. Credentials come from"
        " NET2BIT_CACHE_AUTH (`user:password` or a bearer token) and from what ssh and the buckets' own tools use.",
    )
    mode: Literal["read", "write", "readwrite"] = Field(description="Whether results are taken from it, sent to it, or both.")
    trust: Literal["required", "prefer", "off"] | None = Field(
        description="Which results count: only those that a trusted key has signed; those and unsigned ones; or all. null is `off` for a"
        " folder (file://) without keys, where whoever can write is trusted as for the cache on this machine, and `required` otherwise."
    )
    keys: tuple[str, ...] = Field(description="Trusted public keys (`name:base64`, `ssh-ed25519 ...`), or files of such lines.")
    max_entry: Size = Field(description="Greatest size of one result that is taken from it.")
    timeout: float = Field(gt=0, le=600, description="Seconds to wait for an answer, and for each piece of it.")
    retries: int = Field(ge=0, le=10, description="Tries after the first one, where the server is at fault.")

    @model_validator(mode="after")
    def _trusts(self) -> "RemoteConfig":
        """Refuse to read where nothing that is read could count."""
        required = self.trust == "required" or (self.trust is None and not (self.url or "").startswith("file:"))
        if self.url and self.mode != "write" and required and not self.keys:
            raise ValueError(
                "trust is required and no key is trusted, so nothing could be taken: name public keys in cache.remote.keys,"
                " or set cache.remote.trust=off where only people you trust can write"
            )
        return self


class CacheConfig(Model):
    """The store of finished artifacts that outlives a build tree."""

    dir: str | None = Field(description="Its folder; null is the user's cache folder.")
    size: Size = Field(description="Greatest size in bytes, or with a unit (10GB); the least recently used artifacts go first.")
    enabled: bool = Field(description="Whether the cache on this machine is used.")
    remote: RemoteConfig = Field(description="The cache that several machines share, asked where the one on this machine has nothing.")

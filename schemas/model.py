"""The network."""

from typing import Annotated

from pydantic import Field

from schemas.base import Model, Name

Side = Annotated[int, Field(ge=16, le=8192, multiple_of=16)]


class ModelConfig(Model):
    """The network and the size of its input."""

    name: Name = Field(description="Names the network's files, such as `<name>_int.xmodel`.")
    architecture: Name = Field(description="The file of net2bit/nets/architectures that builds it.")
    width: float = Field(
        ge=1 / 16,
        le=4,
        multiple_of=1 / 64,
        description="Multiplier of all channel counts, in 64ths; 1.0 has 64 channels in the first block.",
    )
    input_size: tuple[Side, Side] = Field(description="Height and width of the input in pixels, multiples of 16.")
    init: str | None = Field(
        description="A local .h5 file with VGG16 weights to start from, taken by layer name; null starts from random weights."
    )

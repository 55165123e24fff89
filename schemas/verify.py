"""The check of the network's forms against each other."""

from pydantic import Field

from schemas.base import Count, Model, Name


class VerifyConfig(Model):
    """What is compared, and how much accuracy may be lost."""

    max_drop: float = Field(
        ge=0, le=1, description="Greatest loss of mean Dice from the trained to the integer network; more fails the build."
    )
    images: Count | None = Field(description="Validation images to use; null takes all.")
    simulated: Count | None = Field(
        description="Of these, how many the machine code is executed on, instruction by instruction; null takes all."
    )
    batch: Count = Field(description="Images evaluated at once.")
    engine: Name = Field(description="The engine of the integer executor; all give the same bits.")

"""The compiler for the DPU."""

from pydantic import Field

from schemas.base import Count, Model


class CompileConfig(Model):
    """How the quantized network becomes machine code."""

    max_subgraphs: Count | None = Field(
        description="Parts of the network on the DPU, at most: more (the processor computes between them) fail the build; null allows any number."
    )
    effort: int = Field(ge=0, le=3, description="How long the compiler looks for a better schedule: 0 takes the first that fits.")

"""The compiler for the DPU."""

from typing import Literal

from pydantic import Field

from schemas.base import Count, Model


class CompileConfig(Model):
    """How the quantized network becomes machine code."""

    max_subgraphs: Count | None = Field(
        description="Greatest number of parts on the DPU, with the processor computing in between; more fail the build, null allows any."
    )
    effort: Literal["trivial", "fast", "search"] = Field(
        description="How schedules are found: each layer on its own, by estimate, or by timing the best candidates."
    )

"""The compiler for the DPU."""

from typing import Literal

from pydantic import Field

from schemas.base import Model


class CompileConfig(Model):
    """How the quantized network becomes machine code."""

    effort: Literal["trivial", "fast", "search"] = Field(
        description="How schedules are found: each layer on its own, by estimate, or by timing the best candidates."
    )

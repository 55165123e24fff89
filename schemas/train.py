"""The training run."""

from typing import Literal

from pydantic import Field

from schemas.base import Count, Model, Seed

Isa = Literal[
    "native",
    "SSE41",
    "AVX",
    "AVX2",
    "AVX2_VNNI",
    "AVX2_VNNI_2",
    "AVX512_CORE",
    "AVX512_CORE_VNNI",
    "AVX512_CORE_BF16",
    "AVX512_CORE_FP16",
    "AVX512_CORE_AMX",
    "AVX512_CORE_AMX_FP16",
]
"""`native`, or a name that oneDNN gives to an instruction set."""


class TrainConfig(Model):
    """How the network is fitted. Threads and instruction set are part of it, since they change the bytes of the weights."""

    epochs: Count = Field(description="Passes over the training split.")
    batch: Count = Field(description="Images per step, at most.")
    learning_rate: float = Field(gt=0, le=1, description="Peak of the step size's schedule.")
    augment: bool = Field(description="Whether training images are mirrored and relit.")
    seed: Seed = Field(description="Start of weights, order and augmentation.")
    threads: Count = Field(description="Threads of one operation; another number gives other bytes.")
    isa: Isa = Field(description="Greatest instruction set that the kernels may use; another gives other bytes.")
    samples: int = Field(ge=0, description="Validation images drawn after each epoch.")

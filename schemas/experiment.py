"""The experiment: the root of the configuration."""

from typing import Final, Self

from pydantic import Field, model_validator

from net2bit.dpu.target.compat import refuse_isa0, release
from net2bit.dpu.target.config import check
from schemas.base import Model, Name
from schemas.board import BoardConfig
from schemas.compile import CompileConfig
from schemas.dataset import DatasetConfig
from schemas.dpu import DpuConfig
from schemas.flow import CacheConfig, FlowConfig, ToolchainConfig
from schemas.model import ModelConfig
from schemas.quant import QuantConfig
from schemas.resources import ResourcesConfig
from schemas.train import TrainConfig
from schemas.verify import VerifyConfig

DESCRIBED: Final = frozenset({"arch.json", "dpu.dcf", "target.json"})
"""Goals that say what a DPU is, whichever compiler then writes its machine code."""


class Experiment(Model):
    """Everything that decides what is built. Each key but `name` is a folder of `experiments/`."""

    name: Name = Field(description="Names the folder of results, dist/<name>.")
    model: ModelConfig = Field(description="The network.")
    dataset: DatasetConfig = Field(description="The data set.")
    train: TrainConfig = Field(description="The training run.")
    quant: QuantConfig = Field(description="The quantizer.")
    verify: VerifyConfig = Field(description="The check of the results.")
    compile: CompileConfig = Field(description="The compiler.")
    dpu: DpuConfig = Field(description="The DPU.")
    board: BoardConfig = Field(description="The board.")
    toolchain: ToolchainConfig = Field(description="The toolchain.")
    flow: FlowConfig = Field(description="The goals.")
    cache: CacheConfig = Field(description="The cache of artifacts.")
    resources: ResourcesConfig = Field(description="What may be used at once.")

    @model_validator(mode="after")
    def _hardware(self) -> Self:
        """The board can hold the DPU, and the toolchain can compile for it.

        Raises:
            ConfigError: Either does not hold; with figures and a way out, before any stage runs.
        """
        check(self.dpu.model_dump(), self.board.model_dump())
        if self.toolchain.name == "open" and not DESCRIBED.issuperset(self.flow.goals):
            besides = "; flow=hardware makes what only describes such a DPU (arch.json, dpu.dcf)"
            refuse_isa0(release(self.dpu.release).generation, "dpu.release, toolchain", besides)
        return self

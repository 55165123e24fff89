"""The experiment: the root of the configuration."""

from pydantic import Field

from schemas.base import Model, Name
from schemas.board import BoardConfig
from schemas.compile import CompileConfig
from schemas.dataset import DatasetConfig
from schemas.dpu import DpuConfig
from schemas.flow import CacheConfig, FlowConfig, ToolchainConfig
from schemas.model import ModelConfig
from schemas.quant import QuantConfig
from schemas.train import TrainConfig
from schemas.verify import VerifyConfig


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

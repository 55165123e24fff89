"""The `train` group of an experiment, checked, and the environment that it asks of the framework."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from net2bit.errors import ConfigError, StageError, near

NATIVE = "native"
# Names that oneDNN's ONEDNN_MAX_CPU_ISA takes, weakest first.
ISAS = (
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
)


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        epochs: Passes over the training split.
        batch: Images per step, at most.
        learning_rate: The peak of the schedule.
        augment: Whether training images are mirrored and relit.
        seed: Start of weights, order and augmentation.
        threads: Threads of one operation; another number gives other bytes.
        isa: The greatest instruction set the kernels may use (a name of `ISAS`), or `native` for all that the machine has.
        samples: Validation images drawn after each epoch.
    """

    epochs: int
    batch: int
    learning_rate: float
    augment: bool
    seed: int
    threads: int
    isa: str
    samples: int

    @classmethod
    def of(cls, train: Mapping[str, Any]) -> "Settings":
        """Return the settings of an experiment's `train` group.

        Raises:
            ConfigError: The instruction set is none that oneDNN knows.
        """
        settings = cls(**{name: train[name] for name in cls.__dataclass_fields__})
        if settings.isa not in (NATIVE, *ISAS):
            raise ConfigError(
                f"no instruction set is called '{settings.isa}'",
                where="train.isa",
                suggestion=near(settings.isa.upper(), ISAS) or near(settings.isa, [NATIVE]),
                remedy=f"use {NATIVE} or one of {', '.join(ISAS)}",
            )
        return settings


def prepare(settings: Settings, home: Path) -> None:
    """Set the environment that the framework reads when it is imported.

    Args:
        settings: Threads and instruction set.
        home: Folder for what Keras would otherwise read from and write to the user's home.

    Raises:
        StageError: The framework is already imported, so that the instruction set would be ignored.
    """
    if "tensorflow" in sys.modules:
        raise StageError(
            "TensorFlow is already imported: threads and instruction set can no longer be chosen", remedy="train in a process of its own"
        )
    os.environ.pop("ONEDNN_MAX_CPU_ISA", None)
    if settings.isa != NATIVE:
        os.environ["ONEDNN_MAX_CPU_ISA"] = settings.isa
    os.environ.update(
        CUDA_VISIBLE_DEVICES="-1",  # a GPU that happens to be there would change the bytes
        KERAS_BACKEND="tensorflow",
        KERAS_HOME=str(home / "keras"),
        TF_CPP_MIN_LOG_LEVEL="3",
        TF_ENABLE_ONEDNN_OPTS="1",
    )

"""The `train` group: what is refused, and the environment it asks for."""

import os
import sys
from pathlib import Path

import pytest
from trial import TRAIN

from net2bit.errors import ConfigError, StageError
from net2bit.train.settings import Settings, prepare


@pytest.mark.parametrize(("isa", "meant"), [("avx2", "AVX2"), ("AVX512CORE", "AVX512_CORE"), ("nativ", "native")])
def test_unknown_isa(isa: str, meant: str) -> None:
    """A misspelt instruction set would silently mean all of them: refused with the one that was meant."""
    with pytest.raises(ConfigError) as caught:
        Settings.of({**TRAIN, "isa": isa})
    assert caught.value.suggestion == meant


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The instruction set of the experiment wins over the user's own variable, and no GPU and no home folder takes part."""
    monkeypatch.setattr(os, "environ", {"ONEDNN_MAX_CPU_ISA": "SSE41"})
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    prepare(Settings.of(TRAIN), tmp_path)
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1"
    assert os.environ["KERAS_HOME"].startswith(str(tmp_path))
    prepare(Settings.of({**TRAIN, "isa": "native"}), tmp_path)
    assert "ONEDNN_MAX_CPU_ISA" not in os.environ


def test_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the framework already imported its instruction set could not be chosen: refused, not ignored."""
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    with pytest.raises(StageError, match="already imported"):
        prepare(Settings.of(TRAIN), tmp_path)

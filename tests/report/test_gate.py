"""The gate: what passes, and what it says when it does not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from net2bit.errors import ModelError, StageError
from net2bit.job import Job
from net2bit.report import gate
from net2bit.report.ladder import Ladder, load, save


def _job(folder: Path, ladder: Ladder, limit: float) -> Job:
    save(ladder, folder / "ladder.json")
    return Job(
        config={"verify": {"max_drop": limit}},
        inputs={"ladder.json": folder / "ladder.json"},
        outputs={"accuracy.json": folder / "accuracy.json"},
        scratch=folder,
    )


def test_a_good_ladder_passes(tmp_path: Path, ladder: Ladder) -> None:
    """Without a drop the gate writes the figures that it judged."""
    gate.run(_job(tmp_path, ladder, 0.01))
    found = json.loads((tmp_path / "accuracy.json").read_text())
    assert found["float"] == found["integer"] == ladder.rungs[0].dice.mean
    assert found["drop"] == 0
    assert [rung["name"] for rung in found["rungs"]] == ["float", "frozen", "folded", "fake-quantized", "integer"]


def test_a_drop_names_rung_layer_figures_and_remedy(tmp_path: Path, lossy: Ladder) -> None:
    """The failure says where accuracy was lost, how much, in which layer, and what to try."""
    with pytest.raises(StageError) as caught:
        gate.run(_job(tmp_path, lossy, 0.01))
    error = caught.value
    assert "'fake-quantized'" in error.what
    assert f"{lossy.rungs[0].dice.mean:.4f}" in error.what
    assert f"{lossy.rungs[3].dice.mean:.4f}" in error.what
    assert "'block1_conv2'" in error.where
    assert "41.0 dB to 29.5 dB" in error.where
    assert "quantize" in error.where
    assert "quant.calibration.images" in error.remedy
    assert not (tmp_path / "accuracy.json").exists()


def test_a_drop_within_the_limit_passes(tmp_path: Path, lossy: Ladder) -> None:
    """The limit is the user's: the same ladder passes where it allows the drop."""
    assert lossy.rungs[3].drop is not None
    gate.run(_job(tmp_path, lossy, lossy.rungs[3].drop))


def test_a_gain_passes(ladder: Ladder) -> None:
    """Quantization may also improve Dice; a negative drop is no failure."""
    better = [replace(rung, drop=-0.01) for rung in ladder.rungs]
    assert gate.judge(replace(ladder, rungs=better), 0.0)["drop"] == -0.01


def test_a_conversion_that_changes_the_network_fails_without_blaming_quantization(ladder: Ladder) -> None:
    """A frozen graph beyond rounding fails even where Dice is the same, and the converter is named."""
    rungs = [replace(rung, held=rung.name != "frozen", difference={"previous": 0.5, "float": 0.5}) for rung in ladder.rungs]
    with pytest.raises(StageError, match=r"'frozen' differs .* 0\.5") as caught:
        gate.judge(replace(ladder, rungs=rungs), 0.01)
    assert "freeze" in caught.value.where
    assert "layer" not in caught.value.where
    assert "quant." not in caught.value.remedy


def test_a_set_without_any_class_cannot_pass(ladder: Ladder) -> None:
    """No Dice at all is an error, not a pass."""
    with pytest.raises(StageError, match="cannot be compared"):
        gate.judge(replace(ladder, rungs=[replace(rung, drop=None) for rung in ladder.rungs]), 0.01)


def test_a_ladder_survives_its_file(tmp_path: Path, lossy: Ladder) -> None:
    """Law: load(save(ladder)) is the ladder."""
    save(lossy, tmp_path / "ladder.json")
    assert load(tmp_path / "ladder.json") == lossy


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "net2bit.ladder/0"}', '{"format": "net2bit.ladder/1", "rungs": []}'])
def test_a_foreign_file_is_no_ladder(tmp_path: Path, text: str) -> None:
    """A damaged or foreign file is an error that says to build it again."""
    (tmp_path / "ladder.json").write_text(text)
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "ladder.json")
    assert caught.value.remedy

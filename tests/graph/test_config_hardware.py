"""The DPU of an experiment against its board and its toolchain: refused when composed, before any stage runs."""

import json
from pathlib import Path

import pytest
from declared import PROJECT, composed

from net2bit.dpu.target import dcf, stage
from net2bit.dpu.target.config import check
from net2bit.dpu.target.configuration import PARALLELISM, standard
from net2bit.dpu.target.fingerprints import fingerprint
from net2bit.errors import ConfigError
from net2bit.job import Job
from schemas.board import BoardConfig
from schemas.experiment import DESCRIBED

BOARDS = sorted(file.stem for file in (PROJECT / "experiments" / "board").glob("*.yaml"))
DPUS = sorted(file.stem for file in (PROJECT / "experiments" / "dpu").glob("*.yaml"))


def test_the_default_dpu_fits_its_board() -> None:
    """The default experiment: a B2304 as published for the Ultra96-V2, whose fingerprint is the released one's."""
    experiment = composed()
    found = check(experiment["dpu"], experiment["board"])
    assert fingerprint(found) == fingerprint(standard("B2304"))
    assert (found.dsp48, any(found.uram)) == ("low", False)


def test_too_large_a_dpu_is_refused_with_figures() -> None:
    """A B4096 on an Ultra96-V2: what is needed, what is there, and the largest that fits."""
    with pytest.raises(ConfigError) as caught:
        composed("dpu=b4096", "board=ultra96v2")
    assert "582 of 360 DSP slices, 255 of 216 block RAMs" in caught.value.what
    assert "Avnet Ultra96-V2 (xczu3eg-sbva484-1-i)" in caught.value.what
    assert "dpu=b2304" in caught.value.remedy


@pytest.mark.parametrize("board", BOARDS)
def test_every_dpu_fits_or_is_refused_with_figures(board: str) -> None:
    """All files of experiments/dpu on all boards, plain and full: a configuration, or an error with a way out."""
    base, there = composed()["dpu"], composed(f"board={board}", "flow=hardware", "dpu=b512", "dpu.release=1.4.0")["board"]
    for name in DPUS:
        for options in ({}, {"ram_usage": "high", "softmax": True}):
            dpu = base | {"name": name, "size": name, "options": base["options"] | options}
            try:
                refused = None
                assert check(dpu, there).architecture == name.upper()
            except ConfigError as error:
                refused = error
            assert refused is None or there["title"] in refused.what
            assert refused is None or any(word in refused.remedy for word in ("board", "dpu=", "uram"))


def test_every_size_has_its_file() -> None:
    """Each architecture of the product guide is a file of experiments/dpu."""
    assert set(DPUS) == {size.lower() for size in PARALLELISM}


def test_a_zynq_7000_is_refused_for_isa1_with_the_reason() -> None:
    """A PYNQ-Z2 has no DPU that this compiler could write for; what its DPU of another release is can still be described."""
    with pytest.raises(ConfigError, match="is for Zynq UltraScale\\+ only") as caught:
        composed("board=pynq_z2")
    assert "board=ultra96v2" in caught.value.remedy
    described = composed("board=pynq_z2", "flow=hardware", "dpu=b512", "dpu.release=1.4.0")
    assert check(described["dpu"], described["board"]).device == "zynq7000"


@pytest.mark.parametrize("release", ["1.1.1", "1.2.0", "1.4.0"])
def test_isa0_is_refused_by_the_open_toolchain(release: str) -> None:
    """Asked for ISA0, it says that it writes ISA1 only, and names the two ways out; only to describe the DPU it is taken."""
    with pytest.raises(ConfigError, match="ISA1 only, and this DPU has instruction set ISA0") as caught:
        composed(f"dpu.release={release}")
    assert "DPU-PYNQ 2.5.1 or later" in caught.value.remedy
    assert "vendor's toolchain" in caught.value.remedy
    found = composed(f"dpu.release={release}", "flow=hardware")
    assert set(found["flow"]["goals"]) <= DESCRIBED
    assert check(found["dpu"], found["board"]).generation == "ISA0"


def test_argmax_needs_its_ip() -> None:
    """Argmax came with IP 4.1: refused before, and another fingerprint from then on."""
    with pytest.raises(ConfigError, match="has no argmax"):
        composed("dpu.options.argmax=true")
    found = composed("dpu.options.argmax=true", "dpu.release=design_contest_3.5", "board=kr260", "dpu=b4096")
    assert fingerprint(check(found["dpu"], found["board"])) == 0x101000056010407


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_is_consistent(board: str) -> None:
    """A board's bandwidth is its bus width times its transfers, and its device has resources."""
    words = ("flow=hardware", "dpu=b512", "dpu.release=1.4.0")
    found = BoardConfig.model_validate(composed(f"board={board}", *words)["board"], strict=False)
    assert found.memory.gbytes_per_second == found.memory.bits * found.memory.megatransfers / 8000
    assert found.resources is not None
    assert found.part.startswith({"zynq_7000": "xc7z", "zynq_ultrascale_plus": "xc"}[found.family])


def run(folder: Path, *words: str) -> dict[str, Path]:
    """Run the stages on an experiment and return what they wrote."""
    folder.mkdir()
    outputs = {name: folder / name for name in ("arch.json", "dpu.dcf", "target.json")}
    experiment = composed(*words)
    job = Job({"dpu": experiment["dpu"], "board": experiment["board"]}, {}, outputs, folder)
    stage.arch(job)
    stage.run(job)
    return outputs


def test_the_stage_describes_the_hardware(tmp_path: Path) -> None:
    """Fingerprint, dcf, resources against the board, compatibility and warnings, twice the same bytes."""
    one, two = run(tmp_path / "one"), run(tmp_path / "two")
    assert {name: path.read_bytes() for name, path in one.items()} == {name: path.read_bytes() for name, path in two.items()}
    assert one["arch.json"].read_text() == '{"fingerprint":"0x101000016010405"}\n'
    found = json.loads(one["target.json"].read_text())
    assert (found["target"], found["fingerprint"], found["arch"]) == ("DPUCZDX8G_ISA1_B2304", "0x101000016010405", "B2304")
    assert (found["cores"], found["clock_mhz"], found["peak_gops"]) == (1, 150, 345.6)
    assert found["resources"] == {"lut": 44995, "ff": 76691, "bram36": 165, "uram": 0, "dsp": 342}
    assert found["board"]["memory"]["gbytes_per_second"] == 4.264
    assert found["compatibility"]["vivado"] == "2022.1"
    assert any("342 of 360 DSP slices" in warning for warning in found["warnings"])
    assert dcf.configuration(dcf.read(one["dpu.dcf"]), "dpu.dcf").architecture == "B2304"


def test_the_stage_warns_of_what_nobody_built(tmp_path: Path) -> None:
    """A configuration without a published bitstream, or a release without a design for the board, is named in the warnings."""
    outputs = run(tmp_path / "own", "dpu.options.ram_usage=high", "dpu.release=design_contest_3.5")
    warnings = json.loads(outputs["target.json"].read_text())["warnings"]
    assert any("no published bitstream" in warning for warning in warnings)
    assert any("has no design for Avnet Ultra96-V2" in warning for warning in warnings)


def test_a_dcf_for_vitis_ai_1_2_is_the_real_form(tmp_path: Path) -> None:
    """With a release whose tools read it, the dcf is what dlet would make of the built design."""
    outputs = run(tmp_path / "old", "dpu.release=1.2.0", "flow=hardware")
    assert outputs["arch.json"].read_text() == '{"fingerprint":"0x1000020F6014405"}\n'
    (core,) = dcf.read(outputs["dpu.dcf"])
    assert core.text == "xrt test"

"""Rendered `dpu_conf.vh` and `prj_config`, compared with the published ones line by line."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from net2bit.dpu.target import render
from net2bit.dpu.target.configuration import NO_BANKS, USUAL_URAM, Configuration, standard
from net2bit.errors import ConfigError

ISA0 = Configuration(generation="ISA0", architecture="B1600", channel_augmentation=False, clock_mhz=150)
B4096 = replace(ISA0, architecture="B4096", channel_augmentation=True, cores=2, clock_mhz=300)
ULTRA = replace(standard("B1600"), clock_mhz=200.0)
BIG = replace(standard("B4096"), clock_mhz=300.0, uram=USUAL_URAM)

# Folder of the published design, release, board, configuration.
DESIGNS = [
    ("v1.1.1_Ultra96", "1.1.1", "ultra96v2", ISA0),
    ("v1.2.0_Ultra96", "1.2.0", "ultra96v2", ISA0),
    ("v1.2.0_ZCU104", "1.2.0", "zcu104", replace(B4096, uram=USUAL_URAM, ram_usage="high", dsp48="low")),
    ("v1.2.0_ZCU111", "1.2.0", "zcu111", replace(B4096, dsp48="low")),
    ("v1.4.0_KV260", "1.4.0", "kv260", replace(B4096, cores=1, uram=USUAL_URAM)),
    ("v1.4.0_Ultra96", "1.4.0", "ultra96v2", replace(B4096, cores=1, architecture="B2304", dsp48="low", clock_mhz=200)),
    ("v1.4.0_ZCU104", "1.4.0", "zcu104", replace(B4096, uram=USUAL_URAM)),
    ("v2.5.1_Ultra96v2", "2.5.1", "ultra96v2", ULTRA),
    ("v2.5.1_ZUBoard_1CG", "2.5.1", "zuboard_1cg", replace(standard("B800"), clock_mhz=200.0)),
    ("v2.5.1_kv260_som", "2.5.1", "kv260", BIG),
    ("v2.5.1_zcu102", "2.5.1", "zcu102", replace(BIG, cores=2, uram=NO_BANKS)),
    ("v2.5.1_zcu104", "2.5.1", "zcu104", replace(BIG, cores=2)),
    ("design_contest_3.5_kr260_som", "design_contest_3.5", "kr260", replace(BIG, argmax=True)),
]


def defines(text: str) -> dict[str, str]:
    """Return what a Verilog header defines once its conditions are taken."""
    found: dict[str, str] = {}
    taken, done = True, False
    for line in re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL).splitlines():
        word, *rest = line.split() or [""]
        if word in {"`ifdef", "`elsif"}:
            done = False if word == "`ifdef" else done or taken
            taken = rest[0] in found and not done
        elif word == "`endif":
            taken = True
        elif word == "`define" and taken:
            found[rest[0]] = " ".join(rest[1:])
    return found


def lines(text: str) -> list[str]:
    """Return the lines of a prj_config that say something."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize(("folder", "release", "board", "c"), DESIGNS, ids=[one[0] for one in DESIGNS])
def test_a_rendered_header_defines_what_the_published_one_does(
    reference: Path, folder: str, release: str, board: str, c: Configuration
) -> None:
    """Define by define, the header of a board's own configuration is the published one's."""
    real = defines((reference / "dpu_conf" / folder / "dpu_conf.vh").read_text())
    if board == "zuboard_1cg":  # the published file tests URAM_DISABLE where it means URAM_ENABLE, on a device without UltraRAM
        real |= {"def_UBANK_IMG_N": "0", "def_UBANK_WGT_N": "0", "def_UBANK_BIAS": "0"}
    assert defines(render.dpu_conf(c, release)) == real


@pytest.mark.parametrize(("folder", "release", "board", "c"), DESIGNS, ids=[one[0] for one in DESIGNS])
def test_a_rendered_project_says_what_the_published_one_does(
    reference: Path, folder: str, release: str, board: str, c: Configuration
) -> None:
    """Line by line, comments apart, the project file of a board's own configuration is the published one."""
    assert lines(render.prj_config(c, release, board)) == lines((reference / "dpu_conf" / folder / "prj_config").read_text())


def test_a_header_says_every_option() -> None:
    """Each option of ISA1 that is not the usual one has its own define."""
    c = replace(standard("B4096", argmax=True), ram_usage="high", alu_parallel=8, alu_relu="relu_leakyrelu_relu6", low_power=True)
    found = defines(render.dpu_conf(replace(c, dram=(1, 0, 1), relu="relu_relu6"), "design_contest_3.5"))
    wanted = "RAM_USAGE_HIGH ALU_PARALLEL_8 CONV_RELU_RELU6 ALU_RELU_LEAKYRELU_RELU6 SAVE_ARGMAX_ENABLE LOWPOWER_ENABLE DRAM_ENABLE"
    assert set(wanted.split()) <= set(found)
    assert [found[f"def_DBANK_{name}"] for name in ("IMG_N", "WGT_N", "BIAS")] == ["1", "0", "1"]


def test_softmax_is_a_kernel_of_its_own() -> None:
    """A softmax core is clocked, connected and counted."""
    found = lines(render.prj_config(replace(BIG, softmax=True), "2.5.1", "zcu102"))
    assert [line for line in found if "sfm" in line] == [
        "freqHz=300000000:sfm_xrt_top_1.aclk",
        "sp=sfm_xrt_top_1.M_AXI:HPC0",
        "nk=sfm_xrt_top:1",
    ]


@pytest.mark.parametrize(
    ("c", "release", "board", "what"),
    [
        (replace(ULTRA, clock_mhz=250.0), "2.5.1", "ultra96v2", "no clock of 250 MHz"),
        (replace(ULTRA, clock_mhz=400.0), "2.5.1", "ultra96v2", "no clock of 800 MHz"),
        (replace(BIG, cores=4), "2.5.1", "zcu102", "connects 4 DPU cores"),
        (replace(BIG, clock_mhz=None), "2.5.1", "zcu102", "clock is not known"),
        (ISA0, "2.5.1", "ultra96v2", "builds DPUs with ISA1, and this one has ISA0"),
        (ULTRA, "2.5.2", "ultra96v2", "no DPU-PYNQ release '2.5.2'"),
    ],
)
def test_what_no_design_can_be_is_refused(c: Configuration, release: str, board: str, what: str) -> None:
    """A clock that the platform lacks, too many cores, or the other generation: each an error with a way out."""
    with pytest.raises(ConfigError, match=what) as caught:
        render.prj_config(c, release, board)
    assert caught.value.remedy


def test_a_header_without_relu6_is_refused() -> None:
    """What `dpu_conf.vh` has no define for is an error, not a header that builds something else."""
    with pytest.raises(ConfigError, match="without ReLU6"):
        render.dpu_conf(replace(ISA0, relu="relu"), "1.4.0")

"""What a DPU takes of an FPGA, and the compatibility table."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.dpu.target import compat
from net2bit.dpu.target.configuration import NO_BANKS, PARALLELISM, USUAL_URAM, Configuration, alu_default, standard
from net2bit.dpu.target.resources import Resources, chosen, largest, need, require, shortages, tight
from net2bit.errors import ConfigError, ToolError

ZU3 = Resources(lut=70560, ff=141120, bram36=216, uram=0, dsp=360)
K26 = Resources(lut=117120, ff=234240, bram36=144, uram=64, dsp=1248)
ZU7 = Resources(lut=230400, ff=460800, bram36=312, uram=96, dsp=1728)
ZU9 = Resources(lut=274080, ff=548160, bram36=912, uram=0, dsp=2520)
ZU28 = Resources(lut=425280, ff=850560, bram36=1080, uram=80, dsp=4272)

# PG338, "RAM Usage": block RAMs with RAM usage low and high, IP 3.4 and IP 4.0.
RAM = {
    "B512": (73.5, 89.5, 72, 88),
    "B800": (91.5, 109.5, 90, 108),
    "B1024": (105.5, 137.5, 104, 136),
    "B1152": (123, 145, 121, 143),
    "B1600": (127.5, 163.5, 126, 162),
    "B2304": (167, 211, 165, 209),
    "B3136": (210, 262, 208, 260),
    "B4096": (257, 317.5, 255, 315),
}


def isa0(name: str) -> Configuration:
    """Return an ISA0 configuration with everything but elementwise multiplication."""
    return Configuration(generation="ISA0", architecture=name)


@pytest.mark.parametrize("name", PARALLELISM)
def test_block_rams_are_those_of_the_product_guide(name: str) -> None:
    """The formula gives the published figures of both generations, RAM usage low and high."""
    both = [c for base in (isa0(name), standard(name)) for c in (base, replace(base, ram_usage="high"))]
    assert tuple(need(c).bram36 for c in both) == RAM[name]


# PG338 1.2, "Resources of Different DSP Usage", without depthwise convolution; high and low.
DSP = {
    "B512": (98, 66),
    "B800": (142, 102),
    "B1024": (194, 130),
    "B1152": (194, 146),
    "B1600": (282, 202),
    "B2304": (386, 290),
    "B3136": (506, 394),
    "B4096": (642, 514),
}


@pytest.mark.parametrize("name", PARALLELISM)
def test_dsp_slices_are_those_of_the_product_guide(name: str) -> None:
    """The formula gives the published figures, accumulators in DSP slices and in LUTs."""
    bare = replace(isa0(name), depthwise=False)
    assert (need(bare).dsp, need(replace(bare, dsp48="low")).dsp) == DSP[name]


@pytest.mark.parametrize(("alu", "dsp"), [(1, 662), (2, 678), (4, 710), (8, 774)])
def test_the_alu_takes_dsp_slices_as_published(alu: int, dsp: int) -> None:
    """PG338 4.1, "DepthwiseConv (ALU)": B4096 by the ALU's parallelism; LUTs within 2 % of that table."""
    found = need(replace(standard("B4096"), alu_parallel=alu))
    assert found.dsp == dsp
    assert found.lut == pytest.approx({1: 44212, 2: 46599, 4: 51388, 8: 60751}[alu], rel=0.02)


def test_routed_designs_are_met() -> None:
    """A routed KR260 with one core and a ZCU102 with three and softmax: RAMs exactly, LUTs within 1 %, flip-flops within 4 %."""
    one = need(replace(standard("B4096", argmax=True), uram=(7, 17, 1)))
    assert (one.bram36, one.uram, one.dsp) == (67.5, 50, 710)
    assert one.lut == pytest.approx(52336, rel=0.01)
    assert one.ff == pytest.approx(102493, rel=0.04)
    three = need(replace(standard("B4096", argmax=True), cores=3, softmax=True))
    assert three.bram36 == 769
    assert three.lut == pytest.approx(165548, rel=0.01)
    assert three.ff == pytest.approx(303088, rel=0.01)


def test_the_ip_counts_the_same() -> None:
    """A published B1600: the IP's own summary says 312 DSP slices and 127.5 block RAMs."""
    found = need(replace(isa0("B1600"), channel_augmentation=False))
    assert (found.dsp, found.bram36, found.uram) == (312, 127.5, 0)


@given(st.sampled_from(list(PARALLELISM)), st.integers(1, 4), st.booleans())
def test_cores_multiply(name: str, cores: int, softmax: bool) -> None:  # noqa: FBT001
    """Law: so many cores take so many times one core's resources, and softmax adds its own once."""
    one, several = need(standard(name)), need(replace(standard(name), cores=cores, softmax=softmax))
    assert several.dsp == cores * one.dsp + 14 * softmax
    assert several.bram36 == cores * one.bram36 + 4 * softmax


@given(st.sampled_from(list(PARALLELISM)), st.tuples(st.integers(0, 30), st.integers(0, 20), st.integers(0, 2)))
def test_ultraram_replaces_block_ram(name: str, uram: tuple[int, int, int]) -> None:
    """Law: a bank in UltraRAM takes no block RAM, and no more banks move than there are."""
    plain, moved = need(standard(name)), need(replace(standard(name), uram=uram))
    assert 0 <= moved.bram36 <= plain.bram36
    assert (moved.uram == 0) == (moved.bram36 == plain.bram36)


@pytest.mark.parametrize(
    ("name", "cores", "device", "dsp48", "uram"),
    [
        ("B1600", 1, ZU3, "high", False),
        ("B2304", 1, ZU3, "low", False),
        ("B4096", 1, K26, "high", True),
        ("B4096", 2, ZU7, "high", True),
        ("B4096", 3, ZU9, "high", False),
        ("B4096", 2, ZU28, "high", False),
    ],
)
def test_auto_is_what_published_designs_have(name: str, cores: int, device: Resources, dsp48: str, uram: bool) -> None:  # noqa: FBT001
    """DSP48 usage and UltraRAM, left to the board, come out as DPU-PYNQ and Vitis AI set them by hand; and the design fits."""
    found = chosen(replace(standard(name), cores=cores), device)
    assert (found.dsp48, found.uram != NO_BANKS) == (dsp48, uram)
    assert found.uram in {NO_BANKS, USUAL_URAM}
    assert not shortages(found, device)


def test_a_choice_is_respected() -> None:
    """What is not auto stays as it is, whatever the board; without a board auto takes DSP slices."""
    c = chosen(standard("B4096"), ZU3, dsp48="high", uram=True)
    assert (c.dsp48, c.uram) == ("high", USUAL_URAM)
    assert chosen(standard("B512"), None, uram=True).uram == (5, 9, 1)
    assert chosen(standard("B4096"), None) == standard("B4096")


@given(st.sampled_from(list(PARALLELISM)), st.integers(1, 4), st.sampled_from([ZU3, K26, ZU7, ZU9, ZU28]))
def test_the_largest_fits_and_the_next_does_not(name: str, cores: int, device: Resources) -> None:
    """Law: the architecture that an error recommends fits, and the one above it does not."""
    best = largest(replace(standard(name), cores=cores), device)
    sizes = list(PARALLELISM)
    if best is not None:
        assert not shortages(best, device)
    above = sizes[sizes.index(best.architecture) + 1 :] if best else sizes
    for size in above:
        bigger = chosen(replace(standard(size), cores=cores, alu_parallel=alu_default(size)), device)
        assert shortages(bigger, device)


@pytest.mark.parametrize(
    ("c", "device", "what", "remedy"),
    [
        (replace(standard("B4096"), dsp48="low"), ZU3, "582 of 360 DSP slices, 255 of 216 block RAMs", "dpu=b2304"),
        (standard("B2304"), ZU3, "438 of 360 DSP slices", "it fits with dpu.options.dsp48=low"),
        (standard("B4096"), K26, "255 of 144 block RAMs", "dpu.options.uram=true"),
        (replace(standard("B4096"), cores=4), ZU3, "2,840 of 360 DSP slices", "with dpu.cores=1, no softmax and RAM usage low, dpu=b2304"),
        (standard("B512"), Resources(100, 100, 1, 0, 1), "116 of 1 DSP slices", "no DPUCZDX8G fits"),
    ],
)
def test_what_does_not_fit_is_refused_with_figures(c: Configuration, device: Resources, what: str, remedy: str) -> None:
    """The error says what is missing, and the largest that fits or the option that makes it fit."""
    with pytest.raises(ConfigError) as caught:
        require(c, device, "the board")
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_a_full_device_is_noted() -> None:
    """More than nine tenths of a resource is tight."""
    assert [str(one) for one in tight(replace(standard("B2304"), dsp48="low"), ZU3)] == ["342 of 360 DSP slices"]


def test_the_two_generations_are_told_apart_by_release() -> None:
    """Releases up to 1.4 build ISA0, from 2.5 on ISA1; the open compiler refuses ISA0 and names both ways out."""
    found = {name: row.generation for name, row in compat.RELEASES.items()}
    assert [name for name, generation in found.items() if generation == "ISA1"] == ["2.5.0", "2.5.1", "design_contest_3.5"]
    compat.refuse_isa0("ISA1", "dpu.release")
    with pytest.raises(ConfigError) as caught:
        compat.refuse_isa0("ISA0", "dpu.release")
    assert "DPU-PYNQ 2.5.1" in caught.value.remedy
    assert "vendor's toolchain" in caught.value.remedy


def test_matching_tools_pass() -> None:
    """The versions of a release's row, with further digits or without, are accepted; an image of another version is noted."""
    row = compat.release("2.5.1")
    assert compat.check_tools(row, {"vivado": "2022.1", "vitis_ai": "v2.5.0", "ip": "4.0", "pynq": "3.0.1", "python": "3.10.4"}) == []
    (note,) = compat.check_tools(row, {"pynq": "2.7"})
    assert "PYNQ image 2.7" in note


@pytest.mark.parametrize(
    ("found", "what", "remedy"),
    [
        ({"vivado": "2022.2"}, "Vivado 2022.2 does not go with DPU-PYNQ 2.5.1, which needs 2022.1", "install Vivado 2022.1"),
        ({"vivado": "2020.1"}, "Vivado 2020.1", "or build for a release that goes with 2020.1: 1.2.0"),
        ({"vitis_ai": "3.5"}, "Vitis AI 3.5", "design_contest_3.5"),
        ({"vitis": "1"}, "no column 'vitis'", "vivado"),
    ],
)
def test_other_tools_are_refused(found: dict[str, str], what: str, remedy: str) -> None:
    """A version with which builds are known to fail is an error that names the row it belongs to."""
    with pytest.raises(ToolError) as caught:
        compat.check_tools(compat.release("2.5.1"), found)
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_a_vivado_has_its_ip() -> None:
    """Vivado decides the DPU IP and with it Vitis AI."""
    assert compat.matching_ip("2022.2") == ("4.1", "3.0")
    assert compat.matching_ip("2024.1") == ("", "")


def test_an_unknown_release_names_the_near_miss() -> None:
    """A release that does not exist suggests the one that was meant."""
    with pytest.raises(ConfigError) as caught:
        compat.release("2.5.2")
    assert caught.value.suggestion in {"2.5.1", "2.5.0"}

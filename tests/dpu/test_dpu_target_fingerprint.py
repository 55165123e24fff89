"""Configurations, fingerprints and target names."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.dpu.arch import arch
from net2bit.dpu.arch import standard as standard_arch
from net2bit.dpu.target import names
from net2bit.dpu.target.agree import KV260, agree
from net2bit.dpu.target.configuration import PARALLELISM, Configuration, architecture, differences, standard
from net2bit.dpu.target.fingerprints import dpu_type, fingerprint, from_fingerprint, isa
from net2bit.errors import ConfigError

SIZES = st.sampled_from(list(PARALLELISM))
FLAG = st.booleans()
LEVEL = st.sampled_from(["low", "high"])


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    """Return any configuration that a fingerprint can say."""
    name, isa1 = draw(SIZES), draw(FLAG)
    shared = {"architecture": name, "ram_usage": draw(LEVEL), "channel_augmentation": draw(FLAG), "image_mean": draw(FLAG)}
    full = st.sampled_from(["relu_relu6", "relu_leakyrelu_relu6"])
    if isa1:
        parallel = draw(st.sampled_from([n for n in (1, 2, 4, 8) if n <= PARALLELISM[name][0]]))
        own = {"elementwise_multiply": True, "relu": draw(full), "alu_relu": draw(full), "alu_parallel": parallel, "argmax": draw(FLAG)}
        return Configuration(generation="ISA1", **shared, **own)
    depthwise = draw(FLAG)
    return Configuration(
        generation="ISA0",
        **shared,
        depthwise=depthwise,
        average_pool=draw(FLAG),
        elementwise_multiply=draw(FLAG),
        relu=draw(st.sampled_from(["relu", "relu_relu6", "relu_leakyrelu", "relu_leakyrelu_relu6"])),
        alu_relu=draw(st.sampled_from(["relu", "relu_relu6"])) if depthwise else "relu_relu6",
    )


@given(configurations())
def test_a_fingerprint_says_all_that_a_network_depends_on(c: Configuration) -> None:
    """Law: a configuration comes back from its fingerprint, in every option that relates to the model."""
    back = from_fingerprint(fingerprint(c))
    assert not differences(c, back)
    assert fingerprint(back) == fingerprint(c)


@given(configurations())
def test_a_synthetic_name_leads_back_to_its_fingerprint(c: Configuration) -> None:
    """Law: every name that is given to a fingerprint stands for it again."""
    assert fingerprint(c) in names.by_name(names.target_name(fingerprint(c)))
    assert names.by_name(names.synthetic(fingerprint(c))) == (fingerprint(c),)


@given(configurations().filter(lambda c: c.generation == "ISA1"))
def test_the_compiler_reads_the_same_machine(c: Configuration) -> None:
    """Law: what the compiler takes from a fingerprint is what the configuration says."""
    found = arch(fingerprint(c))
    assert (found.name, found.pp, found.cp, found.groups, found.alu_pp) == (c.architecture, c.pp, c.cp, c.bank_groups, c.alu_parallel)
    assert (found.augmentation, found.leaky, found.alu_leaky, found.argmax) == (c.channel_augmentation, c.leaky, c.alu_leaky, c.argmax)
    assert found.peak == c.peak


@pytest.mark.parametrize("name", PARALLELISM)
def test_standard_configurations_are_those_of_the_compiler(name: str) -> None:
    """The architecture that a name means is one and the same for targets and for the compiler."""
    assert fingerprint(standard(name)) == standard_arch(name).fingerprint


@pytest.mark.parametrize(
    ("c", "value"),
    [
        (standard("B4096"), 0x101000016010407),
        (standard("B4096", argmax=True), 0x101000056010407),
        (standard("B800"), 0x101000016010201),
        (Configuration(generation="ISA0", architecture="B4096"), 0x1000020F6014407),
        (Configuration(generation="ISA0", architecture="B1600", channel_augmentation=False), 0x1000020F2014404),
    ],
)
def test_published_fingerprints_are_computed(c: Configuration, value: int) -> None:
    """Boards' own configurations have the fingerprints that their releases publish."""
    assert fingerprint(c) == value


def test_every_published_target_is_explained(reference: Path) -> None:
    """All names of all releases: a DPUCZDX8G's has its configuration and the others their kind, both ways."""
    rows = list(csv.DictReader((reference / "target_fingerprints.csv").read_text().splitlines()))
    assert len(rows) == 104
    for row in rows:
        value = int(row["fingerprint"], 16)
        assert names.target_name(value) == row["target"]
        assert value in names.by_name(row["target"])
        if row["type"] == "DPUCZDX8G":
            assert fingerprint(from_fingerprint(value)) == value
            assert int(row["isa"]) == isa(value)
        elif value >> 56:
            assert dpu_type(value) == row["type"]


def test_a_name_means_another_fingerprint_in_later_releases() -> None:
    """The name of an ISA1 target stands for two fingerprints, the one without argmax first."""
    assert names.by_name("dpuczdx8g_isa1_b4096") == names.by_name("B4096") == (0x101000016010407, 0x101000056010407)
    assert [names.releases(value) for value in names.by_name("B4096")] == ["2.5", "3.0 and 3.5"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("DPUCZDX8G_ISA1_B4095", "DPUCZDX8G_ISA1_B4096"),
        ("ISA1_B2304", "DPUCZDX8G_ISA1_B2304"),
        ("B2305", "DPUCZDX8G_ISA1_B2304"),
        ("DPUCADF8H", "DPUCADF8H_ISA0"),
        ("DPUCZDX8G_ISA1_B1600_0101000016010405", "DPUCZDX8G_ISA1_B2304_0101000016010405"),
    ],
)
def test_an_unknown_target_names_the_near_miss(name: str, suggestion: str) -> None:
    """A misspelt name, a name without its kind, or one whose digits contradict it: the error says what was meant."""
    with pytest.raises(ConfigError) as caught:
        names.by_name(name)
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (0x101000016010408, r"bits 0-3 \(architecture\) are 8 \(a 4 x 4 core that no product has\)"),
        (0x10100001601040C, r"bits 0-3 \(architecture\) are 12, where 0 \(B512\) to 7 \(B4096\) exist"),
        (0x101000015010407, r"bits 24-25 \(image bank groups\) are 1"),
        (0x101000016010307, r"bits 8-11 \(ALU parallelism\) are 3, where B4096 has 1, 2, 4, 8"),
        (0x101000016010800, r"bits 8-11 \(ALU parallelism\) are 8, where B512 has 1, 2, 4\n"),
        (0x101000016020407, "bits 16-19 are 2, always 1 with ISA1"),
        (0x101000116010407, "bits 32-35"),
        (0x1018000960104F7, r"bits 4, 5, 6, 7, 31, 47 are set and mean nothing"),
        (0x101000016010417, "bit 4 is set and means nothing"),
        (0x102000016010407, r"bits 48-55 \(instruction set\) are 2"),
        (0x1000020F6013407, r"bits 12-15 \(depthwise parallelism\) are 3, where B4096 has 4, or 0"),
        (0x1000020F6014207, r"bits 8-11 \(pooling parallelism\) are 2, which goes with this depthwise parallelism as 4"),
        (0x1000020F6010107, "bit 31"),
        (0x1000000F6014407, "bit 37"),
        (0x1000020F6024407, r"bits 16-19 \(elementwise parallelism\) are 2"),
        (0x700000000000000, "a DPUCADF8H, not of a DPUCZDX8G"),
        (0xFF00000000000000, "no DPU that is known"),
        (1 << 64, "64 bits"),
    ],
)
def test_a_fingerprint_without_configuration_says_which_field_is_off(value: int, what: str) -> None:
    """The error names the field, its value and what it could be."""
    with pytest.raises(ConfigError, match=what) as caught:
        from_fingerprint(value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"architecture": "B5000"}, "no DPU architecture 'B5000'"),
        ({"cores": 5}, "5 DPU cores"),
        ({"alu_parallel": 3}, "ALU parallelism of 3"),
        ({"architecture": "B512", "alu_parallel": 8}, "B512 can have 1, 2, 4"),
        ({"depthwise": False}, "always has depthwise"),
        ({"relu": "relu"}, "always has ReLU6"),
        ({"device": "zynq7000"}, "Zynq UltraScale"),
        ({"generation": "ISA0"}, "no ALU parallelism"),
        ({"generation": "ISA0", "alu_parallel": 0, "argmax": True}, "has no argmax"),
        ({"generation": "ISA0", "alu_parallel": 0, "alu_relu": "relu_leakyrelu_relu6"}, "in convolutions only"),
    ],
)
def test_what_no_dpu_can_be_is_refused(options: dict[str, object], what: str) -> None:
    """An option outside its range, or of the other generation, is an error with the reason."""
    with pytest.raises(ConfigError, match=what):
        replace(standard("B4096"), **options)  # type: ignore[arg-type]


def test_an_unknown_architecture_names_the_near_miss() -> None:
    """A size is understood in either case, and a misspelt one suggests the right one."""
    assert architecture("b2304") == "B2304"
    with pytest.raises(ConfigError) as caught:
        architecture("b2340")
    assert caught.value.suggestion == "B2304"


def test_equal_fingerprints_agree() -> None:
    """A network compiled for the hardware's fingerprint, or for its configuration, passes."""
    agree(0x101000016010407, 0x101000016010407)
    agree(0x101000016010407, replace(standard("B4096"), cores=2, clock_mhz=300))


@pytest.mark.parametrize(
    ("xmodel", "hardware", "what"),
    [
        (0x101000016010407, 0x101000016010405, "they differ in architecture (B4096, B2304)"),
        (0x101000016010407, 0x1000020F6014407, "they differ in instruction set (ISA1, ISA0)"),
        (0x101000016010405, 0x101000003010405, "RAM usage (low, high), channel augmentation (on, off), activations of convolutions"),
        (0x101000016010405, 0x700000000000000, "fingerprint of a DPUCADF8H"),
    ],
)
def test_different_fingerprints_name_both_and_the_options(xmodel: int, hardware: int, what: str) -> None:
    """The error names both targets and what differs, and says how to compile for the hardware."""
    with pytest.raises(ConfigError) as caught:
        agree(xmodel, hardware)
    assert what in caught.value.what
    assert names.target_name(xmodel) in caught.value.what
    assert names.target_name(hardware) in caught.value.what
    assert f"--target {hardware:#x}" in caught.value.remedy


def test_the_three_fingerprints_of_a_kv260_are_explained() -> None:
    """Between any two of them the remedy says which software shows which."""
    for xmodel in KV260:
        for hardware in set(KV260) - {xmodel}:
            with pytest.raises(ConfigError) as caught:
                agree(xmodel, hardware, board="AMD Kria KV260")
            assert KV260[xmodel] in caught.value.remedy
            assert KV260[hardware] in caught.value.remedy

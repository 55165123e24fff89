"""Files that describe a DPU: `.hwh`, dcf, `arch.json`, `.xmodel`; real ones, and ones made here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from net2bit.dpu.target import arch_json, dcf, hwh
from net2bit.dpu.target.agree import agree_dcf
from net2bit.dpu.target.configuration import PARALLELISM, Configuration, standard
from net2bit.dpu.target.describe import describe
from net2bit.dpu.target.fingerprints import fingerprint
from net2bit.errors import ConfigError, ModelError, Net2bitError
from net2bit.proto import xir

# A core of the Vitis flow as Vivado lists it, IP 3.2.
CORE = {
    "SYS_IP_VER": "0x00000032",
    "VER_TARGET": "0x141",
    "ARCH_HP_BW": "3",
    "ARCH_DATA_BW": "1",
    "ARCH_IMG_BKGRP": "2",
    "ARCH_PP": "8",
    "ARCH_ICP": "12",
    "ARCH_OCP": "12",
    **{f"RAM_DEPTH_{name}": code for name, code in (("MEAN", "1"), ("BIAS", "3"), ("WGT", "3"), ("IMG", "3"))},
    "LOAD_AUGM": "1",
    "LOAD_PARALLEL": "2",
    "SAVE_PARALLEL": "2",
    "CONV_LEAKYRELU": "1",
    "CONV_RELU6": "1",
    "CONV_WR_PARALLEL": "1",
    "CONV_DSP_ACCU_ENA": "1",
    "POOL_AVERAGE": "1",
    "ELEW_PARALLEL": "1",
    "DWCV_RELU6": "1",
    "DWCV_PARALLEL": "4",
    "MISC_WR_PARALLEL": "1",
    "DNNDK_PRINT": "xrt test",
    "M_AXI_FREQ_MHZ": "300",
    **{f"TIME_{name}": value for name, value in (("YEAR", "20"), ("MONTH", "11"), ("DAY", "2"), ("HOUR", "15"), ("QUARTER", "1"))},
}
ISA1 = CORE | {"SYS_IP_VER": "0x00000040", "ALU_PARALLEL": "4", "ALU_LEAKYRELU": "0", "ELEW_PARALLEL": "4"}
VITIS, VIVADO = "xilinx.com:RTLKernel:dpu_xrt_top:1.0", "xilinx.com:ip:dpuczdx8g:3.3"
B2304 = Configuration(generation="ISA0", architecture="B2304", clock_mhz=300.0)

# The file of a published B3136 with one core: 102 bytes in fields 1 and 3.
B3136_DCF = bytes.fromhex(
    "0801 1a62 0801 125e 1212 0802 28c102 308001 3801 4002 4808 500e 580e 1a0b 0820 108010 188010 208010 222f"
    "0a04 0802 2801 1202 0802 1a06 0801 2801 3001 220d 0804 2801 3a07 02030405060708 2a04 0804 3001 3202 0801 3a02 0801"
    "2a0a 0a08 7872742074657374"
)


def design(*cores: dict[str, str], vlnv: str = VITIS, more: str = "") -> bytes:
    """Return a hardware hand-off file with these cores, each a module."""
    modules = [module(f"dpu_{n}", vlnv, core) for n, core in enumerate(cores, start=1)]
    text = "\n".join([module("ps_e", "xilinx.com:ip:zynq_ultra_ps_e:3.3", {"ARCH_PP": "99"}), *modules, more])
    head = '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n<EDKSYSTEM VIVADOVERSION="2020.1">'
    return f'\ufeff{head}<SYSTEMINFO BOARD="a:board" DEVICE="xczu3eg"/><MODULES>{text}</MODULES></EDKSYSTEM>'.encode()


def module(name: str, vlnv: str, parameters: dict[str, str]) -> str:
    """Return one module; its bus interface has a parameter of its own, which is not the module's."""
    listed = "".join(f'<PARAMETER NAME="{key}" VALUE="{value}"/>' for key, value in parameters.items())
    bus = '<BUSINTERFACES><BUSINTERFACE><PARAMETERS><PARAMETER NAME="ARCH_PP" VALUE="1"/></PARAMETERS></BUSINTERFACE></BUSINTERFACES>'
    return f'<MODULE INSTANCE="{name}" VLNV="{vlnv}"><PARAMETERS>{listed}</PARAMETERS>{bus}</MODULE>'


def test_a_design_of_the_vitis_flow_is_read() -> None:
    """One module for each core: they are counted, and the DPU's facts are told."""
    found = hwh.parse(design(CORE, CORE), "dpu.hwh")
    assert found.configuration == replace(B2304, cores=2)
    assert (found.instances, found.ip_version, found.target_version, found.port_bits) == (("dpu_1", "dpu_2"), "3.2", "1.4.1", 128)
    assert (found.vivado, found.board, found.device) == ("2020.1", "a:board", "xczu3eg")
    assert dcf.file_name(found) == "dpu-11-02-2020-15-15.dcf"


def test_a_design_of_the_vivado_flow_is_read() -> None:
    """One module for all cores, their number a parameter, and numbers such as 7.0."""
    core = {name: f"{value}.0" if value.isdigit() else value for name, value in CORE.items()}
    core |= {"VER_DPU_NUM": "3", "SFM_ENA": "1", "CLK_GATING_ENA": "1"}
    found = hwh.parse(design(core, vlnv=VIVADO), "dpu.hwh")
    assert found.configuration == replace(B2304, cores=3, softmax=True, low_power=True)
    assert len(dcf.decode(dcf.of_design(found), "dpu.dcf")) == 3


def test_a_dpu_with_isa1_is_told_apart() -> None:
    """IP 4.x is ISA1, with the fingerprint of its release; a softmax kernel beside it is seen."""
    softmax = module("sfm", "xilinx.com:RTLKernel:sfm_xrt_top:1.0", {})
    found = hwh.parse(design(ISA1, more=softmax), "dpu.hwh").configuration
    assert found == replace(standard("B2304"), clock_mhz=300.0, softmax=True)
    argmax = hwh.parse(design(ISA1 | {"SAVE_ARGMAX_ENA": "1"}), "dpu.hwh").configuration
    assert fingerprint(argmax) == 0x101000056010405


BAD = [
    (design(), "holds no DPU"),
    (design(more=module("x", "xilinx.com:RTLKernel:DPUCVDX8G:1.0", {})), "holds DPUCVDX8G, which is no DPUCZDX8G"),
    (design(CORE, CORE | {"ARCH_IMG_BKGRP": "3"}), "DPUs of different kinds: ARCH_IMG_BKGRP is 2 in dpu_1 and 3 in dpu_2"),
    (design(CORE, ISA1), "DPUs of different kinds: ALU_LEAKYRELU is absent in dpu_1"),
    (design({key: value for key, value in CORE.items() if key != "ARCH_ICP"}), "lacks ARCH_ICP"),
    (design(CORE | {"ARCH_ICP": "18", "ARCH_OCP": "18"}), "no architecture works on 8 x 18 x 18"),
    (design(CORE | {"ARCH_OCP": "10"}), "no architecture works on 8 x 12 x 10"),
    (design(CORE | {"ARCH_IMG_BKGRP": "4"}), "2 or 3 groups"),
    (design(CORE | {"ARCH_PP": "eight"}), "ARCH_PP is 'eight', not a whole number"),
    (design(CORE | {"ARCH_PP": "7.5"}), "ARCH_PP is '7.5', not a whole number"),
    (design(CORE | {"DWCV_PARALLEL": "3"}), "DWCV_PARALLEL is 3: B2304 has 4, or 0"),
    (design(CORE, CORE, CORE, CORE, CORE), "5 DPU cores"),
    (design(CORE)[:900], "is damaged"),
    (b"", "is damaged"),
    (b"\xff\xfe\x00", "byte 0 is not UTF-8"),
    (b"<html/>", "its root is <html>"),
    (b'<!DOCTYPE x [<!ENTITY a "b">]><EDKSYSTEM>&a;</EDKSYSTEM>', "declares a document type"),
]


@pytest.mark.parametrize(("data", "what"), BAD, ids=[what for _, what in BAD])
def test_a_design_that_cannot_be_used_is_an_error(data: bytes, what: str) -> None:
    """No DPU, two kinds, a core that does not exist, a damaged or dangerous file: each names what, where and the way out."""
    with pytest.raises(ConfigError) as caught:
        hwh.parse(data, "folder/dpu.hwh")
    assert what in caught.value.what
    assert caught.value.where
    assert caught.value.remedy


def test_real_designs_are_read(reference: Path) -> None:
    """Six public designs of four IPs: architecture, cores, generation and clock are those in their names."""
    for file in sorted((reference / "hwh").iterdir()):
        found = hwh.read(file)
        name, cores = file.name.split("_")[0].split("x")
        assert (found.configuration.architecture, found.configuration.cores) == (name, int(cores))
        assert f"ip{found.ip_version.replace('.', '')}" in file.name
        assert found.vivado in file.name
        assert found.configuration.generation == ("ISA1" if "ip4" in file.name else "ISA0")
    board = describe(reference / "hwh" / "B4096x1_Xilinx_v2023.1_ip41_1f1c318.hwh")
    assert (board.name, board.fingerprint) == ("DPUCZDX8G_ISA1_B4096", 0x101000056010407)


def test_a_dcf_is_written_as_a_published_one() -> None:
    """Byte for byte, from a configuration and from a design."""
    assert dcf.of_configuration(replace(B2304, architecture="B3136")) == B3136_DCF
    assert dcf.of_design(hwh.parse(design(CORE | {"ARCH_ICP": "14", "ARCH_OCP": "14"}), "dpu.hwh")) == B3136_DCF


def test_real_dcfs_are_written_back_identically(reference: Path) -> None:
    """Four public files are understood, and come back byte for byte; three of them from their configuration alone."""
    for file in sorted((reference / "dcf").iterdir()):
        cores = dcf.read(file)
        assert dcf.encode(cores) == file.read_bytes()
        found = dcf.configuration(cores, file)
        if cores[0].text == dcf.TEXT:
            assert dcf.of_configuration(found) == file.read_bytes()


@pytest.mark.parametrize("name", PARALLELISM)
def test_a_dcf_says_what_it_was_made_of(name: str) -> None:
    """Law: a configuration comes back from its dcf; one of ISA1 too, which its text tells apart."""
    plain = Configuration(
        generation="ISA0", architecture=name, depthwise=False, average_pool=False, relu="relu", channel_augmentation=False
    )
    for c in (replace(B2304, architecture=name, cores=2, clock_mhz=None), plain, replace(standard(name), cores=3)):
        cores = dcf.decode(dcf.of_configuration(c), "dpu.dcf")
        assert dcf.configuration(cores, "dpu.dcf") == c


def test_a_dcf_of_other_hardware_is_refused(tmp_path: Path) -> None:
    """The dcf of a design agrees with it; another's does not, and the error names the fields and how to make the right one."""
    file = tmp_path / "dpu.dcf"
    found = hwh.parse(design(CORE), "dpu.hwh")
    file.write_bytes(dcf.of_design(found))
    agree_dcf(found, file)
    file.write_bytes(dcf.of_design(hwh.parse(design(CORE | {"LOAD_AUGM": "0"}, CORE | {"LOAD_AUGM": "0"}), "dpu.hwh")))
    with pytest.raises(ConfigError, match=r"augmentation \(0, 1\), cores \(2, 1\)") as caught:
        agree_dcf(found, file)
    assert caught.value.remedy == f"make it anew: net2bit dcf dpu.hwh -o {file}"


def test_a_design_with_isa1_has_a_dcf_of_its_own_kind() -> None:
    """It is the same from design and configuration, and says ISA1 when read."""
    found = hwh.parse(design(ISA1), "dpu.hwh")
    assert dcf.of_design(found) == dcf.of_configuration(found.configuration)
    assert dcf.configuration(dcf.decode(dcf.of_design(found), "x"), "x").generation == "ISA1"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (B3136_DCF[:60], "bytes are announced"),
        (b"not a dcf at all", "is no DPU configuration file"),
        (b"", "describes no core"),
        (b"\x08\x02" + B3136_DCF[2:], "is no DPU configuration file"),
        (dcf.encode((dcf.Core(icp=18, ocp=18),)), "does not exist: 8 x 18 x 18"),
        (dcf.encode((dcf.Core(), dcf.Core(bank_groups=3))), "of different kinds: they differ in bank_groups"),
    ],
)
def test_a_dcf_that_cannot_be_used_is_an_error(data: bytes, what: str) -> None:
    """Cut off, no dcf, an unknown core, cores that differ: the error says which."""
    with pytest.raises(Net2bitError) as caught:
        dcf.configuration(dcf.decode(data, "dpu.dcf"), "dpu.dcf")
    assert what in caught.value.what
    assert caught.value.remedy


def test_arch_json_is_written_as_the_ip_writes_it(tmp_path: Path) -> None:
    """The published file of a KV260, and back."""
    file = tmp_path / "arch.json"
    file.write_text(arch_json.text(0x1000020F6014407))
    assert file.read_text() == '{"fingerprint":"0x1000020F6014407"}\n'
    assert arch_json.read(file).fingerprints == (0x1000020F6014407,)


def test_all_forms_of_arch_json_are_read(tmp_path: Path) -> None:
    """Fingerprint, target name, and a dcf that is looked for beside the file."""
    file = tmp_path / "arch.json"
    file.write_text('{"target": "DPUCZDX8G_ISA0_B4096_MAX_BG2"}')
    assert describe(file).fingerprint == 0x1000020F6014407
    file.write_text(arch_json.text_with_dcf("/opt/vitis_ai/som.dcf"))
    missing = describe(file)
    assert (missing.name, missing.fingerprint) == ("DPUCZDX8G", None)
    assert "put it beside this file" in missing.notes[0]
    (tmp_path / "som.dcf").write_bytes(B3136_DCF)
    assert describe(file).fingerprint == 0x1000020F6014406


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "is no JSON"),
        ("[]", "names neither a fingerprint nor a target"),
        ('{"fingerprint": "large"}', "'large' is no fingerprint"),
        ('{"fingerprint": true}', "True is no fingerprint"),
        ('{"fingerprint": "0x10101000016010407"}', "is no fingerprint"),
        ('{"target": "DPUCZDX8G_ISA1_B4097"}', "there is no DPU target"),
    ],
)
def test_an_arch_json_that_says_nothing_is_an_error(tmp_path: Path, text: str, what: str) -> None:
    """No JSON, no fingerprint, no known target: the error says which."""
    file = tmp_path / "arch.json"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        describe(file)
    assert what in caught.value.what


def compiled(*values: int) -> bytes:
    """Return a model with a DPU subgraph for each fingerprint."""
    graph = xir.Graph(graph_name="net")
    for n, value in enumerate(values):
        child = graph.subg_root.subg_child.add(subgraph_name=f"part{n}")
        child.subg_attr["dpu_fingerprint"].uint64_value = value
        child.subg_attr["dpu_name"].string_value = "DPUCZDX8G_ISA1_B4096"
    return bytes(graph.SerializeToString())


def test_an_xmodel_says_what_it_is_compiled_for(tmp_path: Path) -> None:
    """The fingerprints of all its DPU subgraphs; different ones are noted, none at all is an error."""
    file = tmp_path / "net.xmodel"
    file.write_bytes(compiled(0x101000016010407, 0x101000016010407))
    assert (describe(file).fingerprint, describe(file).others) == (0x101000016010407, ())
    file.write_bytes(compiled(0x101000016010407, 0x101000016010405))
    assert describe(file).notes == ("its subgraphs are for different DPUs",)
    file.write_bytes(compiled())
    with pytest.raises(ConfigError, match="compiled for no DPU"):
        describe(file)
    file.write_bytes(compiled(0x101000016010407)[:-3])
    with pytest.raises(ModelError, match="bytes are announced"):
        describe(file)


def test_real_files_are_described(reference: Path) -> None:
    """Every public file says what it is: the compiled models, and all `arch.json`."""
    assert describe(reference / "xmodel" / "dpu_mnist_classifier.xmodel").fingerprint == 0x101000056010407
    two = describe(reference / "xmodel" / "tf2_custom_op_2.5_zcu102_zcu104_kv260.xmodel")
    assert (two.fingerprint, len(two.facts["subgraphs"])) == (0x101000016010407, 2)
    found = {file.name: describe(file).name for file in (reference / "arch_json").iterdir()}
    assert found["dpu-pynq_v2.5.1_arch_zuboard.json"] == "DPUCZDX8G_ISA1_B800"
    assert found["pyxir_som_dpu_3136.json"] == "DPUCZDX8G_ISA0_B3136_MAX_BG2"


@pytest.mark.parametrize(
    ("thing", "kind", "target"),
    [
        ("B2304", "target name", "DPUCZDX8G_ISA1_B2304"),
        ("0x101000016010405", "fingerprint", "DPUCZDX8G_ISA1_B2304"),
        ("101000016010405", "fingerprint", "DPUCZDX8G_ISA1_B2304"),
        ("0x700000000000000", "fingerprint", "DPUCADF8H_ISA0"),
        ("V70_2x3_Overlay", "target name", "V70_2x3_Overlay"),
        ("0x101000017010405", "fingerprint", "DPUCZDX8G_ISA1_B2304_0101000017010405"),
    ],
)
def test_words_are_described(thing: str, kind: str, target: str) -> None:
    """A name or a fingerprint, of whichever DPU, says what it is, ready for JSON."""
    found = describe(thing).as_dict()
    assert (found["kind"], found["target"]) == (kind, target)
    json.dumps(found)


def test_the_nearest_named_target_is_noted() -> None:
    """A configuration that no release names says how the nearest one differs; one of ISA0, what to do about the open compiler."""
    assert "DPUCZDX8G_ISA1_B2304 (0x101000016010405) differs in RAM usage (high, low)" in describe("0x101000017010405").notes[0]
    assert "DPU-PYNQ 2.5.1 or later" in describe("DPUCZDX8G_ISA0_B4096_MAX").notes[-1]


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    """A file whose name does not say its kind is understood by how it begins; one that is not there is an error."""
    for name, data, kind in (("a", design(CORE), "hwh"), ("b", B3136_DCF, "dcf"), ("c", b'{"target":"B512"}', "arch.json")):
        (tmp_path / name).write_bytes(data)
        assert describe(tmp_path / name).kind == kind
    with pytest.raises(ConfigError, match="there is no file"):
        describe(tmp_path / "none.hwh")

"""Hardware: `dcf`, `arch`, and the predicted `latency` on a board."""

import json
from pathlib import Path

import pytest
from cli_nets import net2bit, refused, said

B4096 = "0x101000016010407"
HWH = """<EDKSYSTEM EDWVERSION="1.2"><SYSTEMINFO DEVICE="xczu3eg" NAME="none"/><MODULES>
<MODULE FULLNAME="/zynq" INSTANCE="zynq" VLNV="xilinx.com:ip:zynq_ultra_ps_e:3.3"/></MODULES></EDKSYSTEM>"""


@pytest.mark.parametrize("thing", ["DPUCZDX8G_ISA1_B4096", "dpuczdx8g_isa1_b4096", "B4096", B4096, B4096.removeprefix("0x")])
def test_names_sizes_and_fingerprints_mean_the_same(thing: str) -> None:
    """A target name, a size alone and a fingerprint, in either case and with or without 0x, are one DPU."""
    found = json.loads(said("arch", thing, "--json"))
    assert (found["fingerprint"], found["arch"], found["generation"]) == (B4096, "B4096", "ISA1")
    assert found["others"] in ({"0x101000056010407": "3.0 and 3.5"}, {})
    assert any("take the fingerprint of the hardware" in note for note in found["notes"]) == bool(found["others"])


def test_arch_json_is_written_and_read(made: Path, tmp_path: Path) -> None:
    """`-o` writes what the compiler takes, and `arch` reads it back; so it does a compiled model."""
    said("arch", "B1152", "-o", tmp_path / "arch.json")
    assert json.loads((tmp_path / "arch.json").read_text()) == {"fingerprint": "0x101000016010203"}
    for thing in (tmp_path / "arch.json", made / "small.xmodel"):
        assert json.loads(said("arch", thing, "--json"))["arch"] == "B1152"
    said("compile", made / "small_int.xmodel", "--target", tmp_path / "arch.json", "-o", tmp_path / "small.xmodel")
    assert (tmp_path / "small.xmodel").read_bytes() == (made / "small.xmodel").read_bytes()


def test_another_family_is_named_not_described() -> None:
    """A DPU of another family is told by its name; the compiler refuses it."""
    assert json.loads(said("arch", "DPUCADF8H_ISA0", "--json"))["target"] == "DPUCADF8H_ISA0"


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        ("B4069", "did you mean"),
        ("0x12345", "0x12345"),
        ("0x10100001601040f", "bits 0-3"),
        ("absent.hwh", "absent.hwh"),
        ("absent.json", "absent.json"),
        ("absent.dcf", "absent.dcf"),
        ("absent/file", "there is no file absent/file"),
        ("0xabcg", "is no fingerprint"),
        ("/", "is a folder"),
    ],
)
def test_what_is_no_hardware_is_named(thing: str, message: str) -> None:
    """An unknown name, an impossible fingerprint, a missing file: each a message with a way out."""
    assert message in refused("arch", thing)


def test_a_design_says_what_it_takes(reference: Path) -> None:
    """Of a real design all is told: options, resources, board; of a fingerprint only what a compiled network depends on."""
    design = reference / "hwh" / "B4096x1_Xilinx_v2023.1_ip41_1f1c318.hwh"
    found = json.loads(said("arch", design, "--json"))
    assert (found["resources"]["dsp"], found["cores"], found["facts"]["ip"]) == (710, 1, "4.1")
    assert "uram 5, 17, 1" in " ".join(said("arch", design).split())
    found = json.loads(said("arch", "0x101000017010405", "--json"))
    assert (found["resources"], found["cores"], "dsp48" in found["configuration"]) == (None, None, False)
    assert "differs in RAM usage" in said("arch", "0x101000017010405")


def test_a_design_without_a_dpu_is_refused(tmp_path: Path) -> None:
    """A hardware design without a DPU, and a file that is none, are refused, and nothing is written."""
    (tmp_path / "none.hwh").write_text(HWH)
    (tmp_path / "text.hwh").write_text("no xml")
    for name in ("none", "text"):
        assert f"{name}.hwh" in refused("dcf", tmp_path / f"{name}.hwh", "-o", tmp_path / "dpu.dcf")
    assert not (tmp_path / "dpu.dcf").exists()


def test_real_designs_give_a_dcf_that_says_the_same(reference: Path, tmp_path: Path) -> None:
    """The dcf of a real design describes the DPU that the design does: architecture, cores and fingerprint."""
    for design in sorted((reference / "hwh").glob("*ip32*.hwh")):
        found = json.loads(said("dcf", design, "-o", tmp_path / "dpu.dcf", "--json"))
        assert (tmp_path / "dpu.dcf").stat().st_size == found["bytes"]
        one, two = (json.loads(said("arch", thing, "--json")) for thing in (design, tmp_path / "dpu.dcf"))
        assert (one["fingerprint"], one["cores"]) == (two["fingerprint"], two["cores"])
        assert design.name.startswith(f"{one['arch']}x{one['cores']}_")


def test_latency_is_predicted_layer_by_layer(made: Path) -> None:
    """Text says that it is a prediction and lists every layer; JSON has the band around the figure and adds up."""
    text = said("latency", made / "small.xmodel", "--board", "kv260")
    assert text.startswith("predicted")
    assert "second" in text
    found = json.loads(said("latency", made / "small.xmodel", "--board", "kv260", "--cores", "2", "--json"))
    assert found["low_ms"] < found["ms"] < found["high_ms"]
    assert [one["cores"] for one in found["fps"]] == [1, 2]
    assert sum(layer["cycles"] for layer in found["layers"]) <= found["cycles"] + 1
    assert found["kernel"]["instructions"] > 0


def test_a_board_that_is_too_small_is_noted(made: Path, tmp_path: Path) -> None:
    """A DPU that the board cannot hold is predicted all the same, with a note that names what lacks; none where it fits."""
    said("compile", made / "small_int.xmodel", "--target", "B4096", "-o", tmp_path / "big.xmodel")
    for board, words in (("ultra96v2", "582 of 360 DSP slices"), ("pynq_z2", "Zynq-7000"), ("kv260", "")):
        done = net2bit("latency", tmp_path / "big.xmodel", "--board", board)
        assert done.exit_code == 0
        assert words in done.stderr
        assert bool(words) == bool(done.stderr)
    (tmp_path / "mine.yaml").write_text("{name: mine, memory: {gbytes_per_second: 19.2, ports_bits: 128}, resources: {lut: 1}}")
    assert "'ff'" in refused("latency", tmp_path / "big.xmodel", "--board", tmp_path / "mine.yaml")


def test_a_faster_clock_is_faster(made: Path) -> None:
    """Twice the clock takes less time, and not less than half."""
    slow, fast = (
        json.loads(said("latency", made / "small.xmodel", "--board", "ultra96v2", "--clock", clock, "--json"))["ms"] for clock in (150, 300)
    )
    assert slow / 2 <= fast < slow


def test_the_timeline_is_drawn(made: Path, tmp_path: Path) -> None:
    """`--timeline` writes an SVG that stands alone and names the layers."""
    said("latency", made / "small.xmodel", "--board", "zcu104", "--timeline", tmp_path / "run.svg")
    text = (tmp_path / "run.svg").read_text("utf-8")
    assert text.startswith("<svg ")
    assert "relu" in text
    assert "(predicted)" in text


def test_boards_come_from_files_too(made: Path, tmp_path: Path) -> None:
    """A board's file gives what its name gives; an unknown board is answered with the known ones, a wrong file with what it lacks."""
    (tmp_path / "mine.yaml").write_text("name: mine\nmemory: {gbytes_per_second: 19.2, ports_bits: 128}\n")
    assert "on mine" in said("latency", made / "small.xmodel", "--board", tmp_path / "mine.yaml")
    assert "did you mean: kv260" in refused("latency", made / "small.xmodel", "--board", "kv26")
    (tmp_path / "wrong.yaml").write_text("name: wrong\n")
    assert "'memory'" in refused("latency", made / "small.xmodel", "--board", tmp_path / "wrong.yaml")
    (tmp_path / "worse.yaml").write_text("[name")
    assert "worse.yaml" in refused("latency", made / "small.xmodel", "--board", tmp_path / "worse.yaml")
    (tmp_path / "bytes.yaml").write_bytes(bytes(range(256)))
    assert "it is no text" in refused("latency", made / "small.xmodel", "--board", tmp_path / "bytes.yaml")
    assert "nowhere.yaml" in refused("latency", made / "small.xmodel", "--board", tmp_path / "nowhere.yaml")

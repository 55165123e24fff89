"""Looking at compiled models: `inspect`, `disasm`, `check`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_nets import net2bit, refused, said

from net2bit.cli import reference

COMMANDS = ("dcf", "arch", "quantize", "compile", "inspect", "disasm", "check", "run", "latency")


@pytest.fixture
def mnist(request: pytest.FixtureRequest) -> Path:
    """Return the vendor's compiled MNIST."""
    return Path(request.getfixturevalue("reference")) / "xmodel" / "dpu_mnist_classifier.xmodel"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """`--help` says what a command does and shows examples that call it."""
    text = said(command, "--help")
    assert "Examples:" in text
    assert f"net2bit {command} " in text


def test_all_commands_are_listed() -> None:
    """`net2bit --help` lists every command there is."""
    text = said("--help")
    assert all(f"  {command} " in text for command in COMMANDS)


def test_the_reference_says_what_the_commands_say() -> None:
    """docs/reference/cli.md is what `python -m net2bit.cli.reference` makes of the commands."""
    assert (reference.HOME / reference.PAGE).read_text("utf-8") == reference.page(), "run: python -m net2bit.cli.reference"


def test_help_imports_nothing_heavy() -> None:
    """Help is there at once: no command's libraries are loaded for it."""
    script = (
        "import sys; from net2bit.cli.app import app; app(['run', '--help'], standalone_mode=False); "
        "sys.exit(bool({'numpy', 'torch', 'google.protobuf', 'h5py', 'hydra'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_mistake_in_the_words_is_status_two() -> None:
    """An unknown command, an unknown option or a missing argument ends with status 2 and a hint, not a traceback."""
    assert "inspect" in refused("inspekt", "x.xmodel", status=2)
    assert "--jsn" in refused("inspect", "x.xmodel", "--jsn", status=2)
    assert "MODEL.xmodel" in refused("check", status=2)


def test_the_installed_command_fails_with_a_message(tmp_path: Path) -> None:
    """A real process ends with status 1, a message on standard error that names the file, and no traceback."""
    program = [sys.executable, "-c", "from net2bit.cli.app import main; main()"]
    done = subprocess.run([*program, "inspect", str(tmp_path / "no.xmodel")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ERROR: ")
    assert "no.xmodel" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_told() -> None:
    """`--version` names program and version."""
    assert said("--version").startswith("net2bit ")


def test_inspect_says_what_a_compiled_model_holds(made: Path) -> None:
    """Devices, target, fingerprint, code and tensors of a model of our own, as text and as JSON."""
    text = said("inspect", made / "small.xmodel")
    assert "B1152" in text
    assert "1 x 16 x 16 x 3" in text
    found = json.loads(said("inspect", made / "small.xmodel", "--json"))
    dpu = next(one for one in found["subgraphs"] if one["device"] == "DPU")
    assert sum(dpu["instructions"].values()) > 0
    assert dpu["fingerprint"].startswith("0x1010000")
    assert [one["shape"] for one in dpu["outputs"]] == [[1, 8, 8, 5]]
    assert dpu["layers"]


def test_inspect_takes_a_model_that_is_not_compiled(made: Path) -> None:
    """A quantized network is described too, without hardware."""
    found = json.loads(said("inspect", made / "small_int.xmodel", "--json"))
    assert not found["compiled"]
    assert found["inputs"][0]["shape"] == [1, 16, 16, 3]


def test_inspect_reads_the_vendors_file(mnist: Path) -> None:
    """The vendor's MNIST: its fingerprint, its 230 instructions, its registers."""
    dpu = json.loads(said("inspect", mnist, "--json"))["subgraphs"][1]
    assert dpu["fingerprint"] == "0x101000056010407"
    assert sum(dpu["instructions"].values()) == 230
    assert [one["size"] for one in dpu["registers"]] == [712704, 5536, 784, 16]


def test_disasm_shows_the_vendors_program(mnist: Path) -> None:
    """Instruction 29 of the vendor's MNIST waits for LOAD and convolves with one channel group, 13 channels of it empty."""
    line = next(line for line in said("disasm", mnist, "--full").splitlines() if line.split()[:1] == ["29"])
    assert line.split()[1:5] == ["L-C-", ">", "--C-", "CONV"]
    assert "channel_offset=13" in line


def test_disasm_folds_runs_of_loads(mnist: Path) -> None:
    """The listing names every instruction once, in order, and is much shorter than the program: loads that go on are one line."""
    rows = [line.split()[0].split("-") for line in said("disasm", mnist).splitlines()[1:]]
    runs = [range(int(row[0]), int(row[-1]) + 1) for row in rows]
    assert [index for run in runs for index in run] == list(range(230))
    assert len(runs) < 115
    last = said("disasm", mnist, "--first", "228").splitlines()[1:]
    assert last == said("disasm", mnist).splitlines()[-len(last) :]


@pytest.mark.parametrize("full", [(), ("--full",)])
def test_disasm_chooses_instructions(made: Path, full: tuple[str, ...]) -> None:
    """`--engine`, `--first` and `--count` narrow the listing; layers stand above their instructions."""
    text = said("disasm", made / "small.xmodel", "--engine", "C", "--count", "3", *full)
    shown = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(shown) == 3
    assert all("CONV" in line for line in shown)
    assert "# layer " in text
    assert "letters of LSCM" in refused("disasm", made / "small.xmodel", "--engine", "LX", status=2)


def test_disasm_as_json_holds_every_field(made: Path) -> None:
    """The JSON listing can be assembled again: every instruction with all of its fields."""
    (program,) = json.loads(said("disasm", made / "small.xmodel", "--json")).values()
    assert program[-1]["name"] == "END"
    assert [one["index"] for one in program] == list(range(len(program)))
    assert all("kernel_h" in one["fields"] for one in program if one["name"] == "CONVINIT")


def test_check_finds_our_program_sound(made: Path) -> None:
    """A program of our compiler has no finding."""
    assert "0 findings" in said("check", made / "small.xmodel")


def test_check_finds_the_vendors_program_sound(mnist: Path) -> None:
    """The vendor's program has no finding either: the rules are the hardware's, not ours."""
    assert json.loads(said("check", mnist, "--json"))["sound"]


def test_check_ends_with_status_one_on_a_fault(made: Path, tmp_path: Path) -> None:
    """A program with one dependency bit taken away is found out, and the status says so."""
    from net2bit.dpu.isa import assemble  # noqa: PLC0415 - this test alone spoils a program
    from net2bit.dpu.model import dpu_nodes, load  # noqa: PLC0415
    from net2bit.xir.xmodel import read, write  # noqa: PLC0415

    graph = read(made / "small.xmodel")
    program = load(graph)[0].program
    waiting = next(one for one in program if one.on & ~one.engine)
    waiting.on = int(waiting.engine)
    node = next(iter(dpu_nodes(graph)))
    node.attrs["mc_code"] = assemble(program)
    write(graph, tmp_path / "spoiled.xmodel")
    done = net2bit("check", tmp_path / "spoiled.xmodel", "--json")
    assert done.exit_code == 1
    assert {one["kind"] for one in json.loads(done.stdout)["subgraphs"][0]["findings"]} >= {"hazard"}


def test_a_truncated_model_is_named(made: Path, tmp_path: Path) -> None:
    """A file cut off anywhere is one message that names it."""
    whole = (made / "small.xmodel").read_bytes()
    for size in (0, 3, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.xmodel").write_bytes(whole[:size])
        for command in ("inspect", "disasm", "check"):
            assert "cut.xmodel" in refused(command, tmp_path / "cut.xmodel")


def test_a_model_of_the_older_generation_is_told_apart(made: Path, tmp_path: Path) -> None:
    """Of a model for ISA0 hardware one can learn what it is; its code, which is another language, is refused by name."""
    from net2bit.dpu.model import dpu_nodes  # noqa: PLC0415 - this test alone changes a fingerprint
    from net2bit.xir.xmodel import read, write  # noqa: PLC0415

    graph = read(made / "small.xmodel")
    next(iter(dpu_nodes(graph))).attrs["dpu_fingerprint"] = 0x1000020F6014407
    write(graph, tmp_path / "old.xmodel")
    assert "0x1000020f6014407" in said("inspect", tmp_path / "old.xmodel")
    assert json.loads(said("arch", tmp_path / "old.xmodel", "--json"))["generation"] == "ISA0"
    for words in (("disasm",), ("check",), ("latency", "--board", "kv260"), ("run", "--input", made / "x.npy")):
        assert "ISA1" in refused(words[0], tmp_path / "old.xmodel", *words[1:])


def test_code_that_is_wanted_and_absent_is_an_error(made: Path) -> None:
    """Commands on machine code refuse a model without any, and say how to make it."""
    for command in ("disasm", "check"):
        assert "net2bit compile" in refused(command, made / "small_int.xmodel")

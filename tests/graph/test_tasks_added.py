"""One file per addition: a variant, a board, a stage or a toolchain is one new file, and `doit` knows it. Real processes in a copy."""

import subprocess
from pathlib import Path

import pytest
from copied_project import CopiedProject

STAGE = '''"""Prune the network."""

from net2bit.graph.kind import Kind, Op

KINDS = (Kind("mask.json", "What was pruned"),)
OPS = (
    Op(
        name="prune",
        title="Prune the weights",
        needs=("weights.h5", "dataset.h5"),
        makes=("weights.h5", "mask.json"),
        run="pruning:run",
    ),
)
'''
TOOLCHAIN = '''"""Another vendor's quantizer and compiler."""

from net2bit.graph.kind import Op

TITLE = "one tool that does everything"
OPS = (
    Op(
        name="vendor",
        title="Quantize with the vendor's tool",
        needs=("frozen.pb", "dataset.h5"),
        makes=("int.xmodel", "positions.json", "float.xmodel"),
        run="vendor:run",
    ),
    Op(
        name="vendor_compile",
        title="Compile with the vendor's tool",
        needs=("int.xmodel", "arch.json"),
        makes=("xmodel", "meta.json", "md5sum.txt", "kernel.info"),
        run="vendor:compile",
    ),
)
'''


OWN = '''"""A stage of the user's."""

from net2bit.graph.kind import Kind, Op

KINDS = (Kind("seed.txt", "The seed as text"),)
OPS = (Op(name="seed", title="Write the seed", makes=("seed.txt",), run="own_code:run", reads=("train.seed",)),)
'''
OWN_CODE = '''"""The work of a stage of the user's."""

from own_words import spell


def run(job):
    """Write the seed in words."""
    job.outputs["seed.txt"].write_text(spell(job.config["train"]["seed"]))
'''


class Copy(CopiedProject):
    """A copy of the project's declarations, with doit run in it as a user does."""

    def __init__(self, folder: Path) -> None:
        """Copy what a user may add to."""
        super().__init__(folder, "dodo.py")

    def add(self, path: str, text: str) -> None:
        """Write one new file."""
        assert not (self.folder / path).exists()
        self.write(path, text)

    def doit(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run plain doit."""
        return self.python("-m", "doit", *words, **environ)

    def listed(self, *words: str) -> dict[str, str]:
        """Return task -> title, as `doit list` shows them."""
        done = self.doit("list", *words)
        assert done.returncode == 0, done.stderr
        return {name: text.strip() for name, text in (line.split(None, 1) for line in done.stdout.splitlines())}


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Return a fresh copy."""
    return Copy(tmp_path)


def test_a_model_variant_is_one_file(copy: Copy) -> None:
    """A YAML file in experiments/model is a variant, and its files carry its name."""
    copy.add("experiments/model/tiny.yaml", "defaults: [unet, _self_]\nname: tiny\nwidth: 0.125\n")
    assert "tiny_int.xmodel" in copy.listed("model=tiny")


def test_a_board_is_one_file(copy: Copy) -> None:
    """A YAML file in experiments/board is a board; `doit list` takes it, and a misspelt one is named with the choices."""
    copy.add("experiments/board/u96v1.yaml", "defaults: [ultra96v2, _self_]\nname: u96v1\ntitle: Ultra96-V1\npart: xczu3eg-sbva484-1-e\n")
    assert "weights.h5" in copy.listed("board=u96v1")
    refused = copy.doit("list", "board=u96v3")
    assert refused.returncode == 3
    assert "did you mean: board=u96v1" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_stage_is_one_file(copy: Copy) -> None:
    """A Python file in tasks/stages is a stage; one that refines the weights slips in between training and freezing."""
    copy.add("tasks/stages/prune.py", STAGE)
    listed = copy.listed()
    assert (listed["weights.h5"], listed["weights.h5@train"]) == ("Prune the weights", "Train the network")
    assert listed["mask.json"] == "Made with weights.h5"


def test_a_toolchain_is_one_file(copy: Copy) -> None:
    """A Python file in tasks/toolchains is a toolchain, chosen by its name; shared stages stay."""
    copy.add("tasks/toolchains/vendor.py", TOOLCHAIN)
    listed = copy.listed("toolchain.name=vendor")
    assert listed["unet_int.xmodel"] == "Quantize with the vendor's tool"
    assert listed["unet.xmodel"] == "Compile with the vendor's tool"
    assert listed["weights.h5"] == "Train the network"


def test_a_mistake_in_words_is_an_error_of_doits(copy: Copy) -> None:
    """A misspelt key stops plain doit with one message and status 3, before anything runs."""
    refused = copy.doit("dpu.sise=b512")
    assert refused.returncode == 3
    assert refused.stderr == (
        "ERROR: there is no key 'dpu.sise'\n"
        "  where: dpu.sise=b512\n"
        "  did you mean: dpu.size=b512\n"
        "  remedy: docs/reference/config.md lists all keys\n"
    )


def test_a_faulty_declaration_is_an_error_of_doits(copy: Copy) -> None:
    """Two makers of one kind stop plain doit with a message that names both files."""
    copy.add("tasks/stages/twice.py", STAGE.replace('"weights.h5", "dataset.h5"', '"dataset.h5",').replace("mask", "other"))
    refused = copy.doit("list")
    assert "'weights.h5' has more than one maker: train, prune" in refused.stderr
    assert "tasks/stages/twice.py" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_users_stage_brings_its_code(copy: Copy, tmp_path: Path) -> None:
    """A stage in a folder of NET2BIT_TASKS runs the code beside it, and a change of that code is seen."""
    own = tmp_path / "own"
    (own / "stages").mkdir(parents=True)
    (own / "stages" / "seed.py").write_text(OWN)
    (own / "own_code.py").write_text(OWN_CODE)
    results = []
    for words in ("f'seed {seed}'", "f'another {seed}'"):
        (own / "own_words.py").write_text(f"def spell(seed):\n    return {words}\n")
        done = copy.doit("flow.goals=[seed.txt]", NET2BIT_TASKS=str(own))
        assert done.returncode == 0, done.stderr
        results.append((tmp_path / "dist" / "default" / "seed.txt").read_text())
    assert results == ["seed 0", "another 0"]

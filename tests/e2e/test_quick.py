"""The whole flow in small, on real files, from the first image to the report: the laws that no single part can show."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("experiment=quick", "cache.enabled=false")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Tree:
    """A copy of the project's files, driven by its front door."""

    def __init__(self, folder: Path) -> None:
        """Copy what a clone would hold."""
        self.folder = folder
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 - git made the checkout
        for name in listed.stdout.splitlines():
            if name.split("/")[0] in {"dodo.py", "experiments", "net2bit", "schemas", "tasks", "templates"} and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)

    def command(self, *words: str) -> list[str]:
        """Return the command that `./doitw` becomes."""
        return [sys.executable, "-m", "net2bit.graph.front", *WORDS, *words]

    @property
    def environ(self) -> dict[str, str]:
        """The environment of its processes: its own code first."""
        return {**os.environ, "PYTHONPATH": str(self.folder), "NO_COLOR": "1", "NET2BIT_CACHE_DIR": str(self.folder / "cache")}

    def run(self, *words: str) -> str:
        """Build and return what was printed."""
        done = subprocess.run(self.command(*words), cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def digests(self) -> dict[str, str]:
        """Return path -> SHA-256 of every file that was built."""
        files = [path for path in (self.folder / "build").rglob("*") if path.is_file() and not path.name.startswith(".")]
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Return a tree in which the quick experiment is built."""
    tree = Tree(tmp_path_factory.mktemp("first"))
    tree.run()
    return tree


def test_two_clean_builds_give_the_same_bytes(first: Tree, tmp_path: Path) -> None:
    """Law 1: a second clean build, killed in the middle of the training and taken up again, gives every file byte for byte."""
    other = Tree(tmp_path)
    process = subprocess.Popen(other.command(), cwd=other.folder, env=other.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not list((other.folder / ".net2bit/scratch").glob("*/*")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    said = other.run()
    assert "-- images" in said
    assert other.digests() == first.digests()


def test_second_build_does_nothing(first: Tree) -> None:
    """After a build there is nothing to do, and nothing is written."""
    before = first.digests()
    lines = first.run().splitlines()
    assert lines[-1].endswith("up to date")
    assert all(line.startswith("-- ") for line in lines[:-1])
    assert first.digests() == before


def _ran(said: str) -> list[str]:
    """Return the stages that a build ran."""
    return [line.split()[1].rstrip(":") for line in said.splitlines() if line.startswith(".  ")]


def test_one_knob_rebuilds_what_is_stale_and_no_more(first: Tree) -> None:
    """Another way to choose fix positions leaves data, training and freezing alone; going back runs nothing."""
    said = first.run("quant.method=non_overflow")
    ran = _ran(said)
    assert ran[0] == "positions.json"
    followers = {"unet_int.xmodel", "ladder.json", "accuracy.json", "unet.xmodel", "simulation.json", "latency.json", "report.html"}
    assert set(ran) <= {"positions.json", *followers}
    other = (first.folder / "dist/quick/report.html").read_text(encoding="utf-8")
    assert ".  " not in first.run()
    assert (first.folder / "dist/quick/report.html").read_text(encoding="utf-8") != other, "the page went back too"


def test_another_dpu_compiles_again_and_no_more(first: Tree) -> None:
    """For another DPU the hardware's files, the compiled network and what follows are made; data, training and quantization stay."""
    ran = _ran(first.run("dpu=b1152"))
    assert set(ran) == {"target.json", "arch.json", "unet.xmodel", "simulation.json", "latency.json", "report.html"}
    simulation = json.loads((first.folder / "dist/quick/simulation.json").read_text(encoding="utf-8"))
    assert simulation["different"] == 0
    assert ".  " not in first.run()


def test_another_clock_does_not_compile_again(first: Tree) -> None:
    """The clock decides the prediction, not the machine code."""
    assert set(_ran(first.run("dpu.clock_mhz=100"))) == {"target.json", "latency.json", "report.html"}
    assert ".  " not in first.run()


def test_machine_code_is_bit_equal_to_the_integer_network(first: Tree) -> None:
    """The compiled network, executed instruction by instruction, gives every output byte of the integer network, and its Dice."""
    folder = first.folder / "dist/quick"
    simulation, ladder = (json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("simulation", "ladder"))
    assert (simulation["different"], simulation["images"]) == (0, ladder["images"])
    assert simulation["bytes"] > 0
    assert simulation["dice"] == ladder["rungs"][-1]["dice"]


def test_fingerprints_agree_from_hardware_to_prediction(first: Tree) -> None:
    """Hardware description, compiled network and prediction speak of one and the same DPU."""
    folder = first.folder / "dist/quick"
    found = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("arch", "simulation", "latency")}
    prints = {int(found["arch"]["fingerprint"], 16), int(found["simulation"]["fingerprint"], 16)}
    assert prints == {int(found["latency"]["kernel"]["fingerprint"], 16)}


def test_report_carries_the_facts_of_the_runs(first: Tree) -> None:
    """dist/ holds every chosen artifact under its plain name, and the report there shows what the stages took."""
    folder = first.folder / "dist/quick"
    for name in ("weights.h5", "frozen.pb", "unet_int.xmodel", "ladder.json", "arch.json", "dpu.dcf", "unet.xmodel", "unet_kernel.info"):
        assert (folder / name).resolve().is_file(), name
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "peak" in page
    assert page != next(first.folder.glob("build/report.html/*/report.html")).read_text(encoding="utf-8")


def test_integer_network_is_bit_equal_to_the_fake_quantized_one(first: Tree) -> None:
    """Law 4: the last rung of the ladder differs from the one before by exactly nothing."""
    ladder = json.loads((first.folder / "dist/quick/ladder.json").read_text(encoding="utf-8"))
    assert ladder["rungs"][-1]["name"] == "integer"
    assert ladder["rungs"][-1]["difference"]["previous"] == 0


def test_every_artifact_has_a_manifest(first: Tree) -> None:
    """Every stage kept what it was made from: inputs, slice, tools, time and memory."""
    with sqlite3.connect(first.folder / ".net2bit/store.db") as db:
        manifests = [json.loads(text) for (text,) in db.execute("SELECT manifest FROM records")]
    assert {
        "train",
        "freeze",
        "convert",
        "calibrate",
        "quantize",
        "verify",
        "arch",
        "target",
        "compile",
        "simulate",
        "latency",
        "report",
    } <= {one["op"]["name"] for one in manifests}
    for one in manifests:
        assert one["tools"]["python"]
        assert one["took"]["seconds"] > 0
        assert one["took"]["peak"] > 0
        assert {"inputs", "config", "outputs", "code"} <= set(one)

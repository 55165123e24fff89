"""The stages behind the quantizer, one after the other on a small network: hardware, compiler, simulation, latency."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from net2bit.data.packed import write_packed
from net2bit.dpu import stage_compile, stage_latency, stage_simulate
from net2bit.dpu.model import dpu_nodes, load
from net2bit.dpu.target import stage as stage_target
from net2bit.errors import ConfigError, StageError
from net2bit.job import Job
from net2bit.quant import calibrate, quantize
from net2bit.xir import build
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read, write

CLASSES = ["background", "person", "car"]
DPU: dict[str, Any] = {
    "name": "b512",
    "size": "b512",
    "cores": 1,
    "max_subgraphs": 1,
    "clock_mhz": 150.0,
    "release": "2.5.1",
    "options": {
        "ram_usage": "low",
        "channel_augmentation": True,
        "depthwise": True,
        "average_pool": True,
        "elementwise_multiply": False,
        "relu": "relu_leakyrelu_relu6",
        "alu_relu": "relu_relu6",
        "alu_parallel": "default",
        "argmax": False,
        "dsp48": "auto",
        "uram": "auto",
        "low_power": False,
        "softmax": False,
    },
}
BOARD: dict[str, Any] = {
    "name": "mine",
    "title": "A board",
    "part": "xczu3eg",
    "family": "zynq_ultrascale_plus",
    "resources": {"lut": 70560, "ff": 141120, "bram36": 216, "uram": 0, "dsp": 360},
    "memory": {"gbytes_per_second": 4.264, "ports_bits": 128},
    "dpu_pynq": {"2.5.1": "Ultra96v2"},
}
CONFIG: dict[str, Any] = {
    "quant": {
        "method": "min_error",
        "calibration": {"images": 4, "split": "train", "seed": 0},
        "rounding": {"weights": "half_even", "activations": "half_up"},
        "limits": {},
    },
    "compile": {"effort": "fast"},
    "verify": {"images": None, "simulated": None, "engine": "exact"},
    "dataset": {"classes": CLASSES},
    "dpu": DPU,
    "board": BOARD,
}
COMPILED = ("xmodel", "meta.json", "md5sum.txt", "kernel.info")


class Bench:
    """A folder in which stages run: every kind is the file of that name."""

    def __init__(self, folder: Path) -> None:
        """Write the data set and the quantized network."""
        self.folder = folder
        random = np.random.default_rng(3)
        with write_packed(folder / "dataset.h5", tuple(CLASSES), (12, 10)) as writer:
            for split in ("train", "val"):
                writer.begin(split, 4, 8)
                for index in range(4):
                    image, labels = random.integers(0, 256, (12, 10, 3), np.uint8), random.integers(0, 3, (12, 10), np.uint8)
                    writer.put(split, index, f"{split}{index}", image, labels)
        write(_float(random), folder / "float.xmodel")
        self.run(calibrate.run, ("positions.json",), ("float.xmodel", "dataset.h5"))
        self.run(quantize.run, ("int.xmodel",), ("float.xmodel", "positions.json"))

    def run(self, stage: Callable[[Job], None], makes: tuple[str, ...], needs: tuple[str, ...] = (), **changed: Any) -> Any:
        """Run a stage; return its first product, parsed where it is JSON."""
        inputs, outputs = ({name: self.folder / name for name in names} for names in (needs, makes))
        stage(Job({**CONFIG, **changed}, inputs, outputs, self.folder / "scratch"))
        made = outputs[makes[0]]
        return json.loads(made.read_text("utf-8")) if made.suffix == ".json" else made

    def hardware(self, **changed: Any) -> dict[str, Any]:
        """Make `arch.json` and the rest of the hardware's files; return `target.json`."""
        self.run(stage_target.arch, ("arch.json",), dpu={**DPU, **changed})
        return dict(self.run(stage_target.run, ("target.json", "dpu.dcf"), dpu={**DPU, **changed}))

    def compile(self, **changed: Any) -> bytes:
        """Compile; return the file's bytes."""
        return bytes(self.run(stage_compile.run, COMPILED, ("int.xmodel", "arch.json"), **changed).read_bytes())

    def simulate(self, **changed: Any) -> dict[str, Any]:
        """Execute on the validation set."""
        return dict(self.run(stage_simulate.run, ("simulation.json",), ("xmodel", "int.xmodel", "arch.json", "dataset.h5"), **changed))

    def latency(self) -> dict[str, Any]:
        """Predict."""
        return dict(self.run(stage_latency.run, ("latency.json",), ("xmodel", "target.json")))


def _float(random: np.random.Generator) -> Graph:
    """Return two 3x3 convolutions with a ReLU in between."""
    graph = Graph("small")
    image = build.data(graph, "image", (1, 12, 10, 3))
    weights = random.normal(size=(9, 3, 3, 3)) / 5, random.normal(size=(3, 3, 3, 9)) / 9
    first = build.conv2d(graph, "first", image, weights[0], random.normal(size=9) * 0.1, pad=[1] * 4)
    relu = build.place(graph, "relu", "relu", {"input": [first]})
    build.conv2d(graph, "second", relu, weights[1], random.normal(size=3) * 0.1, pad=[1] * 4)
    return graph


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench with a compiled network."""
    made = Bench(tmp_path)
    made.hardware()
    made.compile()
    return made


def test_a_network_goes_from_codes_to_a_prediction(bench: Bench) -> None:
    """Machine code equals the integer network on every image; the prediction has a band; all speak of one fingerprint."""
    found, latency = bench.simulate(), bench.latency()
    assert (found["images"], found["different"], found["bytes"]) == (4, 0, 4 * 12 * 10 * 3)
    assert sum(map(sum, found["confusion"])) == 4 * 12 * 10
    assert latency["low_ms"] < latency["ms"] < latency["high_ms"]
    assert [layer["name"] for layer in latency["layers"]] == ["relu", "second"]
    assert {found["fingerprint"], latency["kernel"]["fingerprint"]} == {"0x101000016010200"}


def test_compiling_twice_gives_the_same_bytes(bench: Bench) -> None:
    """Law 1 for the compiler, and the files beside say what the model is."""
    before = (bench.folder / "xmodel").read_bytes()
    assert bench.compile() == before
    assert json.loads((bench.folder / "meta.json").read_text())["target"] == "DPUCZDX8G_ISA1_B512"
    assert "DPUKernel" in (bench.folder / "kernel.info").read_text()


def test_macs_of_layers_are_those_of_the_network(bench: Bench) -> None:
    """Each layer's multiply-accumulates are counted without bias and without padding to the hardware's channels."""
    macs = {layer["name"]: layer["macs"] for layer in bench.latency()["layers"]}
    assert macs == {"relu": 12 * 10 * 9 * 27, "second": 12 * 10 * 3 * 81}


def test_fewer_images_can_be_executed(bench: Bench) -> None:
    """`verify.simulated` limits the simulation, `verify.images` both."""
    for limits, count in (({"simulated": 2}, 2), ({"images": 3}, 3), ({"images": 1, "simulated": 2}, 1)):
        assert bench.simulate(verify={**CONFIG["verify"], **limits})["images"] == count


def test_one_wrong_parameter_fails_the_build(bench: Bench) -> None:
    """Another weight in the compiled file: the stage fails and names the image, the tensor and the first place that differs."""
    graph = read(bench.folder / "xmodel")
    node = next(iter(dpu_nodes(graph)))
    values = node.attrs["reg_id_to_parameter_value"]
    blob = bytearray(values["REG_0"])  # type: ignore[index,call-overload]
    at = next(index for index, value in enumerate(blob) if value)
    blob[at] ^= 0x40
    values["REG_0"] = bytes(blob)  # type: ignore[index,call-overload]
    write(graph, bench.folder / "xmodel")
    with pytest.raises(StageError, match="bytes differ") as caught:
        bench.simulate()
    assert "image val0" in caught.value.where
    assert "second" in caught.value.where


def test_code_for_other_hardware_is_refused(bench: Bench) -> None:
    """Compiled for one DPU, described as another: simulation and prediction name both and what differs."""
    target = bench.hardware(size="b1152")
    for stage in (bench.simulate, bench.latency):
        with pytest.raises(ConfigError) as caught:
            stage()
        assert "DPUCZDX8G_ISA1_B512 (0x101000016010200)" in str(caught.value)
        assert "architecture (B512, B1152)" in str(caught.value)
        assert target["fingerprint"] in str(caught.value)


def test_arch_json_holds_what_code_depends_on(bench: Bench) -> None:
    """Clock and cores leave `arch.json` as it is; another architecture changes it, and it agrees with `target.json`."""
    before = (bench.folder / "arch.json").read_bytes()
    bench.hardware(clock_mhz=100.0, cores=2)
    assert (bench.folder / "arch.json").read_bytes() == before
    target = bench.hardware(size="b800")
    assert int(json.loads((bench.folder / "arch.json").read_text())["fingerprint"], 16) == int(target["fingerprint"], 16)
    assert (bench.folder / "arch.json").read_bytes() != before


def test_a_faster_clock_changes_the_prediction_only(bench: Bench) -> None:
    """Twice the clock: another latency, the same compiled bytes."""
    slow, code = bench.latency()["ms"], (bench.folder / "xmodel").read_bytes()
    bench.hardware(clock_mhz=300.0)
    assert bench.compile() == code
    assert bench.latency()["ms"] < slow


def test_timeline_has_every_layer(bench: Bench) -> None:
    """The pictures' data name layers by their place in the list, and both layers work in it."""
    latency = bench.latency()
    owners = {owner for lane in latency["timeline"]["zoom"]["lanes"].values() for *_, owner in lane}
    assert owners - {-1} == {0, 1}
    assert latency["timeline"]["cycles"] == pytest.approx(latency["cycles"], abs=1)


def test_several_parts_follow_each_other(bench: Bench) -> None:
    """A file whose network is there twice takes twice the time, in one timeline."""
    graph, target = read(bench.folder / "xmodel"), json.loads((bench.folder / "target.json").read_text())
    site = stage_latency.site(target)
    once = stage_latency.forecast(graph, site)
    assert graph.root is not None
    graph.root.children.append(next(iter(dpu_nodes(graph))))
    assert len(load(graph)) == 2
    twice = stage_latency.forecast(graph, site)
    assert twice["cycles"] == pytest.approx(2 * once["cycles"], rel=1e-3)
    assert twice["timeline"]["cycles"] == pytest.approx(2 * once["timeline"]["cycles"], rel=1e-3)
    assert twice["kernel"]["subgraphs"] == 2

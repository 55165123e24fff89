"""What the latency model is calibrated on and checked with: published measurements, and the same layers and networks compiled here.

Layers: the vendor's profiles of AlexNet and FCN8 on one core of a ZCU102 (B4096 at 281 MHz: with it the 3x3 convolutions of
one shape and different sizes agree), each layer run alone with its maps in DDR. Networks: frames per second of a KV260 (one
B4096 core at 300 MHz) kept busy by several threads, which is the DPU's time alone: the host's part is hidden behind it. ISA1
images (Vitis AI 2.5). Not in the fit of one core's parameters: two and three cores that share the memory (ZCU104, ZCU102), and
images of ISA0 (older KV260 ones; the Ultra96, B1600 at 287 MHz).
"""

import csv
import statistics
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo import NETWORKS
from zoo.profiled import PROFILED

from net2bit.dpu.latency import Memory

_DDR4, _LPDDR4 = Memory(17.064), Memory(4.264)
BOARDS = {"ZCU102": _DDR4, "ZCU104": _DDR4, "Kria": _DDR4, "Ultra96": _LPDDR4}
"""First word of the board's name -> its DRAM, as `experiments/board` has it."""

ZOO: Mapping[str, Collection[tuple[str, str]]] = {
    "inception_v2": {("cf_inceptionv2_imagenet_224_224_4G", "2.0")},
    "inception_v3": {("pt_inceptionv3_imagenet_299_299_11.4G", "2.5")},
    "mobilenet_v1": {("tf2_mobilenetv1_imagenet_224_224_1.15G", "2.5")},
    "mobilenet_v1_0.25_128": {("tf_mobilenetv1_0.25_imagenet_128_128_27M", "2.5")},
    "mobilenet_v2": {("tf_mobilenetv2_1.0_imagenet_224_224_0.59G", "2.0")},
    "mobilenet_v2_1.4": {("tf_mobilenetv2_1.4_imagenet_224_224_1.16G", "2.5")},
    "resnet18": {("pt_vehicle-type-classification_CompCars_224_224_3.63G", "2.5")},
    "resnet50": {("tf2_resnet50_imagenet_224_224_7.76G", "2.5")},
    "resnet50_slim": {("tf_resnetv1_50_imagenet_224_224_6.97G", "2.0")},
    "resnet101_slim": {("tf_resnetv1_101_imagenet_224_224_14.4G", "2.5")},
    "squeezenet": {("pt_squeezenet_imagenet_224_224_351.7M", "2.5")},
    "vgg16": {("tf_vgg16_imagenet_224_224_30.96G", "2.5")},
    "vgg19": {("tf_vgg19_imagenet_224_224_39.28G", "2.5")},
    "yolo_v2": {("dk_yolov2_voc_448_448_34G", "2.0")},
    "yolo_v3": {("tf_yolov3_voc_416_416_65.63G", "2.5")},
}
"""Benchmark network -> its name in the vendor's tables, and the release."""

FAMILIES = {
    "mobilenet_v1_0.25_128": "mobilenet_v1",
    "mobilenet_v2_1.4": "mobilenet_v2",
    "resnet101_slim": "resnet50",
    "resnet50_slim": "resnet50",
    "vgg19": "vgg16",
}
"""Networks that are left out together with another, as they are one architecture."""


@dataclass(frozen=True)
class Case:
    """A measurement, and what to compile for it."""

    kind: str
    """layer, network, cores (several at work), or isa0."""
    name: str
    fold: str
    """What is left out together in the cross-validation."""
    board: str
    cores: int
    arch: str
    clock_mhz: float
    measured_ms: float
    """Of one picture; with several cores, from one picture's start to its end."""
    release: str


def cases(folder: Path) -> list[Case]:
    """Return every case for which *folder* holds a measurement (`dpu_layer_profiles.csv`, `model_zoo_perf.csv`)."""
    return [*_layers(folder / "dpu_layer_profiles.csv"), *_networks(folder / "model_zoo_perf.csv")]


def _layers(path: Path) -> Iterator[Case]:
    """Yield the layers, the median of a release's logs each."""
    found: dict[tuple[str, str, str], list[float]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            release = row["source"].split(":")[0].rsplit(" ", 1)[1]
            for name in PROFILED[row["kernel"]]:
                if _stem(row["node"]) == name:
                    found.setdefault((release, row["kernel"], name), []).append(float(row["runtime_ms"]))
    for (release, kernel, name), times in found.items():
        # The profiled AlexNet did not fold the columns of its 11x11 kernel into channels: its time is that of the unfolded convolution.
        arch = "B4096 plain" if (kernel, name) == ("alexnetBNnoLRN_0", "conv1") else "B4096"
        yield Case("layer", f"{kernel}/{name}", kernel, "ZCU102", 1, arch, 281.0, statistics.median(times), release)


def _stem(node: str) -> str:
    return node.removesuffix("_*").removesuffix("_convolution").removesuffix("_conv2d_transpose")


def _networks(path: Path) -> Iterator[Case]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["arch"].startswith("B") and row["fps_multi_thread"] != "NA"]
    for name in NETWORKS:
        for row in rows:
            board, cores = row["board"].split()[0], int(row["cores"])
            if (row["zoo_name"], row["vitis_ai"]) in ZOO.get(name, ()) and board in BOARDS and "-04)" not in row["board"]:
                kind = "cores" if cores > 1 else "network" if row["vitis_ai"] == "2.5" and board == "Kria" else "isa0"
                time, arch = 1e3 * cores / float(row["fps_multi_thread"]), row["arch"].removesuffix("F")
                yield Case(kind, name, FAMILIES.get(name, name), board, cores, arch, float(row["dpu_mhz"]), time, row["vitis_ai"])

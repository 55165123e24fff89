"""What the stages behind the quantizer say of a small network on a small DPU."""

from dataclasses import asdict
from typing import Any

from net2bit.report.ladder import Ladder
from net2bit.report.machine import LATENCY as LATENCY_FORMAT
from net2bit.report.machine import SIMULATION as SIMULATION_FORMAT
from net2bit.report.timeline import condense

LAYERS = [
    {
        "name": "block1_conv1",
        "work": "conv",
        "macs": 2e6,
        "bytes": 40_000,
        "ms": 0.02,
        "gops": 200.0,
        "utilisation": 0.58,
        "bound": "compute",
    },
    {"name": "block1_pool", "work": "max", "macs": 0, "bytes": 0, "ms": 0.001, "gops": 0.0, "utilisation": 0.0, "bound": "dependency"},
    {"name": "conv2d_13", "work": "conv", "macs": 5e6, "bytes": 90_000, "ms": 0.03, "gops": 310.0, "utilisation": 0.9, "bound": "load"},
]
ENGINES = [0, 1, 1, 2, 0, 1, 3, -1]
"""Of each instruction of a small run: load, conv, conv, misc, load, conv, save, and an END."""
RUN = condense(
    ENGINES, [0, 400, 1500, 2600, 500, 4000, 7000, 7650], [400, 1500, 2600, 2900, 4000, 7000, 7650, 7650], [0, 0, 0, 1, 2, 2, 2, -1]
)
LATENCY: dict[str, Any] = {
    "format": LATENCY_FORMAT,
    "model": "unet",
    "arch": "B2304",
    "board": "ultra96v2",
    "clock_mhz": 150.0,
    "cycles": 7650,
    "ms": 0.051,
    "low_ms": 0.0434,
    "high_ms": 0.0587,
    "band": 0.15,
    "fps": [{"cores": 1, "fps": 19_608.0, "low": 17_050.0, "high": 23_070.0}],
    "peak_gops": 345.6,
    "bandwidth_gbs": 3.4,
    "gops": 274.5,
    "utilisation": 0.794,
    "engines": {"LOAD": 3900, "CONV": 5200, "MISC": 300, "SAVE": 650},
    "layers": LAYERS,
    "timeline": RUN,
    "text": "Predicted, not measured.",
    "kernel": {
        "target": "DPUCZDX8G_ISA1_B2304",
        "fingerprint": "0x101000016010405",
        "subgraphs": 1,
        "cpu_subgraphs": 0,
        "instructions": 7,
        "code": 140,
        "parameters": 70_000,
        "workspace": 16_384,
        "workload": 14_000_000,
        "workload_on_arch": 17_000_000,
    },
}
SIMULATION: dict[str, Any] = {
    "format": SIMULATION_FORMAT,
    "images": 4,
    "bytes": 8192,
    "different": 0,
    "target": "DPUCZDX8G_ISA1_B2304",
    "fingerprint": "0x101000016010405",
}
TARGET: dict[str, Any] = {
    "target": "DPUCZDX8G_ISA1_B2304",
    "fingerprint": "0x101000016010405",
    "arch": "B2304",
    "cores": 1,
    "clock_mhz": 150.0,
    "board": {
        "name": "ultra96v2",
        "title": "Avnet Ultra96-V2",
        "part": "xczu3eg-sbva484-1-i",
        "resources": {"lut": 70560, "ff": 141120, "bram36": 216, "uram": 0, "dsp": 360},
    },
    "resources": {"lut": 37_000, "ff": 68_000, "bram36": 165.0, "uram": 0, "dsp": 438},
    "resources_exact": ["dsp", "bram36", "uram"],
    "warnings": ["the DPU alone takes <b>438</b> of 360 DSP slices"],
    "compatibility": {"dpu_pynq": "2.5.1", "ip": "4.0", "vitis_ai": "2.5", "vivado": "2022.1", "pynq": "3.0", "python": "3.10"},
}


def simulation(ladder: Ladder) -> dict[str, Any]:
    """Return what the machine code computes where it equals the integer network."""
    last = ladder.rungs[-1]
    return {**SIMULATION, "dice": asdict(last.dice), "iou": asdict(last.iou), "accuracy": last.accuracy, "confusion": last.confusion}

"""What the page shows of the DPU itself: its fingerprint, its resources against the board's, the compiled network's figures."""

from collections.abc import Mapping
from typing import Any, Final

from net2bit.report.view import View, count

RESOURCES: Final = {"lut": "look-up tables", "ff": "flip-flops", "bram36": "block RAM (36 kbit)", "uram": "UltraRAM", "dsp": "DSP slices"}
VERSIONS: Final = {"dpu_pynq": "DPU-PYNQ", "ip": "DPU IP", "vitis_ai": "Vitis AI", "vivado": "Vivado and Vitis", "pynq": "PYNQ image"}
KIBI: Final = 1024


def section(target: Mapping[str, Any], latency: Mapping[str, Any], simulation: Mapping[str, Any]) -> View:
    """Return everything of the page's part on hardware."""
    board, cores = target["board"], target["cores"]
    said = f"{cores} DPU core{'s' if cores > 1 else ''} of {target['arch']} at {target['clock_mhz']:g} MHz"
    return {
        "title": board["title"],
        "lead": f"{said} on {board['title']} ({board['part']}); target {target['target']}, fingerprint {target['fingerprint']}.",
        "resources": _bars(target, board.get("resources")),
        "note": "The DPU alone, not a routed design: by the IP's own formulas, or (about) by the tables of its product guide.",
        "warnings": target.get("warnings", []),
        "versions": _versions(target.get("compatibility", {})),
        "facts": _facts(latency["kernel"], simulation),
    }


def _bars(target: Mapping[str, Any], capacity: Mapping[str, float] | None) -> list[View]:
    used, exact = target["resources"], target.get("resources_exact", RESOURCES)
    return [
        {
            "name": title,
            "used": f"{'' if name in exact else 'about '}{used[name]:,g}",
            "of": count(int(capacity[name])),
            "percent": 100 * used[name] / capacity[name],
        }
        for name, title in RESOURCES.items()
        if capacity and capacity.get(name) and used.get(name) is not None
    ]


def _versions(row: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(title, row[name]) for name, title in VERSIONS.items() if row.get(name)]


def _facts(kernel: Mapping[str, Any], simulation: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("target", str(kernel["target"])),
        ("fingerprint", str(kernel["fingerprint"])),
        ("parts on the DPU, on the processor", f"{kernel['subgraphs']}, {kernel['cpu_subgraphs']}"),
        ("instructions", count(kernel["instructions"])),
        ("machine code", f"{kernel['code'] / KIBI:,.1f} KiB"),
        ("parameters", f"{kernel['parameters'] / KIBI:,.1f} KiB"),
        ("work space in DDR", f"{kernel['workspace'] / KIBI:,.1f} KiB"),
        ("work of one image", f"{kernel['workload'] / 1e6:,.1f} MOP"),
        ("as padded by the hardware", f"{kernel['workload_on_arch'] / 1e6:,.1f} MOP"),
        ("images executed", count(simulation["images"])),
    ]

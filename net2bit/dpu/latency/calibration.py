"""The calibrated parameters, where they come from, and how far the model was off on what it had not seen.

`bench/latency.py` finds the figures and checks them; they are copied here by hand, so that a change of theirs is a change of the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from net2bit.dpu.latency.costs import Parameters
from net2bit.dpu.latency.prediction import Error


@dataclass(frozen=True, slots=True)
class Calibration:
    """What calibration and cross-validation found."""

    parameters: Parameters
    layers: Error
    """Cross-validated error of single layers."""
    networks: Error
    """Cross-validated error of whole networks."""
    source: str
    """Which measurements, in words."""

    @property
    def text(self) -> str:
        """The paragraph that stands beside every prediction."""
        return (
            f"Predicted, not measured: net2bit's latency model, calibrated on {self.source}. Left out of the calibration in turn, "
            f"networks were predicted with a median error of {self.networks.median:.0%}, 80 of 100 within {self.networks.band:.0%}; layers "
            f"with a median error of {self.layers.median:.0%}. The host's work before and after the DPU is not counted."
        )


PARAMETERS: Final = Parameters(
    load_setup=35,
    load_ports=1.78,
    load_lines=2,
    save_setup=14.5,
    save_ports=1,
    save_lines=1,
    memory_efficiency=0.6,
    conv_setup=142,
    alu_setup=44,
    alu_rate=1.7,
    elew_setup=44,
    init=4,
    launch_us=121,
)

CALIBRATION: Final = Calibration(
    PARAMETERS,
    layers=Error(0.057, 0.095),
    networks=Error(0.055, 0.194),
    source="published measurements of the DPUCZDX8G: layer profiles on the ZCU102 and whole networks on the KV260",
)

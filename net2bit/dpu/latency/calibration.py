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
    depthwise: Error
    """That of the networks among them whose depthwise layers fill much of the run: every one was predicted faster than it was measured."""
    source: str
    """Which measurements, in words."""

    def error(self, depthwise: float) -> Error:
        """Return the error to expect where depthwise instructions work in this part of the time."""
        return self.depthwise if depthwise >= DEPTHWISE else self.networks

    def text(self, error: Error) -> str:
        """Return the paragraph that stands beside a prediction with *error*."""
        return self._general() if error is self.networks else f"{self._general()} {self._of_depthwise()}"

    def _of_depthwise(self) -> str:
        return (
            f"This is a network of depthwise layers: those were predicted too fast, by {self.depthwise.median:.0%} in the median, "
            "since the vendor's compiler overlaps them less than net2bit's; the upper end of the band is the likelier."
        )

    def _general(self) -> str:
        return (
            f"Predicted, not measured: net2bit's latency model, calibrated on {self.source}. Left out of the calibration in turn, "
            f"networks were predicted with a median error of {self.networks.median:.0%}, 80 of 100 within {self.networks.band:.0%}; layers "
            f"with a median error of {self.layers.median:.0%}. The host's work before and after the DPU is not counted."
        )


DEPTHWISE: Final = 0.2
"""From this part of the run on, depthwise instructions make a network one of depthwise layers."""

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
    depthwise=Error(0.294, 0.304),
    source="published measurements of the DPUCZDX8G: layer profiles on the ZCU102 and whole networks on the KV260",
)

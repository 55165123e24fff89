"""The latency model: how long a program takes on a board, layer by layer, and how far the prediction may be off.

The clock is `net2bit.dpu.timing`; here are its calibrated costs, the board's memory, and what a prediction says.
"""

from net2bit.dpu.latency.calibration import CALIBRATION, PARAMETERS, Calibration
from net2bit.dpu.latency.costs import Calibrated, Parameters, calibrated
from net2bit.dpu.latency.memory import Memory
from net2bit.dpu.latency.predict import predict
from net2bit.dpu.latency.prediction import Busy, Error, Interval, LayerPrediction, Point, Prediction, Roof

__all__ = [
    "CALIBRATION",
    "PARAMETERS",
    "Busy",
    "Calibrated",
    "Calibration",
    "Error",
    "Interval",
    "LayerPrediction",
    "Memory",
    "Parameters",
    "Point",
    "Prediction",
    "Roof",
    "calibrated",
    "predict",
]

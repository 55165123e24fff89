"""The calibration: its recorded errors against the published measurements, and layers compiled now."""

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from net2bit.dpu.latency import CALIBRATION, PARAMETERS

BENCH = Path(__file__).parents[2] / "bench"
LAYERS, NETWORKS = 0.10, 0.15
"""The median absolute errors that are allowed."""


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the calibration's script as a module."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("latency")


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """Return what the calibration wrote down: each case as predicted from the others."""
    found: dict[str, Any] = json.loads((BENCH / "latency_record.json").read_text(encoding="utf-8"))
    return found


def test_parameters_are_the_recorded_ones(record: dict[str, Any]) -> None:
    """The package's constants are those that the calibration found, rounded."""
    for name, value in record["parameters"].items():
        assert getattr(PARAMETERS, name) == pytest.approx(value, rel=0.05), name


def test_errors_are_the_recorded_ones(record: dict[str, Any]) -> None:
    """The error band of every prediction is that of the cross-validation."""
    for kind, error in (("layer", CALIBRATION.layers), ("network", CALIBRATION.networks)):
        assert error.median == pytest.approx(record["errors"][kind]["median"], abs=0.006)
        assert error.band == pytest.approx(record["errors"][kind]["band"], abs=0.006)


@pytest.mark.parametrize(("kind", "most"), [("layer", LAYERS), ("network", NETWORKS)])
def test_errors_on_the_measurements(record: dict[str, Any], bench: ModuleType, reference: Path, kind: str, most: float) -> None:
    """Predicted from the other networks' measurements, layers and networks are as close to their own as is claimed."""
    held = {(case["kind"], case["name"], case["release"]): case["held_out_ms"] for case in record["cases"]}
    every = [case for case in bench.cases(reference / "perf") if bench.fitted(case) and case.kind == kind]
    off = [abs(held[case.kind, case.name, case.release] / case.measured_ms - 1) for case in every]
    assert len(off) >= 10
    assert np.median(off) <= most
    assert np.median(off) == pytest.approx(record["errors"][kind]["median"], abs=1e-3)


def test_error_of_depthwise_networks(record: dict[str, Any], bench: ModuleType, reference: Path) -> None:
    """Networks of depthwise layers have an error of their own: left out, each was predicted too fast, by as much as is claimed."""
    held = {case["name"]: case["held_out_ms"] for case in record["cases"] if case["kind"] == "network"}
    every = [case for case in bench.cases(reference / "perf") if bench.fitted(case) and case.kind == "network" and "mobilenet" in case.name]
    off = [1 - held[case.name] / case.measured_ms for case in every]
    assert min(off) > 0
    assert np.median(off) == pytest.approx(CALIBRATION.depthwise.median, abs=0.006)
    assert np.quantile(off, 0.8) == pytest.approx(CALIBRATION.depthwise.band, abs=0.006)


@pytest.mark.parametrize("name", ["alexnetBNnoLRN_0/conv4", "fcn8/block5_conv1", "fcn8/pool3_11", "fcn8/conv7", "fcn8/add_layer_add_1"])
def test_layers_compiled_now(bench: ModuleType, reference: Path, name: str) -> None:
    """The compiler of today still makes code whose predicted time fits the measurement."""
    case = next(case for case in bench.cases(reference / "perf") if case.name == name and case.release == "1.3")
    assert bench.Bench("fast").time(case, PARAMETERS) == pytest.approx(case.measured_ms, rel=0.25)

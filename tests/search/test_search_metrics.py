"""The figures by which points are compared: whence they come, and what is left out."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from search_project import Project

from net2bit.errors import StoreError
from net2bit.graph import config, plan, registry
from net2bit.graph.store import Store
from net2bit.sweep import metrics, reference


class Built:
    """The small project, built up to some goals, with its plan and store."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Write the project; nothing is built."""
        self.project = Project(folder)
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        composed = config.load(config.origin(folder, ["cache=none"]), folder / ".net2bit/config")
        self.plan = plan.plan(composed, registry.load(folder), root=folder)
        self.store = Store(folder, {"enabled": False, "dir": None, "size": 0})

    def build(self, *names: str) -> None:
        """Build the stages of these operations."""
        for stage in self.plan.stages:
            if stage.op.name in names:
                self.store.build(stage)

    @property
    def metrics(self) -> dict[str, float]:
        """The figures of what is built."""
        return metrics.metrics_of(self.plan, self.store)


def _declarations() -> dict[str, ModuleType]:
    """Return the imported modules of the package `tasks`."""
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "tasks"}


@contextmanager
def _own_declarations() -> Iterator[None]:
    """Import the package `tasks` anew, and bring back the one that other tests have."""
    others = _declarations()
    for name in others:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in _declarations():
            del sys.modules[name]
        sys.modules.update(others)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Built]:
    """Return the project; its store is closed afterwards."""
    with _own_declarations():
        made = Built(tmp_path, monkeypatch)
        with made.store:
            yield made


def test_what_is_not_built_is_absent(built: Built) -> None:
    """A figure is there as soon as the artifact that tells it is, and no sooner."""
    assert built.metrics == {}
    built.build("describe")
    assert set(built.metrics) == {
        "dpu.peak",
        "resources.dsp",
        "resources.dsp.share",
        "resources.lut",
        "resources.lut.share",
        "resources.uram",
    }
    built.build("fit", "measure")
    assert built.metrics["accuracy.int8.dice"] == pytest.approx(1 - 1 / 1.5, abs=1e-6)
    assert built.metrics["accuracy.int8.dice.car"] == built.metrics["accuracy.int8.dice"] / 2
    assert built.metrics["fit.loss"] == 4 - 0.125


def test_what_is_stale_is_absent(built: Built) -> None:
    """What was made from something that has changed since says nothing about this experiment."""
    built.build("describe", "fit", "measure")
    (path,) = built.project.folder.glob("build/weights.h5/*/weights.h5")
    path.chmod(0o644)
    path.write_text("9")
    built.store.renew()
    assert not any(name.startswith(("accuracy", "fit")) for name in built.metrics)


def test_who_knows_what_is_up_to_date_need_not_ask(built: Built) -> None:
    """A sweep that has just built the stages names them; only their figures are read."""
    built.build("describe", "fit", "measure")
    fit = next(stage.name for stage in built.plan.stages if stage.op.name == "fit")
    assert metrics.metrics_of(built.plan, built.store, {fit}) == {"fit.loss": 3.875}


def test_figures_come_in_the_order_of_the_table(built: Built) -> None:
    """The table's figures come first, in its order."""
    built.build("describe", "fit", "measure", "time")
    names = [name for name in built.metrics if name in metrics.TABLE]
    assert names == [name for name in metrics.TABLE if name in names]
    assert built.metrics["resources.dsp.share"] == built.metrics["resources.dsp"] / 360
    assert built.metrics["ddr.footprint"] == 6


def test_an_artifact_that_is_none_is_an_error(built: Built) -> None:
    """A document that lacks what its stage writes is named; no figure is made up."""
    built.build("describe")
    (path,) = built.project.folder.glob("build/target.json/*/target.json")
    path.chmod(0o644)
    path.write_text(json.dumps({"board": {}}))
    describe = next(stage.name for stage in built.plan.stages if stage.op.name == "describe")
    with pytest.raises(StoreError, match=r"target\.json does not hold"):
        metrics.metrics_of(built.plan, built.store, {describe})


def test_each_metric_has_one_source(built: Built) -> None:
    """The artifact that tells a figure is known before it is built: that is what a limit is checked by."""
    assert metrics.source("resources.dsp", built.plan) == "target.json"
    assert metrics.source("accuracy.int8.dice.car", built.plan) == "ladder.json"
    assert metrics.source("fit.loss", built.plan) == "weights.h5"
    assert metrics.source("simulation.different", built.plan) is None
    assert metrics.source("nothing.at_all", built.plan) is None


def test_every_metric_of_the_table_has_a_reader() -> None:
    """No name stands in the table that no artifact tells."""
    assert {metric.kind for metric in metrics.TABLE.values()} <= metrics.READERS.keys()
    assert all(metric.better for metric in metrics.TABLE.values())


def test_the_reference_is_that_of_the_table() -> None:
    """docs/reference/metrics.md is what `python -m net2bit.sweep.reference` writes."""
    assert (reference.HOME / reference.PAGE).read_text("utf-8") == reference.page()

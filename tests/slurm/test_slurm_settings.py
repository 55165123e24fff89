"""The `executor` group: what it accepts, what it refuses and with which words."""

from typing import Any

import pytest
import yaml
from processes import ROOT
from pydantic import TypeAdapter, ValidationError
from slurm_graph import Graph, settings

from net2bit.errors import ToolError
from net2bit.slurm.executor import Slurm
from net2bit.slurm.settings import Settings
from schemas.executor import ExecutorConfig, LocalConfig, SlurmConfig


@pytest.mark.parametrize(("name", "kind"), [("local", LocalConfig), ("slurm", SlurmConfig)])
def test_the_files_of_the_group_hold(name: str, kind: type) -> None:
    """Each file of experiments/executor is valid as it stands, and is called by its name."""
    group = yaml.safe_load((ROOT / f"experiments/executor/{name}.yaml").read_text())
    found: Any = TypeAdapter(ExecutorConfig).validate_python(group, strict=False)
    assert isinstance(found, kind)
    assert found.name == name  # type: ignore[attr-defined]


@pytest.mark.parametrize(("text", "minutes"), [("30min", 30), ("12h", 720), ("2d", 2880), ("1 h", 60)])
def test_times_have_units(text: str, minutes: int) -> None:
    """A time limit is read from a number with a unit."""
    assert Settings.of(settings(time=text)).time == minutes


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("time", 5400, "30min, 12h, 2d"),  # what YAML makes of 1:30:00
        ("time", "01:30:00", "30min, 12h, 2d"),
        ("time", "0h", "greater than or equal to 1"),
        ("options", ["-p main"], "long form"),
        ("options", ["--array=1-4"], "--array is set for every job already"),
        ("options", ["--dependency=afterok:1"], "--dependency is set for every job already"),
        ("jobs", 0, "greater than or equal to 1"),
        ("poll", 0.0, "greater than 0"),
        ("retries", -1, "greater than or equal to 0"),
        ("stages", {"train": {"patition": "gpu"}}, "patition"),
    ],
)
def test_what_is_refused(key: str, value: object, words: str) -> None:
    """A value that would go wrong on the cluster is refused when the sweep is composed, with the form that is right."""
    with pytest.raises(ValidationError, match=words.replace("(", r"\(")):
        settings(**{key: value})


def test_an_operation_asks_for_its_own() -> None:
    """What an operation says comes before what all jobs ask for; what it leaves open does not."""
    found = Settings.of(settings(partition="cpu", time="1h", stages={"train": {"time": "2d"}}))
    assert (found.asked("train", "time"), found.asked("train", "partition"), found.asked("freeze", "time")) == (2880, "cpu", 60)


def test_no_slurm_here(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Slurm's programs the executor is refused at once, with what to do."""
    monkeypatch.setenv("PATH", "/nowhere")
    with graph.store() as store, pytest.raises(ToolError, match="there is no sbatch") as caught:
        Slurm(store, settings())
    assert "executor=local" in caught.value.remedy

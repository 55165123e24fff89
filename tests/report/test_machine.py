"""What the page says of the compiled network: its rung, its figures, its roofline, its hardware."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_machine import LATENCY, TARGET, simulation

from net2bit.errors import ModelError
from net2bit.report import hardware, machine, view
from net2bit.report.ladder import Ladder


def test_the_machine_code_is_the_ladders_last_rung(ladder: Ladder) -> None:
    """It differs from the integer network by nothing, and its loss is counted from the float network."""
    rung = machine.rung(simulation(ladder), ladder)
    assert (rung.name, rung.difference["previous"], rung.held) == ("machine code", 0.0, True)
    assert rung.drop == ladder.rungs[-1].drop
    assert view.check(rung, 0.01)["text"] == "equal"


def test_fewer_images_are_said_and_not_compared(ladder: Ladder) -> None:
    """On fewer images than the others the rung has no loss, says on how many it was run, and stays out of the chart."""
    rung = machine.rung(simulation(ladder) | {"images": 2}, ladder)
    assert rung.drop is None
    assert "2 images only" in rung.title
    chart = view.rung_chart(replace(ladder, rungs=[*ladder.rungs, rung]), 0.01)
    assert [dot["y"] is None for dot in chart["dots"]] == [False] * len(ladder.rungs) + [True]


def test_predicted_figures_say_so(ladder: Ladder) -> None:
    """Every headline figure of time carries the word and its band."""
    time, rate, code = machine.cards(LATENCY, simulation(ladder))
    assert (time.badge, rate.badge) == ("predicted", "predicted")
    assert time.note == "0.0434 to 0.0587 ms"
    assert (rate.value, rate.note) == ("19,608", "one core, 17,050 to 23,070")
    assert code.badge == "bit for bit"


def test_the_roofline_holds_every_layer_that_computes_and_moves() -> None:
    """Dots lie inside of the picture, layers without work or traffic are left out, and the roof ends at the peak."""
    roof = machine.roofline(LATENCY)
    assert {dot["name"] for dot in roof["dots"]} == {"block1_conv1", "conv2d_13"}
    assert all(0 <= dot[axis] <= 100 for dot in roof["dots"] for axis in "xy")
    assert roof["roof"].endswith(f"{round(100 - roof['peak_at'], 2)}")
    assert 0 < roof["ridge"] < 100


@pytest.mark.parametrize("bandwidth", [0.01, 3.4, 1e4])
def test_the_roofline_is_drawn_for_any_memory(bandwidth: float) -> None:
    """A memory far too slow or far too fast still gives a picture with finite coordinates."""
    roof = machine.roofline(LATENCY | {"bandwidth_gbs": bandwidth})
    assert "nan" not in roof["roof"]
    assert "inf" not in roof["roof"]


def test_a_network_that_only_moves_has_an_empty_roofline() -> None:
    """Without a layer that computes, the roof stands alone."""
    quiet = copy.deepcopy(LATENCY)
    for layer in quiet["layers"]:
        layer["macs"] = 0
    assert machine.roofline(quiet)["dots"] == []


def test_shares_of_the_layers_add_up() -> None:
    """The layers' shares of the run come to one, and each has the badge of its bound."""
    layers = machine.section(LATENCY)["layers"]
    assert sum(layer["share"] for layer in layers) == pytest.approx(1)
    assert [layer["bound"]["text"] for layer in layers] == ["compute", "waiting", "load"]


def test_resources_stand_against_the_boards(ladder: Ladder) -> None:
    """Each resource of the board is a bar; one that is exceeded shows more than 100 %; one that the board lacks is left out."""
    shown = hardware.section(TARGET, LATENCY, simulation(ladder))
    bars = {bar["name"]: bar["percent"] for bar in shown["resources"]}
    assert "UltraRAM" not in bars
    assert bars["DSP slices"] > 100
    assert "0x101000016010405" in shown["lead"]
    assert [bar["used"].startswith("about ") for bar in shown["resources"]] == [True, True, False, False]
    assert ("DPU IP", "4.0") in shown["versions"]


def test_a_board_without_figures_has_no_bars(ladder: Ladder) -> None:
    """Where a board's resources are not recorded, none are made up."""
    unknown: dict[str, Any] = copy.deepcopy(TARGET)
    unknown["board"]["resources"] = None
    assert hardware.section(unknown, LATENCY, simulation(ladder))["resources"] == []


def test_a_file_of_another_format_is_named(tmp_path: Path) -> None:
    """An artifact of an older version is an error that says to build it again."""
    (tmp_path / "latency.json").write_text(json.dumps({"format": "net2bit.latency/0"}))
    with pytest.raises(ModelError, match=r"latency\.json"):
        machine.load(tmp_path / "latency.json", machine.LATENCY)

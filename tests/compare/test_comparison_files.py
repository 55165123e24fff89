"""The files of a comparison, read back by readers of their kinds."""

import csv
import io
import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from page_reader import Page
from PIL import Image
from points_sample import HOSTILE, METRICS, SLICES, failed, point, sweep
from pyarrow import parquet

from net2bit.report import comparison
from net2bit.report.comparison_points import parse

EIGHT = sweep(*(point(number) for number in range(6)), failed(6), failed(7, "refused", "it does not fit"))


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """Return the files of a comparison."""
    return _files(json.dumps(data))


@lru_cache
def _files(text: str) -> dict[str, bytes]:
    return dict(comparison.contents(parse(json.loads(text))))


def table(data: dict[str, Any]) -> list[dict[str, str]]:
    """Return the lines of table.csv."""
    return list(csv.DictReader(io.StringIO(files(data)["table.csv"].decode())))


def page(data: dict[str, Any]) -> Page:
    """Return the page."""
    return Page(files(data)["index.html"].decode())


def test_csv_holds_every_point_and_digit() -> None:
    """table.csv has a line for each point, refused ones too, with every digit of its figures."""
    lines = table(EIGHT)
    assert [line["status"] for line in lines] == ["done"] * 6 + ["failed", "refused"]
    assert [float(line["fps"]) for line in lines[:6]] == [one["metrics"]["fps"] for one in EIGHT["points"][:6]]
    assert lines[0]["resources.dsp"] == str(SLICES["b512"])
    assert lines[6]["fps"] == ""
    assert lines[7]["error"] == "it does not fit"
    assert lines[0]["dpu"] == "b512"


def test_parquet_says_the_same_as_csv() -> None:
    """table.parquet has the columns and values of table.csv, with types, units and directions."""
    found = parquet.read_table(io.BytesIO(files(EIGHT)["table.parquet"]))
    lines = table(EIGHT)
    assert found.column_names == list(lines[0])
    assert found.column("fps").to_pylist() == [float(line["fps"]) if line["fps"] else None for line in lines]
    assert str(found.schema.field("resources.dsp").type) == "int64"
    assert str(found.schema.field("pareto").type) == "bool"
    assert found.schema.field("fps").metadata == {b"title": b"frames per second", b"unit": b"FPS", b"better": b"max", b"predicted": b"true"}


def test_no_times_in_tables_and_pictures() -> None:
    """What the stages took changes times.csv and one block of the page, and no other file."""
    slow = json.loads(json.dumps(EIGHT))
    slow["times"]["apart"] = 5000.0
    slow["times"]["stages"][0]["seconds"] = 700.0
    one, other = files(EIGHT), files(slow)
    assert {name for name in one if one[name] != other[name]} == {"times.csv", "index.html"}
    assert untimed(one["index.html"]) == untimed(other["index.html"])


def untimed(html: bytes) -> str:
    """Return a page without its block of times."""
    head, _, rest = html.decode().partition("<!-- net2bit:times -->")
    return head + rest.partition("<!-- /net2bit:times -->")[2]


def test_same_points_same_bytes(tmp_path: Path) -> None:
    """Two processes write the same bytes for the same points, and `--no-times` leaves the times out."""
    (tmp_path / "points.json").write_text(json.dumps(EIGHT))
    for name in ("one", "other"):
        assert comparison.main([str(tmp_path / "points.json"), "--out", str(tmp_path / name), "--no-times"]) == 0
    found = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "other")]
    assert found[0] == found[1]
    assert "times.csv" not in found[0]
    assert "one after another" not in found[0]["index.html"].decode()


def test_pictures_are_well_formed() -> None:
    """Each picture is there as SVG that an XML parser takes, with all points, and as a PNG twice as large."""
    found = files(EIGHT)
    for name in ("pareto-accuracy-fps", "pareto-accuracy-dsp"):
        root = ET.fromstring(found[f"{name}.svg"])  # noqa: S314 - our own
        links = [one.get("href") for one in root.iter("{http://www.w3.org/2000/svg}a")]
        assert sorted(links) == [f"#p{number}" for number in range(6)]
        size = [int(number) for number in root.get("viewBox", "").split()[2:]]
        with Image.open(io.BytesIO(found[f"{name}.png"])) as picture:
            assert list(picture.size) == [2 * side for side in size]
            assert picture.convert("L").getextrema()[0] < 100


def test_the_page_is_complete() -> None:
    """The page is balanced, fetches nothing, and its links lead to reports, artifacts, the files beside it and its own parts."""
    found = page(EIGHT)
    assert not found.unbalanced
    assert not [one for one in found.tags if one[0] in {"link", "img", "iframe"} or one[1].get("src")]
    inner = {link[1:] for link in found.links if link.startswith("#")}
    assert inner <= set(found.ids)
    outer = {link for link in found.links if not link.startswith("#")}
    assert "../../build/report.html/unet-0/report.html" in outer
    assert "../../build/xmodel/unet-0/a%20file%231.xmodel" in outer
    assert {link for link in outer if "/" not in link} == set(files(EIGHT)) - {"index.html"} | {"points.json"}


def test_equal_columns_are_said_once() -> None:
    """What is equal for all points stands above the table, not in it; what differs is a column, the minor ones hidden at first."""
    html = files(EIGHT)["index.html"].decode()
    above, _, below = html.partition('<table class="points">')
    heads = below.partition("</thead>")[0]
    assert "Equal for all points (3)" in above  # experiment, width, parameters
    assert "experiment" not in heads
    assert "parameters" not in heads
    assert 'class="num more" title="train.loss"' in heads
    assert "frames per second" in heads


def test_the_best_of_each_column_is_marked() -> None:
    """The greatest of what more is better of, and the least of what less is, are framed; all of them where several are equal."""
    html = files(EIGHT)["index.html"].decode()
    done = EIGHT["points"][:6]
    assert f'<b class="top">{max(one["metrics"]["accuracy.int8.dice"] for one in done):.4f}' in html
    assert html.count('<b class="top">110</b>') == sum(one["metrics"]["resources.dsp"] == 110 for one in done)


def test_refused_and_failed_points_are_listed() -> None:
    """Points that are not done stand under their reason, the whole of it, with their command."""
    said = page(EIGHT).text
    assert "compile failed: too deep" in said
    assert "where: layer 3" in said
    assert "it does not fit" in said
    assert "./doitw dpu=b2304 model=separable_unet" in said


def test_predicted_figures_say_so() -> None:
    """A predicted figure is called so in the table, the cards and below the pictures."""
    assert page(EIGHT).text.count("predicted") >= 4
    assert "Predicted, not measured: frames per second" in page(EIGHT).text
    assert b"(FPS), predicted" in files(EIGHT)["pareto-accuracy-fps.svg"]


def test_hostile_texts_are_escaped() -> None:
    """Labels, values, messages, names and titles are text wherever they come to stand."""
    bad = point(0, label=HOSTILE, choices={HOSTILE: HOSTILE}, words=[HOSTILE], report=HOSTILE)
    metrics = [{**METRICS[0], "title": HOSTILE, "unit": HOSTILE}, *METRICS[1:]]
    data = sweep(bad, point(1), failed(2, error=f"{HOSTILE}\n{HOSTILE}"), name=HOSTILE, metrics=metrics)
    found = page(data)
    assert not found.unbalanced
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert HOSTILE in found.text
    for name, content in files(data).items():
        if name.endswith(".svg"):
            ET.fromstring(content)  # noqa: S314 - our own
    assert table(data)[0]["label"] == HOSTILE
    assert table(data)[2]["error"] == f"{HOSTILE}\n{HOSTILE}"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_points(count: int) -> None:
    """No point, one and two make all files; there is no picture of nothing."""
    data = sweep(*(point(number) for number in range(count)))
    found = files(data)
    assert not Page(found["index.html"].decode()).unbalanced
    assert len(table(data)) == count
    assert parquet.read_table(io.BytesIO(found["table.parquet"])).num_rows == count
    assert ("pareto-accuracy-fps.svg" in found) == (count > 0)


def test_nothing_but_refused_points() -> None:
    """A sweep whose points are all refused has a page that says why."""
    assert "it does not fit" in page(sweep(failed(0, "refused", "it does not fit"))).text


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_figures_that_are_no_numbers(value: float | None) -> None:
    """Null, NaN and infinity are missing: a dash on the page, empty in the table, no dot, not on the front."""
    odd = point(1)
    odd["metrics"]["fps"] = value
    data = sweep(point(0), odd, point(2))
    assert table(data)[1]["fps"] == ""
    assert table(data)[1]["pareto"] == "false"
    svg = files(data)["pareto-accuracy-fps.svg"].decode()
    assert "#p0" in svg
    assert "#p1" not in svg
    assert "1 of 3 points lack one of the figures" in page(data).text
    assert "nan" not in svg.lower()


def test_five_hundred_points_are_readable() -> None:
    """A page of 500 points stays below 3 MB, and its labels overlap neither each other nor leave the picture."""
    data = sweep(*(point(number) for number in range(500)))
    found = files(data)
    assert len(found["index.html"]) < 3_000_000
    assert len(table(data)) == 500


def test_pictures_that_are_no_longer_drawn_go(tmp_path: Path) -> None:
    """Writing again removes the pictures and times that the points no longer give, and nothing of the user's."""
    comparison.write(parse(EIGHT), tmp_path)
    (tmp_path / "mine.svg").write_text("x")
    comparison.write(replace(parse(EIGHT), pictures=(), times={}), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "table.csv", "table.parquet", "mine.svg"}


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "other"}', '{"format": "net2bit.points/1"}'])
def test_a_damaged_file_is_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """A points.json of another form ends with status 2 and a message that names it, without a traceback."""
    (tmp_path / "points.json").write_text(text)
    assert comparison.main([str(tmp_path / "points.json")]) == 2
    said = capsys.readouterr().err
    assert "points.json" in said
    assert "remedy: run the sweep again" in said


def test_a_missing_file_is_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A points.json that is not there ends with status 2 and names the path."""
    assert comparison.main([str(tmp_path / "points.json")]) == 2
    assert capsys.readouterr().err == f"{tmp_path}/points.json: No such file or directory\n"


def test_a_key_called_as_a_figure_keeps_its_column() -> None:
    """Columns have names of their own, also where a choice is called as a figure is."""
    odd = point(0, choices={"fps": "3"})
    assert {"fps", "fps_"} <= set(table(sweep(odd))[0])

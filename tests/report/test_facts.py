"""Build facts in a finished report, and the graph drawn from them."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.errors import StageError
from net2bit.report.facts import BEGIN, END, inject, render
from net2bit.report.flow import Edge, Node, columns, draw, edges

PAGE = f"<html><body><h1>x</h1>{BEGIN}<p>nothing yet</p>{END}<p>after</p></body></html>"
FACTS = [
    {"stage": "pack", "inputs": [], "outputs": ["dataset.h5"], "how": "cache", "seconds": 0.02, "cpu": 0.01, "peak_mb": None},
    {
        "stage": "train",
        "inputs": ["dataset.h5"],
        "outputs": ["weights.h5"],
        "how": "built",
        "seconds": 71.2,
        "cpu": 140.0,
        "peak_mb": 1210.4,
    },
    {"stage": "freeze", "inputs": ["weights.h5"], "outputs": ["frozen.pb"], "how": "kept"},
    {"stage": "verify", "inputs": ["dataset.h5", "frozen.pb"], "outputs": ["ladder.json"], "how": "built", "seconds": 3.0},
]


def test_the_block_is_filled_and_the_rest_kept() -> None:
    """Only the marked block of a page changes."""
    page = inject(PAGE, FACTS)
    head, rest = page.split(BEGIN)
    assert head == PAGE.split(BEGIN, maxsplit=1)[0]
    assert rest.split(END)[1] == PAGE.split(END)[1]
    assert "nothing yet" not in page
    for said in ("train", "1 min 11 s", "2 min 20 s", "1,210 MB", "from the cache", "20 ms", "up to date"):
        assert said in page


def test_filling_twice_is_filling_once() -> None:
    """Law: inject(inject(page)) = inject(page), so a copy can be refreshed in place."""
    assert inject(inject(PAGE, []), FACTS) == inject(PAGE, FACTS)


@pytest.mark.parametrize("page", ["<html></html>", f"{BEGIN}", f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_the_block_is_refused(page: str) -> None:
    """A foreign or cut page is an error, not a page without facts."""
    with pytest.raises(StageError, match="no block"):
        inject(page, FACTS)


def test_a_fact_without_stage_is_refused() -> None:
    """A record that names no stage is an error."""
    with pytest.raises(StageError, match="no stage name"):
        render([{"seconds": 3}])


def test_hostile_names_are_text() -> None:
    """Names of stages and files are escaped in the table and in the graph."""
    hostile = "<script>alert('x')</script>"
    text = render([{"stage": hostile, "inputs": [hostile], "outputs": [hostile], "how": hostile}])
    assert "<script" not in text
    assert "&lt;script" in text


def test_who_feeds_whom() -> None:
    """Edges follow file names; columns follow the longest way."""
    nodes = [Node(str(f["stage"]), "", "built", list(f["inputs"]), list(f["outputs"])) for f in FACTS]  # type: ignore[call-overload]
    found = edges(nodes)
    assert [(edge.source, edge.target) for edge in found] == [(0, 1), (0, 3), (1, 2), (2, 3)]
    assert columns(len(nodes), found) == [0, 1, 2, 3]


def test_a_refined_file_comes_from_its_last_maker() -> None:
    """A file that a refining stage makes again feeds the next stage from there, not from its first maker."""
    nodes = [Node("a", "", "", [], ["x"]), Node("refine", "", "", ["x"], ["x"]), Node("b", "", "", ["x"], [])]
    assert [(edge.source, edge.target) for edge in edges(nodes)] == [(0, 1), (1, 2)]


@given(st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=3), st.lists(st.integers(0, 9), max_size=2)), max_size=10))
def test_the_drawing_is_well_formed_and_goes_right(stages: list[tuple[list[int], list[int]]]) -> None:
    """Law: every edge goes to a column further right, and the SVG parses with one box per stage."""
    nodes = [
        Node(f"s{i}<&\"'>", "1 s", "built", [str(n) for n in takes], [str(n) for n in makes]) for i, (takes, makes) in enumerate(stages)
    ]
    links = edges(nodes)
    column = columns(len(nodes), links)
    assert all(column[edge.source] < column[edge.target] for edge in links)
    tree = ET.fromstring(draw(nodes))  # noqa: S314 - our own text
    assert len(tree.findall(".//rect")) == len(nodes)
    assert len(tree.findall(".//path")) == len(links)


def _run(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "net2bit.report.facts", *map(str, words)], capture_output=True, text=True, check=False)


def test_the_command_line(tmp_path: Path) -> None:
    """`python -m net2bit.report.facts REPORT FACTS OUT` writes the filled copy and leaves the report as it was."""
    (tmp_path / "report.html").write_text(PAGE)
    (tmp_path / "facts.json").write_text(json.dumps(FACTS))
    done = _run(tmp_path / "report.html", tmp_path / "facts.json", tmp_path / "out.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.html").read_text() == inject(PAGE, FACTS)
    assert (tmp_path / "report.html").read_text() == PAGE


@pytest.mark.parametrize("words", [[], ["none.html", "none.json", "out.html"]])
def test_a_mistake_on_the_command_line_has_no_traceback(words: list[str]) -> None:
    """Missing words or files give one line on stderr and status 2."""
    done = _run(*words)
    assert done.returncode == 2
    assert (
        done.stderr == "none.html: No such file or directory\n"
        if words
        else done.stderr.startswith("usage: python -m net2bit.report.facts ")
    )
    assert done.stderr.count("\n") == 1


def test_facts_stay_light() -> None:
    """The module is run at the end of every build, so it loads the standard library only."""
    heavy = "{'numpy', 'jinja2', 'PIL', 'tensorflow', 'torch', 'keras', 'h5py'} & set(sys.modules)"
    code = f"import sys, net2bit.report.facts; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_stage_without_makers_stands_before_its_user() -> None:
    """A stage that nothing feeds is drawn in the column ahead of the first stage that takes what it makes, not at the far left."""
    links = [Edge(0, 2, ("a",)), Edge(2, 3, ("b",)), Edge(1, 3, ("c",))]
    assert columns(5, links) == [0, 1, 1, 2, 0]

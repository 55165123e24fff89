"""The report page: whole, self-contained, escaped, and the same bytes every time."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from net2bit.errors import ModelError
from net2bit.job import Job
from net2bit.report import facts, page
from net2bit.report.ladder import Ladder, save

HOSTILE = "<script>alert(1)</script>\"'&--><img src=x onerror=alert(1)>"
LOADING = {"src", "href", "srcset", "action", "data", "poster", "formaction", "background", "xlink:href"}
Artifacts = Mapping[str, Path]
Config = dict[str, Any]


class Outline(HTMLParser):
    """Collects the tags of a page and what they point at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in LOADING]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def _html(config: Config, artifacts: Artifacts) -> str:
    return page.render(page.gather(config, artifacts))


def test_the_page_refers_to_nothing_outside(config: Config, artifacts: Artifacts) -> None:
    """Every link is a `data:` picture or an anchor of the page itself, and no style sheet or script loads anything."""
    text = _html(config, artifacts)
    outline = Outline(text)
    assert {link.split(":", 1)[0] if not link.startswith("#") else "#" for link in outline.links} == {"data", "#"}
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
    assert not {"link", "iframe", "object", "embed", "base"} & set(outline.tags)
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest", text)


def test_ids_are_unique(config: Config, artifacts: Artifacts) -> None:
    """An anchor leads to one place."""
    ids = Outline(_html(config, artifacts)).ids
    assert len(ids) == len(set(ids))


def test_every_picture_and_chart_has_words(config: Config, artifacts: Artifacts) -> None:
    """Whoever cannot see a picture or a chart is told what it shows."""
    text = _html(config, artifacts)
    assert all('alt="' in tag for tag in re.findall(r"<img[^>]*>", text))
    assert all("aria-label=" in tag for tag in re.findall(r'<[^>]*role="img"[^>]*>', text))


def test_hostile_names_stay_text(config: Config, artifacts: Artifacts, ladder: Ladder) -> None:
    """Markup in names of classes, images, layers, experiments and knobs is shown, never run."""
    classes = [HOSTILE, *ladder.classes[1:]]
    text = json.dumps(json.loads(artifacts["ladder.json"].read_text())).replace('"background"', json.dumps(HOSTILE))
    text = text.replace("aachen_000000_000019", json.dumps(HOSTILE)[1:-1]).replace("block1_conv2", json.dumps(HOSTILE)[1:-1])
    artifacts["ladder.json"].write_text(text)
    for name in ("simulation.json", "latency.json"):
        spoiled = artifacts[name].read_text().replace('"background"', json.dumps(HOSTILE))
        artifacts[name].write_text(spoiled.replace("block1_conv1", json.dumps(HOSTILE)[1:-1]))
    dataset = artifacts["dataset.json"].read_text().replace('"background"', json.dumps(HOSTILE))
    artifacts["dataset.json"].write_text(dataset)
    config["dataset"] = {"name": HOSTILE, "classes": classes}
    config["name"] = config["train"][HOSTILE] = HOSTILE
    plain, hostile = Outline(""), Outline(_html(config, artifacts))
    assert hostile.tags.count("script") == 1
    assert hostile.handlers == plain.handlers
    assert "&lt;script&gt;alert(1)" in _html(config, artifacts)


def test_only_the_pages_own_script_may_run(config: Config, artifacts: Artifacts) -> None:
    """The page's security policy names the digest of its one script and forbids every other source."""
    text = _html(config, artifacts)
    assert re.search(r"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-[A-Za-z0-9+/]{43}='", text)


def test_the_figures_are_shown(config: Config, artifacts: Artifacts, ladder: Ladder) -> None:
    """Headline, ladder, layers, positions, shares and knobs carry the figures of the artifacts."""
    text = _html(config, artifacts)
    for said in (
        f"{ladder.rungs[0].dice.mean:.4f}",
        "fake-quantized",
        "1,618,148 int8",
        "3,594",
        "block1_conv2",
        "29.5",
        "calibration.images",
        "5.0 %",
    ):
        assert said in text
    assert "within the limit" in text
    assert "over the limit" not in text


def test_a_loss_is_shown_as_one(config: Config, artifacts: Artifacts, lossy: Ladder) -> None:
    """A ladder beyond verify.max_drop is marked, in the headline and at its rung."""
    save(lossy, artifacts["ladder.json"])
    text = _html(config, artifacts)
    assert "over the limit" in text
    assert text.count("too far") == 3  # the integer network, and the machine code, keep the loss


def test_an_absent_class_is_a_dash(config: Config, artifacts: Artifacts, ladder: Ladder) -> None:
    """A class without pixels shows no figure, and the page says that the mean leaves it out."""
    rungs = [replace(rung, dice=replace(rung.dice, classes={**rung.dice.classes, "person": None})) for rung in ladder.rungs]
    save(replace(ladder, rungs=rungs), artifacts["ladder.json"])
    assert "left out of the mean: person" in _html(config, artifacts)


def test_without_any_figure_there_is_still_a_page(config: Config, artifacts: Artifacts, ladder: Ladder) -> None:
    """No Dice, no layers, no pictures, no samples: the page is made all the same."""
    empty = {**dict.fromkeys(ladder.classes)}
    rungs = [replace(rung, dice=replace(rung.dice, mean=None, classes=empty), drop=None, confusion=[[0] * 4] * 4) for rung in ladder.rungs]
    save(replace(ladder, rungs=rungs, layers=[], first=None, worst=None, pictures=[]), artifacts["ladder.json"])
    for path in artifacts["samples"].iterdir():
        path.unlink()
    assert "</html>" in _html(config, artifacts)


def test_damaged_json_names_the_file(config: Config, artifacts: Artifacts) -> None:
    """An input that is no JSON is an error with the file's name."""
    artifacts["history.json"].write_text("{")
    with pytest.raises(ModelError, match=r"history\.json"):
        _html(config, artifacts)


def test_facts_fit_the_page(config: Config, artifacts: Artifacts) -> None:
    """The page has the block that the facts of a build go into, and stays self-contained with them."""
    text = facts.inject(_html(config, artifacts), [{"stage": "train", "outputs": ["weights.h5"], "how": "built", "seconds": 1.0}])
    assert 'class="flow"' in text
    assert "belong to a run" not in text


PROGRAM = """
import json, sys
from pathlib import Path
from net2bit.job import Job
from net2bit.report import page
config, inputs, out = json.loads(sys.argv[1])
page.run(Job(config, {name: Path(path) for name, path in inputs.items()}, {"report.html": Path(out)}, Path(out).parent))
"""


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, config: Config, artifacts: Artifacts) -> None:
    """Law 1: two processes with different hash seeds write the same page."""
    pages = []
    for seed in "12":
        out = tmp_path / f"{seed}.html"
        words = json.dumps([config, {name: str(path) for name, path in artifacts.items()}, str(out)])
        subprocess.run([sys.executable, "-c", PROGRAM, words], check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        pages.append(out.read_bytes())
    assert pages[0] == pages[1]


def test_the_stage_writes_its_file(tmp_path: Path, config: Config, artifacts: Artifacts) -> None:
    """`run` reads the kinds it declares and writes `report.html`, without the machine's paths in it."""
    job = Job(config, artifacts, {"report.html": tmp_path / "report.html"}, tmp_path)
    page.run(job)
    text = (tmp_path / "report.html").read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert str(tmp_path) not in text

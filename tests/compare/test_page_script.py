"""The page in a browser: sorting and filtering, and what works without JavaScript."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from points_sample import failed, point, sweep

from net2bit.report import comparison
from net2bit.report.comparison_points import parse

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not BROWSER, reason="chromium is not installed")]


def page() -> str:
    """Return a page with twelve points, one of which failed."""
    data = sweep(*(point(number) for number in range(11)), failed(11))
    return dict(comparison.contents(parse(data)))["index.html"].decode()


def shown(html: str, folder: Path, script: str = "") -> str:
    """Return what the browser has made of a page; *script* runs behind its own, which its security policy would refuse."""
    if script:
        html = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", html).replace("</body>", f"<script>{script}</script></body>")
    (folder / "index.html").write_text(html)
    with tempfile.TemporaryDirectory() as profile:
        command = [BROWSER or "", *FLAGS, f"--user-data-dir={profile}", "--dump-dom", f"file://{folder}/index.html"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=200).stdout


def order(dom: str) -> list[int]:
    """Return the numbers of the points in the order in which they stand."""
    return [int(number) for number in re.findall(r'<tr id="p(\d+)"', dom)]


def sort(title: str, times: int = 1) -> str:
    """Return a script that clicks a heading."""
    return f"""
        const head = [...document.querySelectorAll(".points thead th")].find((one) => one.textContent.includes("{title}"));
        for (let click = 0; click < {times}; click += 1) head.querySelector("button").click();
    """


def fps() -> dict[int, float]:
    """Return the frames per second of the points."""
    return {number: point(number)["metrics"]["fps"] for number in range(11)}


def test_its_own_script_runs_under_its_policy(tmp_path: Path) -> None:
    """The page's security policy lets its own script run, which shows the filters; nothing else changes."""
    dom = shown(page(), tmp_path)
    assert "data-script hidden" not in dom.replace('=""', "")
    assert order(dom) == list(range(12))


def test_headings_sort(tmp_path: Path) -> None:
    """The first click sorts the best up, the second the other way, and points without the figure stay at the end."""
    best = sorted(fps(), key=lambda number: -fps()[number])
    assert order(shown(page(), tmp_path, sort("frames per second"))) == [*best, 11]
    assert order(shown(page(), tmp_path, sort("frames per second", 2))) == [*reversed(best), 11]


def test_filters_hide(tmp_path: Path) -> None:
    """A chosen value and words that are searched for leave the lines that have them, and their number is said."""
    script = """
        const choice = document.querySelector('select[data-key="dpu"]');
        choice.value = "b512"; choice.dispatchEvent(new Event("input"));
        const find = document.getElementById("find");
        find.value = "separable"; find.dispatchEvent(new Event("input"));
    """
    dom = shown(page(), tmp_path, script)
    hidden = [int(number) for number in re.findall(r'<tr id="p(\d+)"[^>]* hidden', dom)]
    assert [number for number in range(12) if number not in hidden] == [4]
    assert "1 of 12 shown" in dom


def test_a_dot_finds_its_hidden_line(tmp_path: Path) -> None:
    """Going to a point whose line is filtered out shows it again."""
    script = """
        const find = document.getElementById("find");
        find.value = "nothing like that"; find.dispatchEvent(new Event("input"));
        dispatchEvent(new Event("hashchange"));
        location.hash = "#p3"; dispatchEvent(new Event("hashchange"));
    """
    dom = shown(page(), tmp_path, script)
    assert not re.search(r'<tr id="p3"[^>]* hidden', dom)

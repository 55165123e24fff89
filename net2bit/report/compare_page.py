"""The differences of two experiments as one page: `python -m net2bit.report.compare_page PAIR.json OUT.html`.

PAIR.json is what `doit compare --json` prints.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from net2bit.report.comparison_page import NONE, View, page
from net2bit.report.comparison_plot import tick
from net2bit.report.ending import status

SAME, LOOKS = "same", {"same": "good", "same bytes": "good", "different": "warn"}
VERDICTS = {"better": "good", "worse": "bad"}
KILO = 1000


def render(pair: Mapping[str, Any]) -> str:
    """Return the page."""
    return page("pair.html.j2", "", **gather(pair))


def gather(pair: Mapping[str, Any]) -> View:
    """Return everything the page shows."""
    reasons: dict[str, list[str]] = {}
    for cause in pair["causes"]:
        for reason in cause["reasons"]:
            reasons.setdefault(reason, []).append(cause["stage"])
    caused = {cause["op"] for cause in pair["causes"]}
    return {
        "a": pair["a"],
        "b": pair["b"],
        "causes": list(reasons.items()),
        "alone": [stage for stage in pair["stages"] if stage["state"].startswith("only")],
        "behind": [stage["stage"] for stage in pair["stages"] if stage["state"] == "different" and stage["op"] not in caused],
        "config": [{"key": one["key"], "a": _text(one["a"]), "b": _text(one["b"])} for one in pair["config"]],
        "figures": [_figure(one) for one in pair["metrics"] if one["verdict"] != "equal"],
        "equal": [_figure(one) for one in pair["metrics"] if one["verdict"] == "equal"],
        "artifacts": [_artifact(one) for one in pair["artifacts"]],
        "same": sum(one["state"] == SAME for one in pair["artifacts"]),
    }


def _text(value: object) -> str:
    return NONE if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _figure(one: Mapping[str, Any]) -> View:
    times = 100 if one["unit"] == "share" else 1
    a, b, apart = (None if one[name] is None else one[name] * times for name in ("a", "b", "difference"))
    return {
        "name": one["name"],
        "title": one["title"][:1].upper() + one["title"][1:],
        "unit": "%" if one["unit"] == "share" else one["unit"],
        "predicted": one["predicted"],
        "a": NONE if a is None else tick(a),
        "b": NONE if b is None else tick(b),
        "apart": NONE if apart is None else f"{'+' if apart > 0 else ''}{tick(apart)}",
        "share": f"{apart / abs(a):+.1%}" if a and apart else "",
        "verdict": one["verdict"],
        "look": VERDICTS.get(one["verdict"], ""),
    }


def _artifact(one: Mapping[str, Any]) -> View:
    a, b = (_size(count) for count in one["sizes"])
    path = one["paths"][1] or one["paths"][0]
    return {"file": Path(path).name, "op": one["op"], "state": one["state"], "look": LOOKS.get(one["state"], ""), "a": a, "b": b}


def _size(count: int | None) -> str:
    return NONE if count is None else f"{count:,} B" if count < KILO else f"{count / KILO:,.1f} kB"


def main(words: Sequence[str]) -> int:
    """Run the command line; returns the exit status (2 for a mistake, with the reason on stderr)."""
    return status(partial(_write, words), "python -m net2bit.report.compare_page PAIR.json OUT.html")


def _write(words: Sequence[str]) -> None:
    source, out = (Path(word) for word in words)
    out.write_text(render(json.loads(source.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

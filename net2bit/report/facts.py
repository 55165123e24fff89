"""Put what one build took (times, memory, cache hits) into a finished report: `python -m net2bit.report.facts REPORT FACTS OUT …`.

The report of the build tree has the same bytes for the same inputs; times have not. So they are added to the copy that is shown.
Standard library only.

FACTS is a JSON list of stages in the order they run, makers first:
`{"stage": "train", "inputs": ["dataset.h5"], "outputs": ["weights.h5"], "how": "built", "seconds": 61.2, "cpu": 118.0, "peak_mb": 1210}`.
`how` is `built` (ran now), `cache` (restored) or `kept` (was up to date); figures may be missing or null.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from net2bit.errors import StageError
from net2bit.report import flow
from net2bit.report.ending import status

BEGIN, END = "<!-- net2bit:facts -->", "<!-- /net2bit:facts -->"
WORDS = {"built": "built now", "cache": "from the cache", "kept": "up to date"}
NONE = "\N{EN DASH}"
Fact = Mapping[str, Any]


def inject(html: str, facts: Sequence[Fact]) -> str:
    """Return *html* with its marked block filled from *facts*; what stood in the block before is replaced.

    Raises:
        StageError: The page has no such block, or a fact has no stage name.
    """
    if html.count(BEGIN) != 1 or html.count(END) != 1 or html.index(BEGIN) > html.index(END):
        raise StageError("the page has no block for the facts of a build", where="report.html", remedy="build report.html again")
    head, rest = html.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}{render(facts)}{END}{tail}"


def render(facts: Sequence[Fact]) -> str:
    """Return the block: a line of totals, the graph of the build, and a table of its stages."""
    for fact in facts:
        if not isinstance(fact, Mapping) or not isinstance(fact.get("stage"), str):
            raise StageError(f"a fact of the build has no stage name: {str(fact)[:80]}", where="facts")
    if not facts:
        return '<p class="note">No stage was recorded.</p>'
    graph = flow.draw([_node(fact) for fact in facts])
    return f'<p class="lead">{_totals(facts)}</p><div class="scroll">{graph}</div>{_legend()}<div class="scroll">{_table(facts)}</div>'


def _node(fact: Fact) -> flow.Node:
    return flow.Node(
        name=fact["stage"],
        note=_seconds(fact.get("seconds")),
        look=_look(fact),
        inputs=[str(name) for name in fact.get("inputs", ())],
        outputs=[str(name) for name in fact.get("outputs", ())],
    )


def _look(fact: Fact) -> str:
    return fact["how"] if fact.get("how") in WORDS else "other"


def _legend() -> str:
    keys = "".join(f'<span class="key key-{look}">{WORDS[look]}</span>' for look in WORDS)
    return f'<p class="legend">{keys}<span class="key-hint">arcs are files that skip stages</span></p>'


def _totals(facts: Sequence[Fact]) -> str:
    wall, cpu = (sum(fact.get(name) or 0 for fact in facts) for name in ("seconds", "cpu"))
    peak = max((fact.get("peak_mb") or 0 for fact in facts), default=0)
    counts = [f"{sum(fact.get('how') == how for fact in facts)} {word}" for how, word in WORDS.items()]
    return escape(f"{len(facts)} stages ({', '.join(counts)}): {_seconds(wall)} of stages, {_seconds(cpu)} of CPU, peak {peak:,.0f} MB.")


def _table(facts: Sequence[Fact]) -> str:
    longest = max((fact.get("seconds") or 0 for fact in facts), default=0) or 1
    rows = "".join(_row(fact, longest) for fact in facts)
    heads = "".join(f'<th scope="col"{side}>{word}</th>' for word, side in HEADS)
    return f'<table class="facts"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


NUMBER = ' class="num"'
HEADS = (("Stage", ""), ("Takes", ""), ("Makes", ""), ("How", ""), ("Time", NUMBER), ("CPU", NUMBER), ("Peak memory", NUMBER))


def _row(fact: Fact, longest: float) -> str:
    share = 100 * (fact.get("seconds") or 0) / longest
    how = str(fact.get("how", ""))
    peak = fact.get("peak_mb")
    cells = (
        f'<th scope="row">{escape(fact["stage"])}</th>',
        f"<td>{escape(', '.join(map(str, fact.get('inputs', ()))) or NONE)}</td>",
        f"<td>{escape(', '.join(map(str, fact.get('outputs', ()))) or NONE)}</td>",
        f'<td><span class="key key-{_look(fact)}">{escape(WORDS.get(how, how))}</span></td>',
        f'<td class="num timed" style="--share:{share:.1f}%">{_seconds(fact.get("seconds"))}</td>',
        f'<td class="num">{_seconds(fact.get("cpu"))}</td>',
        f'<td class="num">{NONE if peak is None else f"{peak:,.0f} MB"}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


MINUTE = 60


def _seconds(value: float | None) -> str:
    if value is None:
        return NONE
    if value < MINUTE:
        return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"
    whole = round(value)
    return f"{whole // MINUTE} min {whole % MINUTE:02d} s"


def main(words: Sequence[str]) -> int:
    """Run the command line; returns the exit status (2 for a mistake, with the reason on stderr)."""
    threes = [words[at : at + 3] for at in range(0, max(len(words), 1), 3)]
    usage = "python -m net2bit.report.facts REPORT.html FACTS.json OUT.html …"
    return max(status(partial(_fill, three), usage) for three in threes)


def _fill(words: Sequence[str]) -> None:
    page, facts, out = (Path(word) for word in words)
    out.write_text(inject(page.read_text("utf-8"), json.loads(facts.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

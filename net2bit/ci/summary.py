"""The summary of a run: one page of Markdown that GitHub shows below the run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from net2bit.ci.figures import Change, Figures, changes
from net2bit.ci.markdown import code, discreet, folded, plain, table, within
from net2bit.ci.run import Run
from net2bit.graph.display import span

LIMIT: Final = 1000 * 1024
"""Bytes; GitHub takes 1 MiB for all steps of a job."""

HOW: Final = {"ran": "ran", "restored": "from cache", "failed": "**failed**", "kept": "up to date", "missing": "not made"}
MARKS: Final = {"better": "🟢", "worse": "🔴", "same": "", "other": "⚪"}
_LEAST: Final = 0.0005  # a share that is shown as a number of percents
_TAIL: Final = 40  # lines of the log shown for a build that failed


@dataclass(frozen=True)
class About:
    """What the summary says of the surroundings.

    Attributes:
        words: What was built.
        status: Exit status of the build.
        against: Branch that the figures are compared with.
        base: Its figures.
        report: Address of the report; empty where there is none.
        rule: What the run was allowed to do, for people.
        log: What the build printed.
    """

    words: Sequence[str]
    status: int = 0
    against: str = ""
    base: Figures = field(default_factory=lambda: Figures({}))
    report: str = ""
    rule: str = ""
    log: str = ""


def summary(run: Run | None, about: About) -> str:
    """Return the page; *run* is None where the build did not come as far as a plan."""
    title = plain(run.experiment) if run else "net2bit"
    parts = [[f"## {title}: {_outcome(run, about.status)}"]]
    if about.status:
        parts.append(code(discreet("\n".join(about.log.splitlines()[-_TAIL:]))))
    if about.report:
        parts.append([f"[The report]({about.report})"])
    if run:
        parts += [list(_figures(run.metrics, about)), list(_stages(run))]
    parts.append(folded("Words and rights", [*code(discreet("\n".join(about.words))), "", plain(about.rule)]))
    return within(parts, LIMIT)


def _outcome(run: Run | None, status: int) -> str:
    """Return in one line what became of the run."""
    if run is None:
        return "failed before anything was built" if status else "nothing was built"
    counts = {how: sum(stage.how == how for stage in run.stages) for how in HOW}
    said = [f"{counts[how]} {HOW[how].strip('*')}" for how in ("failed", "ran", "restored", "kept", "missing") if counts[how]]
    saved = sum(stage.saved for stage in run.stages)
    return ", ".join(said) + (f", {span(saved)} saved" if saved >= 1 else "")


def _figures(metrics: Mapping[str, float], about: About) -> Iterator[str]:
    against, commit = plain(about.against), plain(about.base.commit[:9])
    every = changes(about.base.metrics, metrics)
    if not about.base.metrics:
        yield f"No figures of {against} to compare with yet." if against else "Nothing to compare with."
        yield from _told(_count(every, ""), every)
        return
    yield f"### Against {against} ({commit})" if commit else f"### Against {against}"
    yield ""
    yield from _compared([one for one in every if one.verdict != "same"], against)
    same = [one for one in every if one.verdict == "same"]
    if same:
        yield from _told(_count(same, "are the same"), same)


def _compared(different: Sequence[Change], against: str) -> Iterator[str]:
    """Yield what differs: the headline figures at once, the others folded."""
    head = ("", "", against, "now", "change")
    first, more = ([_row(one) for one in different if one.headline == main] for main in (True, False))
    if first:
        yield from table(head, first, (2, 3, 4))
    if more:
        yield from ("", *folded(_count(more, "differ", "more"), table(head, more, (2, 3, 4))))
    if not different:
        yield "No figure differs."


def _told(title: str, rows: Sequence[Change]) -> Iterator[str]:
    """Yield a folded list of figures."""
    yield from ("", *folded(title, table(("", "now"), [(_title(one), _amount(one, one.after)) for one in rows], (1,))))


def _count(rows: Sequence[object], what: str, more: str = "") -> str:
    """Return `3 more figures differ`, in one of its forms."""
    if len(rows) == 1:
        what = {"are the same": "is the same", "differ": "differs"}.get(what, what)
    words = (str(len(rows)), more, "figure" if len(rows) == 1 else "figures", what)
    return " ".join(word for word in words if word)


def _row(one: Change) -> tuple[str, str, str, str, str]:
    return MARKS[one.verdict], _title(one), _amount(one, one.before), _amount(one, one.after), _difference(one)


def _title(one: Change) -> str:
    return plain(one.metric.title) + (" (predicted)" if one.metric.predicted else "")


def _amount(one: Change, value: float | None) -> str:
    if value is None:
        return ""
    if one.metric.unit == "share":
        return f"{value:.2%}"
    number = f"{value:,.0f}" if value.is_integer() else f"{value:,.5g}"
    return f"{number} {plain(one.metric.unit)}".strip()


def _difference(one: Change) -> str:
    if one.before is None or one.after is None:
        return "new" if one.before is None else "gone"
    if one.metric.unit == "share":
        return f"{100 * (one.after - one.before):+.2f} points"
    if not one.before:
        return "from 0"
    share = (one.after - one.before) / abs(one.before)
    return f"{share:+.1%}" if abs(share) >= _LEAST else "under 0.1%"


def _stages(run: Run) -> list[str]:
    rows = [
        (
            plain(stage.name),
            HOW.get(stage.how, plain(stage.how)),
            span(stage.seconds) if stage.seconds else "",
            span(stage.saved) if stage.saved else "",
        )
        for stage in run.stages
    ]
    return folded(f"{len(rows)} stages", table(("stage", "", "took", "saved"), rows, (2, 3)))

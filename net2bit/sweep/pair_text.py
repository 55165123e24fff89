"""The differences of two experiments for a terminal: the root causes first."""

from collections.abc import Iterator, Sequence
from typing import Final

from net2bit.graph.commands.base import columns, paint
from net2bit.graph.reasons import shown
from net2bit.sweep.pair import DIFFERENT, EQUAL, ONLY_A, ONLY_B, SAME, ArtifactPair, Figure, Pair, StagePair, difference, file_of

NONE: Final = "-"
COLOUR: Final = {"better": "green", "worse": "red"}
WIDEST: Final = 60  # characters of a value
REASONS: Final = 20
LISTED: Final = 6  # names in a line
KILO: Final = 1000


def lines(found: Pair, *, everything: bool = False) -> Iterator[str]:
    """Yield the lines; *everything*: also what is equal on both sides."""
    yield f"a  {found.a}"
    yield f"b  {found.b}"
    yield from _causes(found)
    yield from _config(found)
    yield from _figures(found, everything=everything)
    yield from _artifacts(found, everything=everything)


def _head(text: str) -> Iterator[str]:
    yield ""
    yield paint(text, "bold")


def _causes(found: Pair) -> Iterator[str]:
    if all(stage.state == SAME for stage in found.stages):
        yield from _head("every artifact was made by the same runs")
        return
    yield from _head("Where the difference begins (a -> b)")
    yield from _reasons(found.causes)
    yield from (f"  {stage.stage}: {stage.state}" for stage in found.stages if stage.state in {ONLY_A, ONLY_B})
    follow = [stage.stage for stage in found.stages if stage.state == DIFFERENT and not stage.reasons]
    if follow:
        yield f"  behind them also differ: {_listed(follow)}"


def _reasons(causes: Sequence[StagePair]) -> Iterator[str]:
    """Yield the reasons, each with all stages that have it."""
    reasons: dict[str, list[str]] = {}
    for stage in causes:
        for reason in stage.reasons:
            reasons.setdefault(reason, []).append(stage.stage)
    rows = [(_cut(reason), f"in {_listed(stages)}") for reason, stages in reasons.items()]
    yield from (f"  {line}" for line in columns(rows[:REASONS]))
    if len(rows) > REASONS:
        yield f"  and {len(rows) - REASONS} more"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")


def _config(found: Pair) -> Iterator[str]:
    if not found.config:
        yield from _head("Configuration: equal")
        return
    yield from _head(f"Configuration: {_count(len(found.config), 'key differs', 'keys differ')}")
    rows = [("", "a", "b"), *((key, _value(one), _value(other)) for key, one, other in found.config)]
    yield from (f"  {line}" for line in columns(rows))


def _value(value: object) -> str:
    return NONE if value is None else _cut(shown(value))


def _cut(text: str) -> str:
    return text if len(text) <= 2 * WIDEST else f"{text[: 2 * WIDEST - 3]}..."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _figures(found: Pair, *, everything: bool) -> Iterator[str]:
    listed = [figure for figure in found.figures if everything or figure.verdict != "equal"]
    equal = sum(figure.verdict == "equal" for figure in found.figures)
    yield from _head(f"Figures: {len(found.figures) - equal} of {len(found.figures)} differ")
    rows = [("", "a", "b", "b - a", "", ""), *map(_figure, listed)]
    texts = columns(rows) if listed else []
    for text, verdict in zip(texts, ["", *(figure.verdict for figure in listed)], strict=False):
        yield f"  {paint(text, COLOUR[verdict]) if verdict in COLOUR else text}"


def _figure(figure: Figure) -> tuple[str, ...]:
    apart = difference(figure)
    share = f"{apart / abs(figure.a):+.1%}" if apart and figure.a else ""
    unit = "" if figure.unit in {"", "share"} else f" {figure.unit}"
    said = ", ".join(word for word in (figure.verdict, "predicted" if figure.predicted else "") if word)
    return figure.name, _number(figure.a) + unit, _number(figure.b) + unit, _signed(apart), share, said


def _number(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.5g}" if abs(value) < KILO else f"{value:,.1f}"


def _signed(value: float | None) -> str:
    return "" if value is None else "=" if value == 0 else f"{'+' if value > 0 else ''}{_number(value)}"


def _artifacts(found: Pair, *, everything: bool) -> Iterator[str]:
    states = [artifact.state for artifact in found.artifacts]
    counts = ", ".join(f"{states.count(state)} {state}" for state in (SAME, DIFFERENT, ONLY_A, ONLY_B) if state in states)
    yield from _head(f"Artifacts: {counts or 'none'}")
    rows = [_artifact(artifact) for artifact in found.artifacts if everything or artifact.state != SAME]
    yield from (f"  {line}" for line in columns(rows))
    again = [stage.stage for stage in found.stages if stage.state == EQUAL]
    if again:
        yield f"  made by different runs, and the same: {', '.join(again)}"


def _artifact(artifact: ArtifactPair) -> Sequence[str]:
    a, b = artifact.sizes
    sizes = size(a) if a == b else " -> ".join(size(one) for one in (a, b) if one is not None)
    return artifact.state, file_of(artifact), sizes, f"by {artifact.stage}"


def size(count: int | None) -> str:
    """Return a size as people say it: `512 B`, `1.2 kB`, `31 MB`."""
    if count is None:
        return NONE
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):  # noqa: B007 - the unit it ends with
        if value < KILO:
            break
        value /= KILO
    return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"  # noqa: PLR2004 - two digits

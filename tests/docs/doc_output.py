"""Compares what a command printed with what its page shows."""

import re
from collections.abc import Sequence

_TIME = re.compile(r"\d+ h \d\d min|\d+ min \d\d s|\d+(?:\.\d+)? (?:ms|s)\b")
_STATUS = re.compile(r"\[status (\d+)\]")


def expected_status(shown: Sequence[str]) -> int | None:
    """Return the exit status that a page tells of: None stands for any but 0."""
    if shown and (said := _STATUS.fullmatch(shown[-1].strip())):
        return int(said[1])
    return None if any(line.startswith("ERROR") for line in shown) else 0


def agrees(shown: Sequence[str], printed: str) -> bool:
    """Return whether *printed* is what is *shown*: `…` is any text, alone on its line any lines; one duration is as good as another."""
    lines = [line for line in shown if not _STATUS.fullmatch(line.strip())]
    if not lines:
        return True
    pattern = "".join(_line(_plain(line)) for line in lines)
    return re.fullmatch(pattern, "".join(f"{_plain(line)}\n" for line in printed.splitlines() if line.strip())) is not None


def _plain(line: str) -> str:
    return _TIME.sub("<time>", " ".join(line.split()))


def _line(shown: str) -> str:
    return r"(?:.*\n)*?" if shown == "…" else ".*".join(map(re.escape, shown.split("…"))) + r"\n"

"""Text as GitHub's Markdown shows it."""

import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~$:@&-])")

_PASSWORD = re.compile(r"://[^/@\s]+@")


def plain(text: str) -> str:
    """Return *text* such that it is shown as it stands, on one line: nothing in it is markup, a mention or a link."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def discreet(text: str) -> str:
    """Return *text* without the passwords of its addresses."""
    return _PASSWORD.sub("://***@", text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return the lines of a table of cells that are Markdown already; columns in *right* are flushed right."""
    marks = ["---:" if at in right else "---" for at in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, marks, *rows)]


def code(text: str) -> list[str]:
    """Return *text* as the lines of a fenced block that nothing in it can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *text.splitlines(), fence]


def folded(title: str, lines: Sequence[str]) -> list[str]:
    """Return *lines* behind a title that opens them."""
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def within(parts: Sequence[Sequence[str]], limit: int) -> str:
    """Return the parts, a blank line between them, as long as they take at most *limit* bytes; the rest is left out, and said so."""
    note = "*(shortened: GitHub shows no more)*\n"
    text = ""
    for part in parts:
        more = "\n".join(part) + "\n\n"
        if len((text + more + note).encode()) > limit:
            return text + note
        text += more
    return text

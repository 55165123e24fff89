"""The executable parts of a page: its sh and console fences with their markers, and its hidden commands.

Above each fence stands a comment: `<!-- run: fast -->`, `<!-- run: slow; with: experiment=quick; needs: nginx -->` or
`<!-- run: no; reason: ... -->`. Hidden commands are a comment of their own: `<!-- hidden: fast`, lines, `-->`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_MARKER = re.compile(r"<!-- run: (?P<run>fast|slow|no)(?P<options>(?:; [a-z]+: [^;]+?)*) -->")
_HIDDEN = re.compile(r"<!-- hidden: (?P<run>fast|slow)(?P<options>(?:; [a-z]+: [^;]+?)*)")
_FENCE = re.compile(r"\s*```(?P<language>sh|console)\s*")
_OPTIONS = {"with", "needs", "reason"}


class MarkerError(ValueError):
    """A fence does not say whether it is run."""


@dataclass(frozen=True)
class Command:
    """One command and what it should print; None where that is not said."""

    line: int
    text: str
    printed: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Block:
    """Commands of a page that are run together: `fast`, `slow` or `no`."""

    line: int
    run: str
    options: dict[str, str]
    commands: tuple[Command, ...]


@dataclass
class _Reader:
    """A page, line by line; lines are counted from one."""

    page: Path
    lines: Sequence[str]
    at: int = 0
    last: tuple[str, dict[str, str]] | None = None
    blocks: list[Block] = field(default_factory=list)

    def until(self, end: str) -> list[str]:
        """Return the lines up to one that is *end*."""
        began = self.at
        while self.lines[self.at].strip() != end:
            self.at += 1
        self.at += 1
        return list(self.lines[began : self.at - 1])


def blocks(page: Path) -> list[Block]:
    """Return the blocks of *page*, in order.

    Raises:
        MarkerError: A fence has no marker, or one that says too little.
    """
    reader = _Reader(page, page.read_text(encoding="utf-8").splitlines())
    while reader.at < len(reader.lines):
        line = reader.lines[reader.at].strip()
        reader.at += 1
        if found := _MARKER.fullmatch(line):
            reader.last = _marker(reader, found)
        elif found := _HIDDEN.fullmatch(line):
            run, options = _marker(reader, found)
            began = reader.at
            reader.blocks.append(Block(began, run, options, (Command(began, "\n".join(reader.until("-->"))),)))
        elif found := _FENCE.fullmatch(line):
            _fence(reader, found["language"])
        elif line.startswith("```"):
            reader.until("```")
        elif line:
            reader.last = None
    return reader.blocks


def _marker(reader: _Reader, found: re.Match[str]) -> tuple[str, dict[str, str]]:
    options = dict(part.split(": ", 1) for part in found["options"].split("; ")[1:])
    if not options.keys() <= _OPTIONS or (found["run"] == "no") != ("reason" in options):
        raise MarkerError(f"{reader.page}:{reader.at}: a marker says fast or slow (with:, needs:), or no with its reason:")
    return found["run"], options


def _fence(reader: _Reader, language: str) -> None:
    began = reader.at
    body = reader.until("```")
    if reader.last is None:
        raise MarkerError(
            f"{reader.page}:{began}: say above the fence whether it is run: <!-- run: fast|slow --> or <!-- run: no; reason: ... -->"
        )
    run, options = reader.last
    reader.last = None
    commands = list(_console(body, began)) if language == "console" else [Command(began + 1, "\n".join(body))]
    reader.blocks.append(Block(began, run, options, tuple(commands)))


def _console(body: Sequence[str], began: int) -> Iterator[Command]:
    """Yield the commands of a console fence with what each prints."""
    text, line, printed = "", began, list[str]()
    for number, row in enumerate(body, began + 1):
        if row.startswith("$ "):
            if text:
                yield Command(line, text, tuple(printed) or None)
            text, line, printed = row[2:], number, []
        elif row.startswith("> ") and not printed:
            text += "\n" + row[2:]
        elif row.strip():
            printed.append(row)
    yield Command(line, text, tuple(printed) or None)

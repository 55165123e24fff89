"""`python -m tasks` writes the reference of stages; with `--check` it only says whether it has drifted."""

import sys
from pathlib import Path

from tasks.reference import PAGE, page

HOME = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Write or check the generated page, and return the exit status."""
    target, text = HOME / PAGE, page(HOME)
    drifted = not target.is_file() or target.read_text("utf-8") != text
    if drifted and "--check" not in arguments:
        target.write_text(text, "utf-8")
    return int(drifted and "--check" in arguments)


sys.exit(main(sys.argv[1:]))

"""`python -m schemas` writes the generated files; with `--check` it only says which ones have drifted."""

import sys
from pathlib import Path

from schemas.reference import files

HOME = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Write or check the generated files, and return the exit status."""
    drifted = [path for path, text in files().items() if not (HOME / path).is_file() or (HOME / path).read_text("utf-8") != text]
    for path in drifted:
        sys.stdout.write(f"{path}\n")
        if "--check" not in arguments:
            (HOME / path).parent.mkdir(parents=True, exist_ok=True)
            (HOME / path).write_text(files()[path], "utf-8")
    return int(bool(drifted) and "--check" in arguments)


sys.exit(main(sys.argv[1:]))

"""The front door of `./doitw`: says "nothing to do" from memory where nothing moved, and opens doit where something may have."""

import os
import sys
from pathlib import Path

from net2bit.graph import null, outlet


def main() -> int:
    """Run the words of the command line; returns doit's exit status."""
    words = [word for word in sys.argv[1:] if word]
    root = Path.cwd()
    stages = null.recall(root, words, os.environ)
    if stages is not None:
        sys.stdout.write("".join(f"-- {name}\n" for name in stages) + f"{len(stages)} up to date\n")
        return 0
    from net2bit.graph.app import main as run  # noqa: PLC0415 - doit costs ten times what a null build does

    return run(root, words)


if __name__ == "__main__":
    sys.exit(outlet.guarded(main))

#!/usr/bin/env python3
"""Many experiments at once: `python sweep.py -m dpu=b512,b1152 model=unet,separable_unet` (docs/how-to/sweeps.md).

Any Python starts it; the work is done by the project's own environment, which ./doitw sets up on first use.
"""

import os
import sys
from importlib.util import find_spec

HOME = os.path.dirname(os.path.abspath(__file__))


def ready() -> bool:
    """Return whether this Python is the project's, or that of another environment which holds what the project needs."""
    if os.path.realpath(sys.prefix) == os.path.realpath(os.path.join(HOME, ".venv")):
        return True
    return sys.prefix != sys.base_prefix and all(find_spec(name) for name in ("doit", "hydra", "pydantic", "rich"))


if __name__ == "__main__":
    os.chdir(HOME)
    if not ready():
        os.execv("/bin/sh", ["/bin/sh", os.path.join(HOME, "doitw"), "sweep", *sys.argv[1:]])  # noqa: S606 - a shell script, by its path
    from net2bit.graph.outlet import guarded
    from net2bit.sweep.front import main

    sys.exit(guarded(lambda: main(sys.argv[1:])))

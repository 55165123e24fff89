"""`doit compare A B`: in what two experiments differ, and why."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from net2bit.errors import ConfigError, StoreError
from net2bit.graph import words as vocabulary
from net2bit.graph.commands.base import ProjectCommand
from net2bit.sweep.pair import Pair, as_data, pair
from net2bit.sweep.pair_text import lines
from net2bit.sweep.sides import Sides

USAGE = "./doitw compare quick~1 quick, ./doitw compare dpu=b512 'dpu=b1152 model=unet', ./doitw compare SWEEP/POINT SWEEP/POINT"
TWO = 2


class Compare(ProjectCommand):
    """Compare two experiments that are built; the exit status is 0 whether or not they differ."""

    name = "compare"
    doc_purpose = "show in what two experiments differ: configuration, figures, artifacts, and where it begins"
    doc_usage = "A B"
    doc_description = (
        "A and B are each one of: an experiment that was built (quick; quick~1: the build before), a point of a sweep (SWEEP/LABEL or "
        "SWEEP/NUMBER), overrides as one word (dpu=b512, 'dpu=b512 model=unet'), or . for the experiment as it is configured now. "
        "key=value words before the command hold for both sides that are given by overrides."
    )
    cmd_options = (
        {"name": "json", "long": "json", "type": bool, "default": False, "help": "print the comparison as JSON"},
        {"name": "everything", "short": "a", "long": "all", "type": bool, "default": False, "help": "show also what is equal"},
        {"name": "html", "long": "html", "type": str, "default": "", "help": "write it as one page to this file"},
    )

    def execute(self, params: dict[str, Any], args: Sequence[str]) -> int:
        """Keep the options, which `answer` does not take."""
        self.as_json, self.everything, self.html = bool(params["json"]), bool(params["everything"]), str(params["html"])
        return int(super().execute(params, args) or 0)

    def answer(self, words: Sequence[str]) -> int:
        """Print the comparison.

        Raises:
            ConfigError: There are not two sides.
            PlanError: A side is unknown or not built.
            StoreError: The page cannot be written.
        """
        if len(words) != TWO:
            said = f"compare takes two experiments, not {len(words)}"
            swallowed = "doit takes key=value words for its own: use ./doitw" if vocabulary.from_doit() and len(words) < TWO else ""
            raise ConfigError(said, where=swallowed or "the command line", remedy=f"for instance: {USAGE}")
        sides = Sides(self.store.root, self.store, vocabulary.from_doit(), self.plan.name)
        found = pair(sides.find(words[0]), sides.find(words[1]))
        if self.html:
            draw(found, Path(self.html))
        elif self.as_json:
            self.outstream.write(json.dumps(as_data(found), indent=1) + "\n")
        else:
            self.outstream.writelines(f"{line}\n" for line in lines(found, everything=self.everything))
        return 0


def draw(found: Pair, out: Path) -> None:
    """Write the comparison as a page.

    Raises:
        StoreError: It cannot be written.
    """
    with TemporaryDirectory(prefix="net2bit-") as folder:
        data = Path(folder) / "pair.json"
        data.write_text(json.dumps(as_data(found)), encoding="utf-8")
        command = [sys.executable, "-m", "net2bit.report.compare_page", str(data), str(out)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoreError(
            f"the page was not written: {done.stderr.strip()}", where=str(out), remedy="name a file in a folder you may write to"
        )

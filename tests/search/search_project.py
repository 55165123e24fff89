"""A small real project for the tests of the search: three stages that write documents of the real forms, from formulas known here.

`size` (the DPU's clock) decides target.json, `width` (the model's) ladder.json, both latency.json. Every run leaves a line in `runs.txt`.
"""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from copied_project import CopiedProject
from processes import wait_for

TOOLCHAIN = '''"""Documents from formulas."""

from net2bit.graph.kind import Op

TITLE = "formulas"
OPS = (
    Op("describe", "Count the DPU", makes=("target.json", "dpu.dcf"), run="formulas:describe", reads=("dpu.clock_mhz", "board")),
    Op("fit", "Fit", makes=("weights.h5",), run="formulas:fit", reads=("model.width",)),
    Op("measure", "Measure", needs=("weights.h5",), makes=("ladder.json",), run="formulas:measure", reads=("verify.max_drop",)),
    Op("time", "Predict", needs=("weights.h5", "target.json"), makes=("latency.json",), run="formulas:latency"),
    Op("judge", "Judge", needs=("ladder.json", "latency.json"), makes=("accuracy.json",), run="formulas:judge"),
)
'''
CODE = '''"""The work of the formulas."""

import json
import os
from pathlib import Path

from net2bit.errors import StageError
from net2bit.job import Job


def _ran(name: str) -> None:
    with Path(__file__).with_name("runs.txt").open("a") as file:
        file.write(f"{name}\\n")


def describe(job: Job) -> None:
    """A clock of 100 takes 100 DSP slices."""
    _ran("describe")
    dsp = job.config["dpu"]["clock_mhz"]
    there = job.config["board"]["resources"]
    target = {"peak_gops": 2.0 * dsp, "board": {"resources": there}, "resources": {"dsp": dsp, "lut": 10 * dsp, "uram": 0}}
    job.outputs["target.json"].write_text(json.dumps(target))
    job.outputs["dpu.dcf"].write_text("")


def fit(job: Job) -> None:
    """The width, in a file; a width above 3.5 does not train."""
    _ran("fit")
    width = job.config["model"]["width"]
    if width > 3.5:
        raise StageError("the loss is not a number")
    job.metric("loss", 4 - width)
    job.outputs["weights.h5"].write_text(json.dumps(width))
    hold = Path(__file__).with_name("hold")
    if hold.exists() and width > float(hold.read_text()):
        Path(__file__).with_name("held").write_text(str(os.getppid()))
        while hold.exists():
            __import__("time").sleep(0.01)


def measure(job: Job) -> None:
    """Dice rises with the width, less and less."""
    _ran("measure")
    width = json.loads(job.inputs["weights.h5"].read_text())
    dice = round(1 - 1 / (1 + 4 * width), 6)
    scores = {"mean": dice, "classes": {"car": dice / 2}}
    rung = {"dice": scores, "iou": scores, "accuracy": dice, "drop": 0.0}
    job.outputs["ladder.json"].write_text(json.dumps({"rungs": [rung, rung]}))


def latency(job: Job) -> None:
    """Frames a second fall with the square of the width and rise with the clock."""
    _ran("latency")
    width = json.loads(job.inputs["weights.h5"].read_text())
    dsp = json.loads(job.inputs["target.json"].read_text())["resources"]["dsp"]
    fps = round(dsp / (0.1 + width**2), 6)
    figures = {"ms": 1000 / fps, "low_ms": 900 / fps, "high_ms": 1100 / fps, "gops": 1.0, "utilisation": 0.5}
    kernel = {"code": 1, "parameters": 2, "workspace": 3}
    rates = [{"cores": 1, "fps": fps, "low": fps, "high": fps}]
    job.outputs["latency.json"].write_text(json.dumps({**figures, "fps": rates, "kernel": kernel, "layers": [{"bytes": 7}]}))


def judge(job: Job) -> None:
    """A verdict."""
    _ran("judge")
    job.outputs["accuracy.json"].write_text("{}")
'''
WIDTHS = "model.width=interval(0.25,3.25)"
CLOCKS = "dpu.clock_mhz=100,200,300"
GOALS = "search.goals=[accuracy.int8.dice:max,fps:max,resources.dsp:min]"


class Project(CopiedProject):
    """The project in a folder, searched as a user searches it."""

    def __init__(self, folder: Path) -> None:
        """Write the project."""
        super().__init__(folder, "dodo.py", "sweep.py")
        for path in (folder / "tasks/stages").glob("[a-z]*.py"):
            path.write_text(path.read_text(encoding="utf-8") + "\nOPS = ()\n", encoding="utf-8")  # the kinds stay
        (folder / "tasks/toolchains/open.py").unlink()
        self.declare("formulas", TOOLCHAIN, "target.json, accuracy.json")
        self.write("formulas.py", CODE)
        self.write("experiments/flow/small.yaml", "name: small\ngoals: [target.json]\n")
        self.choose("formulas")

    @property
    def environ(self) -> dict[str, str]:
        """The environment that its processes see."""
        return super().environ | {"COLUMNS": "200"}

    def command(self, *words: str) -> list[str]:
        """Return the command of a search, for Python."""
        return ["sweep.py", "-m", "hydra/sweeper=search", "sweep.name=s", "cache=none", *words]

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Search."""
        return self.python(*self.command(*words))

    def killed(self, above: float, *words: str) -> None:
        """Search until a point wider than *above* is in its first stage; kill the search then."""
        hold, held = self.folder / "hold", self.folder / "held"
        hold.write_text(str(above))
        with (self.folder / "killed.log").open("w") as log:
            process = subprocess.Popen([sys.executable, *self.command(*words)], cwd=self.folder, env=self.environ, stdout=log, stderr=log)
        wait_for(lambda: held.exists() or process.poll() is not None)
        assert process.poll() is None, (self.folder / "killed.log").read_text()
        process.send_signal(signal.SIGKILL)
        process.wait()
        hold.unlink()
        held.unlink()

    def told(self) -> dict[str, Any]:
        """Return what the last search wrote."""
        found: dict[str, Any] = json.loads((self.folder / "sweeps/s/search.json").read_text())
        return found

    def points(self) -> list[dict[str, Any]]:
        """Return the trials of the last search, each point once."""
        return [trial for trial in self.told()["trials"] if trial["same_as"] is None]

    @property
    def runs(self) -> Counter[str]:
        """How often each stage ran."""
        path = self.folder / "runs.txt"
        return Counter(path.read_text().split() if path.exists() else ())

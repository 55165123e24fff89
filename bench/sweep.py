"""A sweep of 8 DPU sizes x 2 models: what sharing and two workers save, against a serial sweep, one doit per point, and dvc.

    .venv/bin/python bench/sweep.py                       # some minutes on two idle cores
    .venv/bin/python bench/sweep.py --dvc ENV/bin/dvc     # with dvc from an environment of its own
    .venv/bin/python bench/sweep.py --small train.epochs=2

Every way builds the same stages in a fresh clone of this checkout (committed files only), without cache, one thread in each stage, so
that two workers have two cores. Wall seconds; the ratios hold for one run of this script. dvc gets the same functions as commands, with the
files they read and write as dependencies and outputs; it runs one stage after the other, and looks at no code.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from measure import Cost, run, table

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a checkout need not be installed

from net2bit.graph import config, registry  # noqa: E402 - behind the path
from net2bit.graph.merge import Merged, merge  # noqa: E402
from net2bit.graph.plan import plan  # noqa: E402

SIZES: Final = ("b512", "b800", "b1024", "b1152", "b1600", "b2304", "b3136", "b4096")
MODELS: Final = ("unet", "separable_unet")
WORDS: Final = ("experiment=quick", "board=zcu104", "cache.enabled=false", "train.threads=1", "train.epochs=1", "verify.max_drop=1.0")
THREADS: Final = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
GOALS: Final = {"stage time over distinct stages": 1.05, "2 workers over serial": 0.6}


@dataclass(frozen=True)
class Way:
    """One way to build the sweep.

    Attributes:
        name: For the table.
        cost: What it cost.
        ran: Stages that ran.
        stages: Wall seconds of all of them together; 0 where nobody kept them.
        again: Wall seconds of a second run that finds nothing to do.
    """

    name: str
    cost: Cost
    ran: int
    stages: float = 0.0
    again: float = 0.0


class Bench:
    """Builds the same points in several ways, each in a clone of its own."""

    def __init__(self, folder: Path, sizes: Sequence[str], words: Sequence[str]) -> None:
        """Work in *folder*."""
        self.folder, self.sizes, self.words = folder, sizes, (*WORDS, *words)

    def clone(self, name: str) -> Path:
        """Return a fresh clone."""
        home = self.folder / name
        subprocess.run(["git", "clone", "-q", str(ROOT), str(home)], check=True)  # noqa: S607 - git is on PATH where this is run
        return home

    def environ(self, home: Path) -> Mapping[str, str]:
        """Return the environment of a build in *home*."""
        return {**THREADS, "PYTHONPATH": str(home), "NET2BIT_CACHE_DIR": str(home / "cache")}

    def points(self) -> Iterator[tuple[str, ...]]:
        """Yield the overrides of each point."""
        for size, model in product(self.sizes, MODELS):
            yield (*self.words, f"dpu={size}", f"model={model}")

    def merged(self, workers: int) -> Way:
        """Build the points as one graph."""
        home = self.clone(f"merged{workers}")
        values = (f"dpu={','.join(self.sizes)}", f"model={','.join(MODELS)}")
        command = [sys.executable, "sweep.py", "-m", "-n", str(workers), *self.words, *values]
        first, again = run(command, home, self.environ(home)), run(command, home, self.environ(home))
        return Way(f"sweep.py -n {workers}", first, *_ran(home), again.wall)

    def single(self) -> Way:
        """Build the points one after the other, each with a doit of its own, in one tree."""
        home = self.clone("single")
        commands = [[sys.executable, "-m", "net2bit.graph.front", *words] for words in self.points()]
        first, again = (_sum([run(command, home, self.environ(home)) for command in commands]) for _ in range(2))
        return Way("one doit per point", first, *_ran(home), again.wall)

    def dvc(self, program: str) -> Way:
        """Build the points as stages of dvc."""
        home = self.clone("dvc")
        graph = self.graph(home)
        (home / "dvc.yaml").write_text(json.dumps({"stages": dict(_dvc_stages(home, graph))}), encoding="utf-8")
        subprocess.run([program, "init", "--no-scm", "--quiet"], cwd=home, check=True)
        command = [program, "repro", "--quiet"]
        first, again = run(command, home, self.environ(home)), run(command, home, self.environ(home))
        return Way("dvc repro", first, len(graph.nodes), again=again.wall)

    def graph(self, home: Path) -> Merged:
        """Return the graph of all points."""
        known = registry.load(home)
        composed = [config.load(config.origin(home, words), home / ".net2bit/config") for words in self.points()]
        return merge({number: plan(one, known, root=home) for number, one in enumerate(composed)})


def _dvc_stages(home: Path, graph: Merged) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield every stage as dvc wants it, and write what its command reads."""
    (home / "specs").mkdir()
    for number, node in enumerate(graph.nodes.values()):
        stage, spec = node.stage, f"specs/{number}.json"
        inputs = {one.kind: one.path for one in stage.inputs}
        outputs = {one.kind: one.path for one in stage.outputs}
        (home / spec).write_text(json.dumps({"run": stage.op.run, "config": stage.config, "inputs": inputs, "outputs": outputs}))
        command = f"{sys.executable} {Path(__file__).with_name('sweep_dvc.py')} {spec}"
        yield f"s{number}", {"cmd": command, "deps": [spec, *inputs.values()], "outs": list(outputs.values())}


def _sum(costs: Sequence[Cost]) -> Cost:
    return Cost(sum(one.cpu for one in costs), sum(one.wall for one in costs), max(one.status for one in costs))


def _ran(home: Path) -> tuple[int, float]:
    """Return how many stages ran in a tree, and their seconds together."""
    with sqlite3.connect(home / ".net2bit/store.db") as db:
        (found,) = db.execute("SELECT count(*), sum(seconds) FROM history WHERE how='ran'")
    return int(found[0]), float(found[1] or 0.0)


def _alone(home: Path, graph: Merged) -> tuple[float, float]:
    """Return the seconds of the distinct stages, and of all stages of all points: what points that share nothing would run."""
    with sqlite3.connect(home / ".net2bit/store.db") as db:
        took = dict(db.execute("SELECT target, min(seconds) FROM history WHERE how='ran' GROUP BY target"))
    seconds = {node.name: took[node.stage.outputs[0].path] for node in graph.nodes.values()}
    return sum(seconds.values()), sum(seconds[node.name] * len(node.points) for node in graph.nodes.values())


def _row(way: Way, serial: Way) -> list[str]:
    stages = f"{way.stages:.1f}" if way.stages else ""
    ratio = f"{way.cost.wall / serial.cost.wall:.2f}"
    return [way.name, str(way.ran), stages, f"{way.cost.wall:.1f}", ratio, f"{way.cost.cpu:.1f}", f"{way.again:.2f}", str(way.cost.status)]


def _said() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dvc", default=shutil.which("dvc"), help="dvc's program; left out where there is none")
    parser.add_argument("--small", action="store_true", help="two sizes in place of eight")
    parser.add_argument("words", nargs="*", help="more overrides")
    return parser.parse_args()


def main() -> int:
    """Build the sweep in all ways, and print a row for each and the ratios against their goals."""
    said = _said()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), SIZES[:2] if said.small else SIZES, said.words)
        serial, both, single = bench.merged(1), bench.merged(2), bench.single()
        ways = [serial, both, single, *([bench.dvc(str(Path(said.dvc).absolute()))] if said.dvc else [])]
        graph = bench.graph(bench.folder / "merged1")
        distinct, alone = _alone(bench.folder / "merged1", graph)
    head = ["way", "stages", "stage s", "wall s", "/ serial", "CPU s", "again s", "status"]
    print(table(head, [_row(way, serial) for way in ways]))
    print(f"\n{len(graph.plans)} points, {len(graph.nodes)} distinct stages")
    print(f"points that share nothing would take {alone / distinct:.1f} times the stage time")
    found = {"stage time over distinct stages": serial.stages / distinct, "2 workers over serial": both.cost.wall / serial.cost.wall}
    for what, ratio in found.items():
        print(f"{what}: {ratio:.2f} (at most {GOALS[what]})")
    print(f"load while it ran: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores")
    return max(way.cost.status for way in ways)


if __name__ == "__main__":
    sys.exit(main())

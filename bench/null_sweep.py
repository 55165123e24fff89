"""What it costs to find out that a sweep has nothing to do, and to compose its points.

    .venv/bin/python bench/null_sweep.py                     # 100 points, 701 stages; minutes for the first build
    .venv/bin/python bench/null_sweep.py --points 20 --alone 20

Every point has seven stages of its own behind one that all share. CPU seconds of whole processes, children included, the median of
several runs; ratios are to one `doit` for each point (of which --alone are run and the rest reckoned), and to hydra composing each point.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

from measure import Cost, median, run, table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a checkout need not be installed

from net2bit.graph.compose import compose  # noqa: E402 - behind the path
from net2bit.sweep.batch import Composer  # noqa: E402 - likewise

STEPS = 7
TOOLCHAIN = '''"""A chain for every point, for the benchmark."""

from net2bit.graph.kind import Kind, Op

TITLE = "chains that write a number"
KINDS = tuple(Kind(f"step{{step}}", "a number") for step in range({steps} + 1))
OPS = (
    Op(name="write0", title="write", makes=("step0",), run="sweep_steps:run", reads=("dataset.name",)),
    *(
        Op(
            name=f"write{{step}}",
            title="write",
            needs=(f"step{{step - 1}}",),
            makes=(f"step{{step}}",),
            run="sweep_steps:run",
            reads=("train.seed", "train.epochs"),
        )
        for step in range(1, {steps} + 1)
    ),
)
'''
WORK = '''"""Writes what is known."""

from net2bit.job import Job, canonical


def run(job: Job) -> None:
    """Write the configuration and the inputs."""
    (target,) = job.outputs.values()
    target.write_text(canonical(job.config) + "".join(path.read_text() for path in job.inputs.values()))
'''


def project(folder: Path) -> None:
    """Write a project whose only toolchain is the chains."""
    shutil.copytree(ROOT / "experiments", folder / "experiments")
    for name in ("sweep.py", "dodo.py"):
        shutil.copy(ROOT / name, folder)
    files = {
        "tasks/stages/__init__.py": "",
        "tasks/toolchains/__init__.py": "",
        "tasks/__init__.py": "",
        "tasks/toolchains/chains.py": TOOLCHAIN.format(steps=STEPS),
        "experiments/toolchain/chains.yaml": "name: chains\n",
        "experiments/flow/chains.yaml": f"name: chains\ngoals: [step{STEPS}]\n",
        "sweep_steps.py": WORK,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def words(points: int) -> tuple[list[str], list[list[str]]]:
    """Return the words of a sweep of *points*, and those of each point."""
    fixed, epochs = ["toolchain=chains", "flow=chains", "cache=none"], 5
    seeds = points // epochs
    each = [[*fixed, f"train.seed={seed}", f"train.epochs={epoch}"] for seed, epoch in product(range(seeds), range(1, epochs + 1))]
    return [*fixed, f"train.seed=range({seeds})", f"train.epochs=range(1,{epochs + 1})"], each


def composing(each: list[list[str]]) -> tuple[float, float]:
    """Return CPU seconds of composing all points together, and one after the other as hydra does."""
    tree = ROOT / "experiments"
    users = [["dpu=b512", *point[2:]] for point in each]
    began = time.process_time()
    composer = Composer(tree)
    together = [composer.compose(point) for point in users]
    between = time.process_time()
    alone = [compose(tree, (), point) for point in users]
    ended = time.process_time()
    if [one["train"] for one in together] != [one["train"] for one in alone]:
        raise SystemExit("the points are not the same")
    return between - began, ended - between


def main() -> None:
    """Build once, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--points", type=int, default=100, help="a multiple of 5")
    parser.add_argument("--alone", type=int, default=10, help="points for which doit is run")
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="net2bit-sweep-") as name:
        folder = Path(name)
        project(folder)
        environ = {"PYTHONPATH": os.pathsep.join([name, str(ROOT)]), "NET2BIT_CACHE_DIR": f"{name}/cache"}
        swept, each = words(asked.points)
        sweep = [sys.executable, "sweep.py", "-m", *swept]
        measure(asked, folder, environ, sweep, each)
        together, alone = composing(each)
        print(f"\ncomposing {asked.points} points: {together:.2f} s of CPU together, {alone:.2f} s by hydra: {together / alone:.3f} times")


def measure(asked: argparse.Namespace, folder: Path, environ: dict[str, str], sweep: list[str], each: list[list[str]]) -> None:
    """Print what a sweep costs in which nothing is to be done."""

    def repeated(prepare: Callable[[], None]) -> Cost:
        costs = []
        for _ in range(asked.runs):
            prepare()
            costs.append(run(sweep, folder, environ))
        return median(costs)

    def forget(*names: str) -> Callable[[], None]:
        return lambda: [shutil.rmtree(folder / ".net2bit" / name, ignore_errors=True) for name in names] and None

    first = run(sweep, folder, environ)
    if first.status:
        raise SystemExit("the sweep does not build")
    run(sweep, folder, environ)
    rows = [
        ("sweep, nothing moved", repeated(forget())),
        ("sweep, the store asked", repeated(forget("null"))),
        ("sweep, composed anew", repeated(forget("null", "sweeps"))),
    ]
    asking = [sys.executable, "-m", "net2bit.graph.front"]
    commands = [[*asking, *point, f"name=point{number}"] for number, point in enumerate(each[: asked.alone])]
    for command in commands:  # twice: the first shows a point in dist/, the second remembers it
        run(command, folder, environ)
        run(command, folder, environ)
    known = [run(command, folder, environ) for command in commands]
    forget("null")()
    doit = [run(command, folder, environ) for command in commands]
    share = asked.points / asked.alone
    rows += [
        (name, _all(costs, share)) for name, costs in (("doit for each, nothing moved", known), ("doit for each, the store asked", doit))
    ]
    whole = rows[-1][1].cpu
    lines = [(name, f"{cost.cpu:.3f}", f"{cost.wall:.3f}", f"{cost.cpu / whole:.4f}") for name, cost in rows]
    stages = asked.points * STEPS + 1
    print(f"{asked.points} points, {stages} stages; the first build took {first.cpu:.0f} s of CPU, {first.wall:.0f} s\n")
    print(table(("", "CPU s", "wall s", "to doit"), lines))


def _all(costs: list[Cost], share: float) -> Cost:
    return Cost(share * sum(cost.cpu for cost in costs), share * sum(cost.wall for cost in costs), max(cost.status for cost in costs))


if __name__ == "__main__":
    main()

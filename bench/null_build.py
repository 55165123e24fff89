"""What it costs to find out that there is nothing to do: net2bit against make, ninja, bare doit, snakemake and dvc on the same graph.

    .venv/bin/python bench/null_build.py                     # chains of 7 stages: 10 and 1,001 of them; minutes for the first builds
    .venv/bin/python bench/null_build.py --chains 1 --peers make,doit
    .venv/bin/python bench/null_build.py --default           # the default experiment of this checkout (built before) against bare doit

CPU seconds of whole processes, children included, the median of several runs taken in turn; ratios are to bare doit in the same run.
net2bit is shown twice: its front end, which remembers that nothing moved, and doit with net2bit's graph, which asks the store.
"""

import argparse
import shutil
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from measure import Cost, median, run, table
from peers import LENGTH, PEERS, Peer, sources

ROOT = Path(__file__).resolve().parents[1]
CHAIN = '''"""Chains of stages that copy a file, for the benchmark."""

from net2bit.graph.kind import Kind, Op

TITLE = "chains that copy"
CHAINS, LENGTH = {chains}, {length}
KINDS = tuple(Kind(f"c{{chain}}_{{step}}", "a copy") for chain in range(CHAINS) for step in range(1, LENGTH + 1))
OPS = tuple(
    Op(
        name=f"copy{{chain}}_{{step}}",
        title="copy",
        needs=(f"c{{chain}}_{{step - 1}}",) if step > 1 else (),
        makes=(f"c{{chain}}_{{step}}",),
        run="chain_copy:run",
        uses=() if step > 1 else (f"c{{chain}}_0",),
    )
    for chain in range(CHAINS)
    for step in range(1, LENGTH + 1)
)
'''
COPY = '''"""Copies one file."""

import shutil
from pathlib import Path

from net2bit.job import Job


def run(job: Job) -> None:
    """Copy the stage before, or the chain's source."""
    ((kind, target),) = job.outputs.items()
    source = next(iter(job.inputs.values()), Path(__file__).with_name(kind.split("_")[0] + "_0"))
    shutil.copyfile(source, target)
'''


def net2bit_project(folder: Path, chains: int) -> None:
    """Write the chains as a toolchain in a project of its own."""
    for name in ("experiments", "tasks"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "dodo.py", folder)
    (folder / "tasks/toolchains/chains.py").write_text(CHAIN.format(chains=chains, length=LENGTH), encoding="utf-8")
    (folder / "chain_copy.py").write_text(COPY, encoding="utf-8")
    (folder / "experiments/toolchain/chains.yaml").write_text("name: chains\n", encoding="utf-8")
    goals = ", ".join(f"c{chain}_{LENGTH}" for chain in range(chains))
    (folder / "experiments/flow/chains.yaml").write_text(f"name: chains\ngoals: [{goals}]\n", encoding="utf-8")


def net2bit_peers() -> list[Peer]:
    """Return net2bit by its two doors."""
    words = ("flow=chains", "toolchain=chains", "cache.enabled=false")
    front = (sys.executable, "-m", "net2bit.graph.front", *words)
    return [
        Peer("net2bit (./doitw)", net2bit_project, front),
        Peer("net2bit (doit)", net2bit_project, (sys.executable, "-m", "doit", *words)),
    ]


def installed(peer: Peer, home: Path) -> Peer | None:
    """Return *peer* with its command found, in an environment of its own where it is a package; None where it cannot be had."""
    if peer.package:
        place = home / peer.package
        venv.create(place, with_pip=True)
        if run((str(place / "bin/pip"), "install", "-q", peer.package), home).status:
            return None
        known = str(place / "bin")
        tool, init = (str(Path(known, peer.command[0])), (str(Path(known, peer.prepare[0])), *peer.prepare[1:]) if peer.prepare else ())
        return replace(peer, command=(tool, *peer.command[1:]), prepare=init)
    found = shutil.which(peer.command[0])
    return replace(peer, command=(found, *peer.command[1:])) if found else None


def built(peer: Peer, folder: Path, chains: int) -> Cost:
    """Write the graph for *peer* and build it for the first time, and once more so that it has looked at everything."""
    folder.mkdir()
    sources(folder, chains)
    peer.write(folder, chains)
    if peer.prepare:
        run(peer.prepare, folder)
    first = run(peer.command, folder)
    run(peer.command, folder)
    return first


def race(peers: Sequence[Peer], home: Path, chains: int, rounds: int) -> Iterator[list[str]]:
    """Yield a table row per peer: first build, null build, ratio to bare doit."""
    folders = {peer.name: home / f"{chains}-{at}" for at, peer in enumerate(peers)}
    firsts = {peer.name: built(peer, folders[peer.name], chains) for peer in peers}
    nulls: dict[str, list[Cost]] = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            nulls[peer.name].append(run(peer.command, folders[peer.name]))
    base = median(nulls["doit"])
    for peer in peers:
        cost = median(nulls[peer.name])
        state = "" if cost.status == 0 else f"exit status {cost.status}"
        first = firsts[peer.name]
        yield [peer.name, f"{first.wall:.2f}", f"{cost.cpu * 1e3:.0f}", f"{cost.wall * 1e3:.0f}", f"{cost.cpu / base.cpu:.2f}", state]


def default_experiment(home: Path, rounds: int) -> Iterator[list[str]]:
    """Yield the rows for this checkout's default experiment against bare doit with as many tasks."""
    peer = next(one for one in PEERS if one.name == "doit")
    chains = 2  # 14 tasks: at least as many as the default experiment has stages
    folder = home / "bare"
    built(peer, folder, chains)
    runs = [
        ("doit, bare, 14 tasks", peer.command, folder),
        ("net2bit (./doitw)", (str(ROOT / "doitw"),), ROOT),
        ("net2bit (doit)", (sys.executable, "-m", "doit"), ROOT),
    ]
    for _, command, place in runs:
        run(command, place)
    costs = [[run(command, place) for _ in range(rounds)] for _, command, place in runs]
    base = median(costs[0])
    for (name, _, _), taken in zip(runs, costs, strict=True):
        cost = median(taken)
        yield [
            name,
            "",
            f"{cost.cpu * 1e3:.0f}",
            f"{cost.wall * 1e3:.0f}",
            f"{cost.cpu / base.cpu:.2f}",
            "" if cost.status == 0 else "failed",
        ]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, nargs="*", default=[10, 143], help="how many chains of 7 stages")
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS), help="which of the others to run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--default", action="store_true", help="measure the default experiment of this checkout")
    asked = parser.parse_args()
    head = ["", "first build, wall s", "null, CPU ms", "null, wall ms", "CPU / doit", ""]
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        if asked.default:
            print(table(head, list(default_experiment(home, asked.rounds))))
            return
        wanted = [peer for peer in PEERS if peer.name in asked.peers.split(",") or peer.name == "doit"]
        peers = [peer for peer in (installed(peer, home) for peer in wanted) if peer is not None]
        for chains in asked.chains:
            print(f"\n{chains} chains, {chains * LENGTH} stages")
            fit = [one for one in (*peers, *net2bit_peers()) if one.most >= chains * LENGTH]
            print(table(head, list(race(fit, home, chains, asked.rounds))), flush=True)


if __name__ == "__main__":
    main()

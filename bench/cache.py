"""What the shared cache costs: transfers over loopback HTTP (nginx, as docs/how-to/cache.md sets it up) against `cp` of the same files.

    .venv/bin/python bench/cache.py                # a minute or two
    .venv/bin/python bench/cache.py --rounds 9

The best of several rounds, taken in turn with `cp` in the same run; transfer and hashing overlap, so two cores should be free. Every
entry is signed, and every signature and digest is checked. `fetch` ends with verified files in the folder for arrivals; `restore` is a
whole build of the stage (locks, fetch, local cache, products in place, large files synced to disk, records), as the user waits for it.
Beside `cp` stand what a person would do (`curl`, `sha256sum`) and `least`, a transfer that only receives, hashes and writes.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from cache_peers import away, copied, curled, least, synced, timed
from measure import run, table

ROOT = Path(__file__).resolve().parents[1]
PLACES = [str(ROOT / "tests/cache"), str(ROOT / "tests"), str(ROOT)]
sys.path[:0] = PLACES

from cache_project import KINDS, Tree, stage  # noqa: E402 - the project of the tests is the one that is timed
from cache_servers import SECRET, Nginx, nginx  # noqa: E402 - likewise

from net2bit.cache.client import RemoteCache  # noqa: E402
from net2bit.cache.entry import Source  # noqa: E402
from net2bit.cache.settings import AUTH, RemoteSettings  # noqa: E402
from net2bit.graph.stage import Stage  # noqa: E402
from net2bit.provenance import envelope, keys, recompute  # noqa: E402

CASES = {
    "one file of 200 MB": {"size": 200_000_000, "files": 0, "each": 0},
    "1,000 files of 4 kB": {"size": 10, "files": 1000, "each": 4_000},
    "1,000 files of 32 kB": {"size": 10, "files": 1000, "each": 32_000},
}


def remote(web: Nginx, top: Path) -> dict[str, object]:
    """Return settings of a cache whose entries are signed."""
    return {"url": web.url, "mode": "readwrite", "trust": "required", "keys": (str(top / "key.pub"),), "timeout": 60.0}


@contextmanager
def opened(settings: dict[str, object]) -> Iterator[RemoteCache]:
    """Open a client, as a new build would."""
    client = RemoteCache(RemoteSettings.of(settings), lambda text: print("notice:", text))
    yield client
    client.close()


def fetched(settings: dict[str, object], base: str, into: Path) -> float:
    """Return the seconds of fetching one result, verified."""
    with opened(settings) as client:
        seconds = timed(lambda: client.fetch(base, KINDS, into))
    if not into.exists():
        raise SystemExit("nothing came")
    away(into)
    return seconds


def restored(tree: Tree, what: Stage) -> float:
    """Return the seconds of a build that takes its result from the server."""
    for path in (tree.root / "build", tree.root / ".net2bit", tree.local or tree.root / "none"):
        away(path)
    store = tree.store()
    store.check(what)
    seconds = timed(lambda: store.build(what))
    how = [run.how for run in store.history.runs()]
    store.close()
    if how != ["restored"]:
        raise SystemExit(f"it was not restored: {tree.notices}")
    return seconds


def case(name: str, web: Nginx, top: Path, rounds: int) -> list[list[str]]:
    """Build one case, send it, and time its ways back."""
    what, settings = stage(**CASES[name]), remote(web, top)
    tree = Tree(top / name, settings)
    with tree.store() as store:
        store.build(what)
        sent = timed(store.close)
    base = tree.key(what)
    source = tree.root / "build" / ("pages" if CASES[name]["files"] else "net.bin")
    blob = f"cas/{hashlib.sha256(source.read_bytes()).hexdigest()}" if source.is_file() else ""
    reader = Tree(top / f"{name} again", {**settings, "mode": "read"}, top / "local")
    found: dict[str, list[float]] = {"cp -r": [], "cp -r, sync": [], "fetch": [], "restore": []}
    for _ in range(rounds):
        found["cp -r"].append(copied(source, top / "copy"))
        found["fetch"].append(fetched(settings, base, top / "into"))
        found["restore"].append(restored(reader, what))
        found["cp -r, sync"].append(synced(source, top / "copy"))
        if source.is_file():
            found.setdefault("curl, sha256sum", []).append(curled(f"{web.url}/{blob}", top / "copy"))
            found.setdefault("least", []).append(least(web.port, f"/{blob}", source.stat().st_size, top / "copy"))
    return lines(name, found | {"send": [sent]})


def entries(web: Nginx, top: Path, rounds: int) -> list[list[str]]:
    """Send and fetch 1,000 results of three small files: one request and one signature for each of them."""
    settings = remote(web, top)
    tree = Tree(top / "many", settings)
    tree.build(stage(size=4_000, files=0))
    with opened(settings) as client:
        bases: list[str] = []
        sent = timed(lambda: (bases.extend(offered(client, tree)), client.close()))
    for number in range(len(bases)):
        (top / "flat" / f"{number:04d}").mkdir(parents=True)
        for source in sources(tree):
            shutil.copy(source.path, top / "flat" / f"{number:04d}" / source.path.name)
    found: dict[str, list[float]] = {"cp -r": [], "fetch": []}
    for _ in range(rounds):
        found["cp -r"].append(copied(top / "flat", top / "copy"))
        found["fetch"].append(taken(settings, bases, top / "into"))
        away(top / "into")
    return lines("1,000 entries of three small files", found | {"send": [sent]})


def sources(tree: Tree) -> list[Source]:
    """Return the products of *tree* as files to send."""
    files = [path for path in (tree.root / "build").rglob("*") if path.is_file() and not path.name.startswith(".")]
    stood = [(path, path.stat()) for path in files]
    return [
        Source(
            path.name,
            path,
            hashlib.sha256(path.read_bytes()).hexdigest(),
            bool(at.st_mode & 0o100),
            (at.st_mtime_ns, at.st_size, at.st_ino),
        )
        for path, at in stood
    ]


def offered(client: RemoteCache, tree: Tree) -> Iterator[str]:
    """Offer the result of *tree* under 1,000 stage keys, each with a statement of its own; yields the keys."""
    sealed, signer, files = (tree.root / "build/.net.bin.intoto.json").read_bytes(), keys.signer(), sources(tree)
    document = json.loads(json.dumps(envelope.unseal(sealed, envelope.Trust("off")).document))
    definition = document["predicate"]["buildDefinition"]
    for number in range(1000):
        definition["externalParameters"]["config"]["make"]["word"] = f"word {number}"
        base = recompute.base(document)
        definition["internalParameters"] |= {"base": base, "key": base}
        client.offer(base, envelope.seal(document, signer), files, anew=True)
        yield base


def taken(settings: dict[str, object], bases: Sequence[str], into: Path) -> float:
    """Return the seconds of fetching all *bases*, two at a time."""
    with opened(settings) as client, ThreadPoolExecutor(2) as pool:

        def take(base: str) -> None:
            if client.fetch(base, KINDS, into / base) is None:
                raise SystemExit("it was not restored")

        return timed(lambda: list(pool.map(take, bases)))


def lines(name: str, found: dict[str, list[float]]) -> list[list[str]]:
    """Return the rows of one case; ratios to `cp -r`."""
    unit = min(found["cp -r"])
    return [[f"{name}: {way}", f"{1000 * (at := min(times)):.0f} ms", f"{at / unit:.2f}"] for way, times in found.items()]


NULL = """
import sys
from pathlib import Path
from cache_project import stage
from net2bit.graph.store import Store
for _ in range(200):
    with Store(Path(sys.argv[1]), {"remote": {"url": sys.argv[2] or None}}) as store:
        assert store.check(stage()).fresh
"""


def null(top: Path, rounds: int) -> list[list[str]]:
    """Time 200 builds with nothing to do in one process, with a shared cache named and without."""
    tree = Tree(top / "null")
    tree.build()
    found: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(rounds):
        for way, url in (("without", ""), ("with", "https://cache.example.org")):
            done = run([sys.executable, "-c", NULL, str(tree.root), url], top, {"PYTHONPATH": os.pathsep.join(PLACES)})
            assert done.status == 0  # noqa: S101 - a benchmark that measures nothing is worse than none
            found[way].append(done.cpu)
    unit = min(found["without"])
    return [
        [f"200 null builds, {way} a shared cache", f"{1000 * (at := min(cpu)):.0f} ms CPU", f"{at / unit:.2f}"]
        for way, cpu in found.items()
    ]


def main(words: Sequence[str]) -> None:
    """Run all cases and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="cases whose name begins so")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="net2bit-bench-") as folder:
        top = Path(folder)
        keys.generate(top / "key")
        os.environ |= {AUTH: SECRET, keys.VARIABLE: str(top / "key")}
        rows: list[list[str]] = []
        with nginx(top / "nginx") as web:
            for name in CASES:
                if name.startswith(given.only):
                    rows += case(name, web, top, given.rounds)
            if not given.only:
                rows += entries(web, top, min(given.rounds, 3))
        if not given.only:
            rows += null(top, min(given.rounds, 3))
    print(table(["", "best", "to cp -r"], rows))


if __name__ == "__main__":
    main(sys.argv[1:])

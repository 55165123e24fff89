"""Builds stages of a test project in a process of its own, so that it can be killed; prints one JSON line per stage."""

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import store_project

from net2bit.errors import Net2bitError
from net2bit.graph import locks, place, signals
from net2bit.graph.cache import CacheSettings
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store

SPEC = json.loads(sys.argv[1])
for number in signals.SIGNALS:  # whatever started the tests may ignore some (nohup, a shell's background job); a user's terminal does not
    signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)


def kill_after(renames: int) -> None:
    """Die by SIGKILL right after the given number of files was moved into place: in mid-commit, where no handler can help."""
    real, left = place._move, [renames]

    def move(moves: list[tuple[Path, Path]]) -> None:
        for one in moves:
            real([one])
            left[0] -= ".work" not in str(one[1])
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    place._move = move


def no_flock() -> None:
    """Work on a file system that has no `flock`, or where nobody else sees it: leases alone keep builds apart."""

    def flock(path: Path, *, needed: bool) -> int | None:
        assert not needed
        path.touch()
        return None

    locks._flock = flock


def stage_of(order: str) -> Stage:
    name, _, word = order.partition(":")
    if name == "first":
        return store_project.first(resumes=word == "resumes")
    return store_project.second(word)


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def build(store: Store, order: str) -> None:
    stage = stage_of(order)
    try:
        built = store.build(stage, lambda event: say(**event) if event["event"] == "waiting" else None)
        say(stage=order, how=built.how)
    except Net2bitError as fault:
        say(stage=order, error=str(fault))


def build_in_thread(store: Store, order: str) -> None:
    with suppress(SystemExit):  # as doit's threads do
        build(store, order)


def main() -> None:
    signals.install()
    if SPEC["kill_after_renames"]:
        kill_after(SPEC["kill_after_renames"])
    if not SPEC["flock"]:
        no_flock()
    cache = CacheSettings(dir=Path(SPEC["cache"])) if SPEC["cache"] else CacheSettings(enabled=False)
    store = Store(Path(SPEC["root"]), cache)
    if SPEC["threads"]:
        threads = [threading.Thread(target=build_in_thread, args=(store, order), daemon=True) for order in SPEC["orders"]]  # as doit's are
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        for order in SPEC["orders"]:
            build(store, order)
    store.close()


main()

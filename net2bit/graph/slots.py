"""Stocks such as floating licences, counted over all processes and hosts that build in one tree.

A stock of n is n locks, its slots. They are freed as all locks are: also when their holder is killed.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from net2bit.graph import locks
from net2bit.graph.locks import Lock, OnWait, Try


@contextmanager
def taken(
    folder: Path,
    wants: Mapping[str, int],
    stock: Mapping[str, int],
    stage: str,
    on_wait: OnWait,
    give_up: Callable[[], None],
    *,
    leased: bool,
) -> Iterator[list[Lock]]:
    """Hold slots for running *stage*, all that it wants or none: two stages that each hold half would wait for ever.

    Args:
        folder: Where the tree's locks lie.
        wants: Name of a stock -> how many; what is not in *stock* is not counted.
        stock: Name -> how many there are; no stage wants more.
        stage: The stage's name, for others to read.
        on_wait: Is told who holds what is wanted, with the `pool` it is of, once per holder.
        give_up: May raise while it waits.
        leased: See `locks.held`.

    Raises:
        StoreError: A lock file cannot be made.
    """
    tries = {
        name: [Try(folder / f"pool-{name}-{number}.lock", leased=leased) for number in range(stock[name])]
        for name, amount in wants.items()
        if amount and name in stock
    }
    mine = _wait(tries, wants, stage, on_wait, give_up, leased=leased)
    try:
        yield mine
    finally:
        for lock in mine:
            lock.release()


def _wait(
    tries: Mapping[str, list[Try]], wants: Mapping[str, int], stage: str, on_wait: OnWait, give_up: Callable[[], None], *, leased: bool
) -> list[Lock]:
    told = ""
    for pause in locks.pauses(leased=leased):
        mine, short = _take(tries, wants, stage)
        if not short:
            return mine
        holder = next((one.holder for one in tries[short] if one.holder), {})
        if holder and locks.named(holder) != told:
            told = locks.named(holder)
            on_wait({**holder, "pool": short})
        give_up()
        time.sleep(pause)
    raise AssertionError  # the pauses never end


def _take(tries: Mapping[str, list[Try]], wants: Mapping[str, int], stage: str) -> tuple[list[Lock], str]:
    """Return the locks of all that is wanted, or none and the name of what there is too little of."""
    mine: list[Lock] = []
    for name, slots in tries.items():
        found = _some(slots, wants[name], stage)
        mine += found
        if len(found) < wants[name]:
            for lock in mine:
                lock.release()
            return [], name
    return mine, ""


def _some(slots: list[Try], amount: int, stage: str) -> list[Lock]:
    """Take up to *amount* of the slots that are free."""
    found: list[Lock] = []
    for slot in slots:
        lock = slot.take(stage) if len(found) < amount else None
        if lock is not None:
            found.append(lock)
    return found

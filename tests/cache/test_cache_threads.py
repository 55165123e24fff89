"""Threads that move contents: as many as pay, and none of them loses a fault."""

import threading

import pytest

from net2bit.cache.work import spread

TOGETHER = 8


def test_jobs_that_wait_are_done_side_by_side() -> None:
    """A server that takes its time is asked for eight contents at once: here none is done before eight are under way."""
    barrier = threading.Barrier(TOGETHER, timeout=120)
    done: list[int] = []

    def job() -> None:
        done.append(barrier.wait())

    spread([job] * 2 * TOGETHER)
    assert sorted(done) == sorted([*range(TOGETHER)] * 2)


@pytest.mark.parametrize("count", [1, 2, 500])
def test_a_fault_ends_it(count: int) -> None:
    """The first fault is raised, and what was not begun by then is left alone."""
    begun: list[None] = []

    def job() -> None:
        begun.append(None)
        raise ValueError("spoiled")

    with pytest.raises(ValueError, match="spoiled"):
        spread([job] * count)
    assert len(begun) <= TOGETHER


def test_nothing_to_do() -> None:
    """No jobs are no work."""
    spread([])

"""The tokens of the four queues."""

from __future__ import annotations

import pytest
from drawn_programs import B512, finished_before, programs
from hypothesis import given
from hypothesis import strategies as st

from net2bit.dpu import tokens
from net2bit.dpu.depend import depend
from net2bit.dpu.isa import ENGINES, ConvInit, End, Instruction, Load, Save
from net2bit.errors import ProgramError

LOAD, SAVE, CONV, MISC = range(4)


def _load(on: int = 0, by: int = 0) -> Load:
    return Load(bank_id=0, bank_addr=0, reg_id=0, ddr_addr=0, length=1, channel=1, jump_read=1, on=on | 1, by=by | 1)


def _init(on: int = 0, by: int = 0) -> ConvInit:
    return ConvInit(kernel_h=1, kernel_w=1, valid_pixel_parallel=1, jump_read=1, jump_write=1, on=on | 4, by=by | 4)


def test_waits_pair_with_signals_in_order() -> None:
    """The k-th wait for an engine takes the token of the k-th signal of that engine."""
    program = [_load(by=4), _load(), _load(by=4), _init(on=1), _init(), _init(on=1)]
    assert tokens.pair(program).source[:, LOAD].tolist() == [-1, -1, -1, 0, -1, 2]


def test_wait_without_signal_is_named() -> None:
    """A program that waits for ever is refused; the instruction, its engine and the silent engine are named."""
    program = [_load(), _init(on=1), End(on=2, by=2)]
    with pytest.raises(ProgramError, match=r"CONV waits for ever at CONVINIT \(for LOAD, which never signals it\)") as error:
        tokens.require(program)
    assert error.value.where == "instruction 1"
    assert tokens.run(tokens.pair(program)).stuck == {CONV: 1}


def test_circle_is_a_deadlock() -> None:
    """Two engines that wait for one another's later signals both stand still."""
    program = [_load(on=4), _init(on=1), _load(by=4), _init(by=1)]
    assert tokens.run(tokens.pair(program)).stuck == {LOAD: 0, CONV: 1}


def test_tokens_may_go_back_in_the_program() -> None:
    """An engine may wait for what the fetcher hands out later, as long as no circle arises."""
    program = [_init(on=1), _load(by=4)]
    assert tokens.run(tokens.pair(program)).order == [1, 0]


def test_leftover_is_counted() -> None:
    """Signals that nobody waits for stay in the counter: the next run of the program would start with them."""
    assert tokens.pair([_load(by=4), _load(by=4), _init(on=1)]).left[LOAD, CONV] == 1


def test_greatest_counter_runs_ahead() -> None:
    """A counter is as full as its engine can run ahead; a token the other way bounds it."""
    free = [item for _ in range(9) for item in (_load(by=4), _init(on=1))]
    assert tokens.greatest(tokens.pair(free))[LOAD, CONV] == 9
    held = [item for _ in range(9) for item in (_load(on=4, by=4), _init(on=1, by=1))]
    held[0].on = 1
    held[-1].by = 4
    assert tokens.greatest(tokens.pair(held))[LOAD, CONV] == 1


@given(programs(B512))
def test_clocks_say_what_is_done(program: list[Instruction]) -> None:
    """An instruction's clock counts, of every queue, just those that are finished in whatever order the tokens leave open."""
    depend(program, B512)
    clock, before = tokens.clocks(tokens.pair(program)), finished_before(program)
    for index, row in enumerate(clock.tolist()):
        counts = [sum(program[one].engine == engine for one in before[index]) for engine in ENGINES]
        assert row == counts


@given(programs(B512), st.randoms(use_true_random=False))
def test_every_order_ends(program: list[Instruction], random: object) -> None:
    """Whichever engine is fastest, the program ends with every counter at zero and none ever above its greatest value."""
    depend(program, B512)
    most = tokens.greatest(tokens.pair(program))
    counters = dict.fromkeys(most, 0)
    queues = [[item for item in program if item.engine == engine] for engine in ENGINES]
    while any(queues):
        ready = [x for x in range(4) if queues[x] and all(counters[y, x] for y in _bits(queues[x][0].on, x))]
        assert ready
        x = random.choice(ready)  # type: ignore[attr-defined]
        item = queues[x].pop(0)
        for y in _bits(item.on, x):
            counters[y, x] -= 1
        for y in _bits(item.by, x):
            counters[x, y] += 1
            assert counters[x, y] <= most[x, y]
    assert not any(counters.values())


def _bits(mask: int, own: int) -> list[int]:
    return [y for y in range(4) if mask >> y & 1 and y != own]


def test_no_program_has_no_tokens() -> None:
    """An empty program runs to its end."""
    assert tokens.require([]).source.shape == (0, 4)
    assert set(tokens.greatest(tokens.pair([])).values()) == {0}


def test_save_and_end_share_a_queue() -> None:
    """END stands in SAVE's queue: it comes after the last SAVE by itself."""
    save = Save(bank_id=0, bank_addr=0, reg_id=0, ddr_addr=0, length=1, channel=1, jump_write=1)
    assert tokens.engines([save, End()]).tolist() == [SAVE, SAVE]

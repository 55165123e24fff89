"""Tokens between two engines, and how to keep few of them under way.

A counter's width in hardware is not published. Where an engine could run so far ahead that a counter grows beyond the limit, the engine is
held back by one more token the other way, or, where the receiver comes later in the program, every second token is left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from net2bit.dpu.isa import ENGINES
from net2bit.dpu.tokens import NONE


@dataclass(slots=True)
class Channel:
    """The tokens from one engine to another: the k-th signalling and the k-th waiting instruction; both lists grow."""

    sources: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)

    def append(self, source: int, target: int) -> None:
        """Add a token behind all others."""
        self.sources.append(source)
        self.targets.append(target)

    def insert(self, source: int, target: int) -> None:
        """Add a token between others; those that follow from it (no later signal, no earlier wait) go."""
        first, last = bisect_left(self.targets, target), bisect_right(self.sources, source)
        self.sources[first:last] = [source]
        self.targets[first:last] = [target]

    def thin(self, first: int, last: int) -> None:
        """Of the tokens `first` to `last`, let each second one be waited for by the earlier receiver as well, and leave out the other."""
        pairs = range(first, last, 2)
        for at in reversed(pairs):
            del self.sources[at]
            del self.targets[at + 1]


Channels = dict[tuple[int, int], Channel]
"""By signalling and waiting engine, as indices into ENGINES."""


@dataclass(slots=True)
class _Walk:
    """Going through the program in order, with what every instruction knows to be done when it starts."""

    queue: list[int]
    channels: Channels
    limit: int
    clock: list[list[int]] = field(default_factory=list)
    """Per instruction and other engine, the last instruction that is surely done when this one starts."""

    def step(self, index: int, now: list[int]) -> list[int]:
        """Keep the counters that the instruction raises within the limit; return what it knows at its start."""
        mine = self.queue[index]
        for y in range(len(ENGINES)):
            channel = self.channels.get((mine, y))
            while channel is not None and (over := self._over(channel, index, now[y])) is not None:
                receiver = channel.targets[over]
                if receiver > index:
                    channel.thin(over, bisect_left(channel.sources, index))
                else:
                    self.channels[y, mine].insert(receiver, index)
                    now = after(now, self.clock[receiver], receiver, y)
        return now

    def _over(self, channel: Channel, index: int, known: int) -> int | None:
        """Return which token must have been taken before this instruction may signal; None if enough have."""
        at = bisect_left(channel.sources, index)
        if at == len(channel.sources) or channel.sources[at] != index or at - self.limit < 0:
            return None
        return at - self.limit if bisect_right(channel.targets, known) <= at - self.limit else None


def after(now: list[int], then: list[int], other: int, engine: int) -> list[int]:
    """Return what is known after waiting for instruction `other` of `engine`, which knew `then` when it started."""
    found = [max(both) for both in zip(now, then, strict=True)]
    found[engine] = max(found[engine], other)
    return found


def fullest(channels: Channels, clock: list[list[int]]) -> int:
    """Return the most tokens that any counter can ever hold, whatever the engines' speeds.

    Args:
        channels: The tokens.
        clock: Per instruction and other engine, the last instruction that is surely done when it starts.
    """
    most = 0
    for (_, y), channel in channels.items():
        for sent, source in enumerate(channel.sources, 1):
            if sent > most:
                most = max(most, sent - bisect_right(channel.targets, clock[source][y]))
    return most


def hold_back(queue: list[int], channels: Channels, limit: int) -> list[list[int]]:
    """Change tokens, in place, so that no counter exceeds the limit; a token that this adds may call for another round.

    Args:
        queue: Per instruction, its engine.
        channels: The tokens; each goes forward in the program.
        limit: The most tokens under way from one engine to another.

    Returns:
        Per instruction and other engine, the last instruction that is surely done when it starts.
    """
    walk = _Walk(queue, channels, limit)
    known = [[NONE] * len(ENGINES) for _ in ENGINES]
    for index, mine in enumerate(queue):
        now = known[mine]
        for x in range(len(ENGINES)):
            channel = channels.get((x, mine))
            if channel is None:
                continue
            found = bisect_left(channel.targets, index)
            if found < len(channel.targets) and channel.targets[found] == index:
                source = channel.sources[found]
                now = after(now, walk.clock[source], source, x)
        known[mine] = now = walk.step(index, now)
        walk.clock.append(now)
    return walk.clock

"""Lanes of work that share one thread."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from app.engine.ticket import Ticket

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
QUANTUM_S = 0.005


@dataclass
class Work:
    """What a turn has done: rows that took part, tokens that were read and written, tickets that got their first
    token, and those that got their last with how many they were."""

    rows: int = 0
    read: int = 0
    written: int = 0
    begun: list[Ticket] = field(default_factory=list)
    ended: list[tuple[Ticket, int]] = field(default_factory=list)


class Lane(Protocol):
    """One kind of work for one model, done in turns of a few milliseconds."""

    name: str

    @property
    def busy(self) -> bool:
        """Whether a turn would do anything."""

    def turn(self, alone: bool, /) -> Work:
        """Do a bounded piece of the work: a few milliseconds of it, or more where nobody else waits."""


class RoundRobin:
    """Deficit round-robin (Shreedhar and Varghese 1995), charged in measured seconds.

    A lane with a dear turn waits until the others have had as much time; an idle lane saves nothing up.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._credit: dict[int, float] = {}
        self._last = 0

    def turn(self, lanes: Sequence[Lane]) -> tuple[Lane, Work, float] | None:
        """Give one busy lane, if there is any, a turn; return it, what it did, and in how many seconds."""
        busy = [lane for lane in lanes if lane.busy]
        if not busy:
            self._credit.clear()
            return None
        self._credit = {id(lane): self._credit.get(id(lane), 0.0) for lane in busy}
        if (most := max(self._credit.values())) <= 0:
            for key in self._credit:
                self._credit[key] += QUANTUM_S - most
        lane = max(busy, key=lambda lane: self._credit[id(lane)])
        started = self._clock()
        try:
            work = lane.turn(len(busy) == 1)
        finally:
            seconds = self._clock() - started
            self._credit[id(lane)] -= seconds
        return lane, work, seconds


def isolated(
    items: Sequence[ItemT], work: Callable[[Sequence[ItemT]], ResultT]
) -> Iterator[tuple[Sequence[ItemT], ResultT | Exception]]:
    """Do work on items together; where it raises, on halves of them, down to the one that is to blame.

    Yields the items of each part with its result, or, for one alone, the error. work must change
    nothing where it raises.
    """
    try:
        result = work(items)
    except Exception as error:
        if len(items) == 1:
            yield items, error
            return
        middle = len(items) // 2
        yield from isolated(items[:middle], work)
        yield from isolated(items[middle:], work)
        return
    yield items, result

"""Lanes of work that share one thread."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from app.engine.ticket import Ticket

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
QUANTUM_S = 0.005


@dataclass
class Work:
    """What a step has done: rows that took part, tokens that were read and written, tickets that got their first
    token, and those that got their last with how many they were."""

    rows: int = 0
    read: int = 0
    written: int = 0
    begun: list[Ticket] = field(default_factory=list)
    ended: list[tuple[Ticket, int]] = field(default_factory=list)


class Lane(ABC):
    """One kind of work for one model, done in steps of a few milliseconds."""

    name: str

    @property
    @abstractmethod
    def busy(self) -> bool:
        """Whether a step would do anything."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many of the model's slots its tasks take."""

    @property
    def empty(self) -> bool:
        """Whether it holds no task, not even one that is set aside."""
        return not self.busy

    @abstractmethod
    def sweep(self) -> None:
        """Drop the tasks whose ticket has ended."""

    def interrupt(self) -> None:  # noqa: B027 (most lanes have nothing that could continue elsewhere)
        """Finish, with what they have, the tasks that can continue in another process."""

    @abstractmethod
    def step(self, alone: bool, /) -> Work:
        """Do a bounded piece of the work: a few milliseconds, or more if alone, when no other lane is busy."""


class RoundRobin:
    """Deficit round-robin (Shreedhar and Varghese 1995), charged in measured seconds.

    A lane with an expensive step waits until the others have had as much time; an idle lane accumulates no credit.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._credit: dict[int, float] = {}
        self._last = 0

    def step(self, lanes: Sequence[Lane]) -> tuple[Lane, Work, float] | None:
        """Run a step of one busy lane, if there is any; return it, its work, and the seconds it took."""
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
            work = lane.step(len(busy) == 1)
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

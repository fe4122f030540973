"""Fair queueing: whose request starts next."""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from app.engine.ticket import Ticket


class Queued(Protocol):
    @property
    def ticket(self) -> Ticket: ...


QueuedT = TypeVar("QueuedT", bound=Queued)


class FairQueue(Generic[QueuedT]):
    """Start-time fair queueing between callers (Goyal et al. 1996).

    The next caller is the one that has been served least so far, by cost; its entries are in order of urgency, then of
    arrival. A caller that is new, or comes back, starts level with the least served caller in the queue, so that being
    away earns no credit.
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[int, deque[QueuedT]]] = {}  # by caller and urgency
        self._served: dict[str, float] = defaultdict(float)
        self._level = 0.0

    def __iter__(self) -> Iterator[QueuedT]:
        return (entry for by_urgency in self._entries.values() for line in by_urgency.values() for entry in line)

    def add(self, entry: QueuedT) -> None:
        caller = entry.ticket.caller
        if caller.name not in self._entries:
            self._served[caller.name] = max(self._served[caller.name], self._level)
        self._entries.setdefault(caller.name, {}).setdefault(caller.urgency, deque()).append(entry)

    def next(self) -> QueuedT | None:
        """The entry to start next; None if the queue is empty."""
        if not self._entries:
            return None
        return self._first(min(self._entries, key=lambda name: self._served[name]))

    @property
    def callers(self) -> int:
        """How many have entries."""
        return len(self._entries)

    def others(self) -> list[QueuedT]:
        """The entries that are next of the callers after that of `next`, the least served first."""
        names = sorted(self._entries, key=lambda name: self._served[name])
        return [self._first(name) for name in names[1:]]

    def lines(self) -> Iterator[list[QueuedT]]:
        """The entries of each caller, in their order."""
        for by_urgency in self._entries.values():
            yield [entry for urgency in sorted(by_urgency) for entry in by_urgency[urgency]]

    def _first(self, name: str) -> QueuedT:
        by_urgency = self._entries[name]
        return by_urgency[min(by_urgency)][0]

    def take(self, entry: QueuedT) -> None:
        """Remove an entry that starts, and charge its caller."""
        name = entry.ticket.caller.name
        self._level = max(self._level, self._served[name])
        self._served[name] += entry.ticket.cost
        self.remove(entry)

    def remove(self, entry: QueuedT) -> None:
        """Remove an entry, at no charge."""
        caller = entry.ticket.caller
        by_urgency = self._entries[caller.name]
        line = by_urgency[caller.urgency]
        line.remove(entry)
        if not line:
            del by_urgency[caller.urgency]
        if not by_urgency:
            del self._entries[caller.name]
        if not self._entries:
            self._served.clear()
            self._level = 0.0

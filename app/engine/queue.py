"""Who comes next, and how long that takes."""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from app.engine.ticket import Ticket


class Queued(Protocol):
    """What waits: a ticket and what hangs on it."""

    @property
    def ticket(self) -> Ticket: ...


QueuedT = TypeVar("QueuedT", bound=Queued)


class FairQueue(Generic[QueuedT]):
    """Waiting work, shared out fairly between callers.

    Each caller's own work waits in the order of its urgency, then of its coming. Next is the caller
    who has been given least so far, by cost; one who comes (back) starts level with the least served
    of those that wait, so that having been away earns nothing ("start-time fair queueing", Goyal et
    al. 1996).
    """

    def __init__(self) -> None:
        self._waiting: dict[str, dict[int, deque[QueuedT]]] = {}
        self._served: dict[str, float] = defaultdict(float)
        self._level = 0.0

    def __iter__(self) -> Iterator[QueuedT]:
        return (entry for lines in self._waiting.values() for line in lines.values() for entry in line)

    def add(self, entry: QueuedT) -> None:
        caller = entry.ticket.caller
        if caller.name not in self._waiting:
            self._served[caller.name] = max(self._served[caller.name], self._level)
        self._waiting.setdefault(caller.name, {}).setdefault(caller.urgency, deque()).append(entry)

    def next(self) -> QueuedT | None:
        """Whose turn it is; None where nobody waits."""
        if not self._waiting:
            return None
        lines = self._waiting[min(self._waiting, key=lambda name: self._served[name])]
        return lines[min(lines)][0]

    def take(self, entry: QueuedT) -> None:
        """Take out whose turn it is, and charge the caller."""
        name = entry.ticket.caller.name
        self._level = max(self._level, self._served[name])
        self._served[name] += entry.ticket.cost
        self._drop(name, entry)

    def remove(self, entry: QueuedT) -> None:
        """Take out work that will not be done."""
        self._drop(entry.ticket.caller.name, entry)

    def _drop(self, name: str, entry: QueuedT) -> None:
        lines = self._waiting[name]
        line = lines[entry.ticket.caller.urgency]
        line.remove(entry)
        if not line:
            del lines[entry.ticket.caller.urgency]
        if not lines:
            del self._waiting[name]
        if not self._waiting:
            self._served.clear()
            self._level = 0.0


class Pace:
    """How fast work gets done, and so how long what waits will wait."""

    MEMORY = 0.98  # how much of the past is kept at each finished job

    def __init__(self) -> None:
        self._cost = 0.0
        self._seconds = 0.0

    def ended(self, cost: float, busy_s: float) -> None:
        """Note that work of a cost ended, busy_s seconds of the engine's after the one before it."""
        self._cost = self.MEMORY * self._cost + cost
        self._seconds = self.MEMORY * self._seconds + busy_s

    def seconds(self, cost: float) -> float:
        """How long work of a cost will take; 0 as long as nothing is known."""
        return cost * self._seconds / self._cost if self._cost else 0.0

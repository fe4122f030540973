"""Admission control: the queue is bounded in length and in waiting time."""

import threading

from app.engine.pace import Pace
from app.engine.ticket import Ticket
from app.errors import QueueFull


class Admission:
    """Counts the queued requests, from submission to a slot. Its methods may be called from any thread."""

    def __init__(self, max_queued: int) -> None:
        self._max_queued, self._pace, self._lock = max_queued, Pace(), threading.Lock()
        self._cost = 0.0
        self.queued = 0

    def enter(self, ticket: Ticket) -> None:
        """Raise QueueFull if the queue is full, or the wait would be longer than the ticket's timeout."""
        with self._lock:
            wait_s = self.predicted_wait_s()
            if self.queued >= self._max_queued:
                raise QueueFull(f"{self.queued} requests are waiting, and no more may", retry_after_s=wait_s)
            if wait_s > ticket.timeout_s:
                detail = f"it would wait about {wait_s:.0f} s, and may take {ticket.timeout_s:g} s"
                raise QueueFull(detail, retry_after_s=wait_s - ticket.timeout_s / 2)
            self.queued += 1
            self._cost += ticket.cost

    def leave(self, ticket: Ticket) -> None:
        """A queued request gets a slot, or ends without one."""
        with self._lock:
            self.queued -= 1
            self._cost -= ticket.cost

    def record(self, cost: float, busy_s: float) -> None:
        """Work of a cost has finished, busy_s seconds after the work before it."""
        self._pace.record(cost, busy_s)

    def predicted_wait_s(self) -> float:
        """How long a request submitted now would wait for a slot."""
        return self._pace.predict_s(self._cost)

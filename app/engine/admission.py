"""Admission control: the queue is bounded in length and in waiting time, for each model and caller."""

import threading
from collections import Counter

from app.engine.pace import Pace
from app.engine.ticket import Ticket
from app.errors import QueueFull


class Admission:
    """Counts the queued requests, from submission to a slot. Its methods may be called from any thread.

    Waiting times are those of the fair queue: until a caller's own requests to a model have started, each other caller
    has been served as much of it, and no more. Those of other models are done beside.
    """

    def __init__(self, max_queued: int) -> None:
        self._max_queued, self._lock = max_queued, threading.Lock()
        self._paces: dict[str, Pace] = {}
        self._costs: dict[str, dict[str, float]] = {}  # queued, by model and caller
        self._by_caller: Counter[str] = Counter()
        self.queued = 0

    def enter(self, ticket: Ticket, model: str) -> None:
        """Raise QueueFull if the queue is full, or the wait would be longer than the ticket's timeout."""
        caller = ticket.caller.name
        with self._lock:
            wait_s = self._predict_s(model, caller)
            if self._is_full(caller):
                raise QueueFull(f"{self.queued} requests are waiting, and no more may", retry_after_s=wait_s)
            if wait_s > ticket.timeout_s:
                detail = f"it would wait about {wait_s:.0f} s, and may take {ticket.timeout_s:g} s"
                raise QueueFull(detail, retry_after_s=wait_s - ticket.timeout_s / 2)
            self.queued += 1
            self._by_caller[caller] += 1
            costs = self._costs.setdefault(model, {})
            costs[caller] = costs.get(caller, 0.0) + ticket.cost

    def leave(self, ticket: Ticket, model: str) -> None:
        """A queued request gets a slot, or ends without one."""
        caller = ticket.caller.name
        with self._lock:
            self.queued -= 1
            self._by_caller[caller] -= 1
            if not self._by_caller[caller]:
                del self._by_caller[caller]
                for costs in self._costs.values():
                    costs.pop(caller, None)
            else:
                self._costs[model][caller] -= ticket.cost

    def record(self, model: str, cost: float, busy_s: float) -> None:
        """Work of a cost has finished for a model, busy_s seconds after the work before it."""
        with self._lock:
            self._paces.setdefault(model, Pace()).record(cost, busy_s)

    def predicted_wait_s(self) -> float:
        """How long the last of the queued requests will wait for a slot."""
        with self._lock:
            totals = {model: sum(costs.values()) for model, costs in self._costs.items()}
            return max((self._pace_s(model, cost) for model, cost in totals.items()), default=0.0)

    def _predict_s(self, model: str, caller: str) -> float:
        """How long a request submitted now would wait for a slot."""
        costs = self._costs.get(model, {})
        before = costs.get(caller, 0.0)
        return self._pace_s(model, sum(min(cost, before) for cost in costs.values()))

    def _pace_s(self, model: str, cost: float) -> float:
        pace = self._paces.get(model)
        return pace.predict_s(cost) if pace else 0.0

    def _is_full(self, caller: str) -> bool:
        """A queue that others have filled still takes a caller's fair share, up to its length once more."""
        callers = len(self._by_caller) + (caller not in self._by_caller)
        over = self._by_caller[caller] >= self._max_queued / callers
        return self.queued >= self._max_queued and (over or self.queued >= 2 * self._max_queued)

"""Admission control: a request is queued only where it will probably end in time, for its model and caller."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from app.engine.forecast import MARGIN, PATIENCE, Forecast, Line
from app.engine.jobs import DescribeJob, DrawJob, Job, TranscribeJob
from app.engine.pace import Pace
from app.engine.requests import Requests
from app.engine.search_forecast import SearchForecast
from app.engine.ticket import Ticket
from app.errors import QueueFull, TooMuchWork

FIELDS: dict[type, str] = {DrawJob: "n", DescribeJob: "image", TranscribeJob: "file"}
"""What makes a job large, where it has no text."""


class Admission:
    """Counts the queued requests, from submission to a slot. Its methods may be called from any thread.

    Waiting times are those of the fair queue: until a caller's own requests to a model have started, each other caller
    has been served as much of it, and no more. Those of other models are done beside. A model that generates has a
    forecast as soon as a few steps have been timed; the waiting times of the others follow from their pace, once it is
    settled.
    """

    def __init__(self, max_queued: int) -> None:
        self._max_queued, self._lock = max_queued, threading.Lock()
        self._paces: dict[str, Pace] = {}
        self.forecasts: dict[str, Forecast] = {}
        self.searches: dict[str, SearchForecast] = {}
        """Both by model; the engine's thread adds them, and keeps them up to date."""
        self._queued: dict[str, dict[str, Line]] = {}  # by model and caller
        self._by_caller: Counter[str] = Counter()
        self._requests = Requests()
        self.queued = 0

    def enter(self, ticket: Ticket, model: str) -> None:
        """Raise QueueFull if the queue is full, or the ticket would probably not end within its timeout.

        TooMuchWork where its request is alone, and would be late at a speed that was measured a moment ago. Such a
        request makes no others late, so it is tried where in doubt.
        """
        caller = ticket.caller.name
        with self._lock:
            lines = self._queued.setdefault(model, {})
            wait_s, service_s = self._predict_s(ticket.job, caller, ticket.timeout_s, model, lines)
            if self._is_full(caller):
                raise QueueFull(f"{self.queued} requests are waiting, and no more may", retry_after_s=wait_s)
            if self._requests.is_alone(ticket):
                self._check_alone(ticket, model, lines)
            elif wait_s + service_s > ticket.timeout_s:
                raise _late(wait_s, service_s, ticket.timeout_s)
            self._requests.begin(ticket)
            self.queued += 1
            self._by_caller[caller] += 1
            lines.setdefault(caller, Line()).add(ticket.job)

    def check_search(self, work: float, model: str, ticket: Ticket, now: float) -> None:
        """Raise TooMuchWork for a translation that could not end within its timeout if it were alone."""
        forecast = self.searches.get(model)
        if forecast and forecast.is_recent(now) and (seconds := MARGIN * forecast.predict_s(work)) > ticket.timeout_s:
            raise too_much_work(seconds, ticket)

    def leave(self, ticket: Ticket, model: str) -> None:
        """A queued request gets a slot, or ends without one."""
        caller = ticket.caller.name
        with self._lock:
            self.queued -= 1
            self._by_caller[caller] -= 1
            if not self._by_caller[caller]:
                del self._by_caller[caller]
                for lines in self._queued.values():
                    lines.pop(caller, None)
            else:
                self._queued[model][caller].add(ticket.job, -1)

    def end(self, ticket: Ticket) -> None:
        """A request that was admitted to the queue has ended, whether or not it got a slot."""
        with self._lock:
            self._requests.end(ticket)

    def late(self, tickets: Iterable[Ticket], model: str, now: float) -> Iterator[tuple[Ticket, QueueFull]]:
        """Of one caller's queued tickets of a model, in their order: those that will not end in time any more.

        Only of a model with a forecast.
        """
        if not self._generates(model):
            return
        with self._lock:
            lines = dict(self._queued.get(model, {}))
        before = Line()
        for ticket in tickets:
            if ticket.alone:  # its request ends, with all that runs of it, where that is late
                continue
            lines[ticket.caller.name], remaining_s = before, ticket.deadline - now
            wait_s, service_s = self._predict_s(ticket.job, ticket.caller.name, remaining_s, model, lines)
            if wait_s + service_s > remaining_s:
                yield ticket, _late(wait_s, service_s, remaining_s)
            else:
                before.add(ticket.job)

    def record(self, model: str, cost: float, busy_s: float) -> None:
        """Work of a cost has been done for a model, busy_s seconds after the work before it."""
        with self._lock:
            self._paces.setdefault(model, Pace()).record(cost, busy_s)

    def left_s(self, model: str) -> float:
        """The least time that all that generates or is queued for a model still takes."""
        with self._lock:
            return self.forecasts[model].left_s(self._queued.get(model, {}))

    def predicted_wait_s(self) -> float:
        """How long the last of the queued requests will wait for a slot."""
        with self._lock:
            totals = {model: sum(line.cost for line in lines.values()) for model, lines in self._queued.items()}
            return max((self._pace_s(model, cost) for model, cost in totals.items()), default=0.0)

    def _predict_s(
        self, job: Job, caller: str, seconds: float, model: str, lines: Mapping[str, Line]
    ) -> tuple[float, float]:
        """How long a request waits for a slot, and how long it then takes. lines are what is before it."""
        if self._generates(model):
            return self.forecasts[model].predict_s(job, caller, seconds, lines)
        before = lines[caller].cost if caller in lines else 0.0
        return self._pace_s(model, sum(min(line.cost, before) for line in lines.values())), 0.0

    def _check_alone(self, ticket: Ticket, model: str, lines: Mapping[str, Line]) -> None:
        if not (self._generates(model) and self.forecasts[model].is_recent(ticket.created)):
            return
        seconds = self.forecasts[model].left_s(lines, ticket.job)
        if seconds > PATIENCE * ticket.timeout_s:
            raise too_much_work(seconds, ticket)

    def _generates(self, model: str) -> bool:
        """Whether a model has run enough steps of generations for a forecast."""
        return model in self.forecasts and self.forecasts[model].step_times.settled

    def _pace_s(self, model: str, cost: float) -> float:
        pace = self._paces.get(model)
        return pace.predict_s(cost) if pace and pace.settled else 0.0

    def _is_full(self, caller: str) -> bool:
        """A queue that others have filled still takes a caller's fair share, up to its length once more."""
        callers = len(self._by_caller) + (caller not in self._by_caller)
        over = self._by_caller[caller] >= self._max_queued / callers
        return self.queued >= self._max_queued and (over or self.queued >= 2 * self._max_queued)


def _late(wait_s: float, service_s: float, seconds: float) -> QueueFull:
    """The error for a request that may take so many seconds: repeated later, it ends with time to spare."""
    detail = f"it would wait about {wait_s:.0f} s, and may take {seconds:.3g} s"
    if service_s > 0.5:
        detail += f", of which it needs about {service_s:.0f} s"
    spare_s = seconds - service_s
    return QueueFull(detail, retry_after_s=wait_s - min(spare_s / 2, spare_s))


def too_much_work(seconds: float, ticket: Ticket) -> TooMuchWork:
    """The error for a request that takes so many seconds, although it is alone."""
    share = max(1, int(50 * ticket.timeout_s / seconds))  # half of what could be done: the seconds are the least
    detail = f"it would take {seconds:.0f} s or more, and a request may take {ticket.timeout_s:g} s"
    field = FIELDS.get(type(ticket.job), "text")
    return TooMuchWork(f"{detail}; send it in parts, each at most {share}% of it", field)

"""The events of a step, on their way from the engine's thread to the tickets."""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.engine.ticket import Finished, Ticket
from app.errors import ServiceError
from app.telemetry.logs import get_logger
from models.errors import ModelError

log = get_logger(__name__)


class Outbox:
    """Collects the events of a step and sends them together: one callback on each event loop, however many they are.

    A ticket that has ended or was cancelled gets nothing more.
    """

    def __init__(self) -> None:
        self._events: list[tuple[Ticket, Any]] = []

    def post(self, ticket: Ticket, event: Any) -> None:
        if not ticket.closed:
            ticket.posted += 1
            self._events.append((ticket, event))

    def finish(self, ticket: Ticket, result: Any) -> None:
        """Post the result, the last event."""
        self.post(ticket, Finished(result))
        ticket.closed = True

    def fail(self, ticket: Ticket, error: BaseException) -> None:
        """Post an error, the last event. One that is not the client's fault is logged."""
        if not ticket.closed and not isinstance(error, ServiceError | ModelError):
            log.error("job_failed", exc_info=error, kind=type(ticket.job).__name__, request=ticket.request_id)
        self.post(ticket, Finished(error=error))
        ticket.closed = True

    def send(self) -> None:
        events, self._events = self._events, []
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Ticket, Any]]] = {}
        for ticket, event in events:
            by_loop.setdefault(ticket.loop, []).append((ticket, event))
        for loop, of_loop in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, of_loop)


def _deliver(events: Sequence[tuple[Ticket, Any]]) -> None:
    for ticket, event in events:
        ticket.deliver(event)

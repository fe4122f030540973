"""The one writer of Server-Sent Events: it walks the events of tickets, and a formatter makes bytes of them."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool

from app.engine.interface import EngineInterface
from app.engine.jobs import score_count
from app.engine.ticket import Finished, Ticket
from app.http.clients import Client
from app.http.event_stream import EventStream, Write
from app.http.pieces import LARGE
from app.settings import Settings

SHUTDOWN_GRACE_S = 2.0
"""Time for the final events of streams that a shutdown interrupts, after the engine's own timeout."""
STREAMS_PER_TICK = 16
"""So many running requests make a stream wait for one tick more before it writes: its events then share a write, which
costs the event loop more than all else that a stream does."""
MAX_TICKS = 4
TICK_S = 0.025
"""The ticks are the same for all streams, so that they write together."""


class Formatter(Protocol):
    """What a family of routes makes of the events of a request's tickets, which it tells apart by index.

    Every method returns whole events, or nothing.
    """

    def begin(self, index: int, /) -> bytes:
        """Before the first piece of a ticket."""

    def piece(self, index: int, piece: Any, /) -> bytes:
        """A piece of a ticket's result."""

    def result(self, index: int, result: Any, /) -> bytes:
        """The end of a ticket."""

    def error(self, error: BaseException, /) -> bytes:
        """The end of the stream, where a ticket fails."""

    def end(self) -> bytes:
        """The end of the stream, where all tickets have their results."""


async def stream(
    client: Client, engine: EngineInterface, tickets: Sequence[Ticket], formatter: Formatter, settings: Settings
) -> EventStream:
    """The response to a streaming request, one ticket after the other.

    Waits for the first events, so that an error before them is raised and has its own status. A client that
    disconnects, or does not read for request_timeout_s, ends the stream and its jobs.
    """
    first = await client.first(*tickets)
    return EventStream(partial(_write, engine, tickets, first, formatter), settings.request_timeout_s)


async def _write(
    engine: EngineInterface, tickets: Sequence[Ticket], first: Sequence[Any], formatter: Formatter, write: Write
) -> None:
    """Write the events of tickets; the first ones of the first ticket have arrived already."""
    try:
        for index, ticket in enumerate(tickets):
            events = await _next_events(ticket) if index else first
            chunk = formatter.begin(index) + await _format(formatter, index, events)
            while not isinstance(events[-1], Finished):
                if chunk:
                    await write(chunk)
                events = await _next_events(ticket, _next_write(engine))
                chunk = await _format(formatter, index, events)
            if chunk:
                await write(chunk)
            if events[-1].error is not None:
                return
        if chunk := formatter.end():
            await write(chunk)
    finally:
        for ticket in tickets:
            ticket.cancel()


async def _format(formatter: Formatter, index: int, events: Sequence[Any]) -> bytes:
    """The bytes of some events; those of a large result are built in another thread."""
    end = events[-1]
    if isinstance(end, Finished) and end.error is None and score_count(end.result) >= LARGE:
        return await run_in_threadpool(_format_all, formatter, index, events)
    return _format_all(formatter, index, events)


def _format_all(formatter: Formatter, index: int, events: Iterable[Any]) -> bytes:
    parts = []
    for event in events:
        if not isinstance(event, Finished):
            parts.append(formatter.piece(index, event))
        elif event.error is not None:
            parts.append(formatter.error(event.error))
        else:
            parts.append(formatter.result(index, event.result))
    return b"".join(parts)


def _next_write(engine: EngineInterface) -> float:
    """When a stream should write next, by the event loop's clock; 0: as soon as there is something."""
    ticks = min(engine.running // STREAMS_PER_TICK, MAX_TICKS)
    return (asyncio.get_running_loop().time() // TICK_S + ticks) * TICK_S if ticks else 0.0


async def _next_events(ticket: Ticket, hold_until: float = 0.0) -> Sequence[Any]:
    """The events that come next; an error of waiting for them is the last."""
    try:
        return await ticket.events(hold_until)
    except Exception as error:
        return [Finished(error=error)]

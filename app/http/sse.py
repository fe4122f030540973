"""The one writer of Server-Sent Events: it walks the events of tickets, and a formatter makes bytes of them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Protocol

import anyio
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool

from app.engine.interface import EngineInterface
from app.engine.jobs import score_count
from app.engine.ticket import Finished, Ticket
from app.http.clients import Client
from app.http.pieces import LARGE
from app.settings import Settings

SHUTDOWN_GRACE_S = 2.0
"""Time for the final events of streams that a shutdown interrupts, after the engine's own timeout."""
COALESCE_ABOVE = 16
"""Running requests above which the events of a stream are coalesced into fewer writes."""
PAUSE_PER_STREAM_S = 0.0005
"""Pause between two writes of a stream, for each request that runs: 32 ms among 64."""
MAX_PAUSE_S = 0.05


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
) -> EventSourceResponse:
    """The response to a streaming request, one ticket after the other.

    Waits for the first events, so that an error before them is raised and has its own status. A client that
    disconnects, or does not read for request_timeout_s, ends the stream and its jobs.
    """
    first = await client.first(*tickets)
    response = EventSourceResponse(
        _write(engine, tickets, first, formatter),
        send_timeout=settings.request_timeout_s,
        shutdown_event=anyio.Event(),
        shutdown_grace_period=settings.shutdown_timeout_s + SHUTDOWN_GRACE_S,
    )
    del response.headers["connection"]  # the server's own says whether it stays open
    return response


async def _write(
    engine: EngineInterface, tickets: Sequence[Ticket], first: Sequence[Any], formatter: Formatter
) -> AsyncIterator[bytes]:
    """The chunks of a response, each worth a write; the first events of the first ticket have arrived already."""
    try:
        for index, ticket in enumerate(tickets):
            events = await _next_events(ticket) if index else first
            chunk = formatter.begin(index) + await _format(formatter, index, events)
            while not isinstance(events[-1], Finished):
                if chunk:
                    yield chunk
                await _coalesce(engine)
                events = await _next_events(ticket)
                chunk = await _format(formatter, index, events)
            if chunk:
                yield chunk
            if events[-1].error is not None:
                return
        if chunk := formatter.end():
            yield chunk
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


async def _coalesce(engine: EngineInterface) -> None:
    """Let more events arrive where many streams run: writes are then the largest part of the event loop's work."""
    if (streams := engine.running) > COALESCE_ABOVE:
        await asyncio.sleep(min(streams * PAUSE_PER_STREAM_S, MAX_PAUSE_S))


async def _next_events(ticket: Ticket) -> Sequence[Any]:
    """The events that come next; an error of waiting for them is the last."""
    try:
        return await ticket.events()
    except Exception as error:
        return [Finished(error=error)]

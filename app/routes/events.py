"""Replies as Server-Sent Events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import anyio
from pydantic import BaseModel
from sse_starlette import EventSourceResponse

from app.dependencies import Client
from app.engine.engine import Engine
from app.engine.ticket import Finished, Ticket
from app.problems import problem_document
from app.settings import Settings

STREAMED: dict[str, Any] = {
    "description": "The answer; with `stream`, as Server-Sent Events.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}

FEW = 16
PAUSE_S = 0.0005
"""For each request that runs: 32 ms between the writes of a stream among 64."""
LONGEST_PAUSE_S = 0.05


def event(name: str, number: int, data: str) -> bytes:
    """One event, its data a JSON document without line ends."""
    return f"event: {name}\nid: {number}\ndata: {data}\n\n".encode()


async def stream(
    client: Client,
    engine: Engine,
    ticket: Ticket,
    settings: Settings,
    path: str,
    piece_event: Callable[[int, Any], bytes],
    finish: Callable[[Any], BaseModel],
) -> EventSourceResponse:
    """The reply to a streaming request, begun with its first event: an error before it has its own status.

    Events that have come meanwhile are sent in one write; where more than a FEW requests run, a write
    waits a little for more of them, since writes are what a crowd of streams costs most. A client that
    hangs up, or does not read for request_timeout_s, ends the job.
    """
    first = await client.first(ticket)

    async def events() -> AsyncIterator[bytes]:
        number, come = 0, first
        try:
            while True:
                parts: list[bytes] = []
                for item in come:
                    parts.append(
                        _final(path, number, item, finish) if isinstance(item, Finished) else piece_event(number, item)
                    )
                    number += 1
                yield b"".join(parts)
                if isinstance(come[-1], Finished):
                    return
                if (streams := engine.running) > FEW:
                    await asyncio.sleep(min(streams * PAUSE_S, LONGEST_PAUSE_S))
                come = await _next(ticket)
        finally:
            ticket.leave()

    return EventSourceResponse(
        events(),
        send_timeout=settings.request_timeout_s,
        shutdown_event=anyio.Event(),
        shutdown_grace_period=settings.shutdown_timeout_s,
    )


async def _next(ticket: Ticket) -> Sequence[Any]:
    """The events that come next; an error of waiting for them is the last."""
    try:
        return await ticket.events()
    except Exception as error:
        return [Finished(error=error)]


def _final(path: str, number: int, end: Finished, finish: Callable[[Any], BaseModel]) -> bytes:
    if end.error is None:
        return event("done", number, finish(end.result).model_dump_json(exclude_unset=True))
    return event("error", number, problem_document(path, end.error).model_dump_json())

"""Replies as Server-Sent Events."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

import anyio
from fastapi import Header
from pydantic import BaseModel
from sse_starlette import EventSourceResponse

from app.catalog.registry import Served
from app.engine.engine import Engine
from app.engine.ticket import Finished, Ticket
from app.errors import Conflict
from app.http.dependencies import Client
from app.http.problems import problem_document
from app.settings import Settings

STREAMED: dict[str, Any] = {
    "description": "The answer; with `stream`, as Server-Sent Events.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}

LAST_EVENT_ID = "last-event-id"
VERSION_LENGTH = 8
_ID = re.compile(r"(?P<version>[0-9a-f]{8})-(?P<seed>[0-9]{1,19})-(?P<number>[0-9]{1,9})")
LAST_WORDS_S = 2.0
"""What streams that a shutdown interrupts have for their last event, after the engine's time is over."""
FEW = 16
PAUSE_S = 0.0005
"""For each request that runs: 32 ms between the writes of a stream among 64."""
LONGEST_PAUSE_S = 0.05


LastEventId = Annotated[
    str | None,
    Header(
        max_length=100,
        description="With `stream` and the very same body: go on after the event of this id; for after a cut.",
    ),
]


@dataclass(frozen=True)
class EventIds:
    """The ids of a stream's events. Whoever names the last one that it got, with the same request, gets what follows.

    An id has all that the same text depends on beside the request: nothing needs to be kept for a client
    that may come back, and any service with the same model can go on.
    """

    version: str
    seed: int = 0
    had: int = 0
    """How many events the client has."""

    def __getitem__(self, number: int) -> str:
        return f"{self.version[:VERSION_LENGTH]}-{self.seed}-{number}"

    @classmethod
    def after(cls, last: str | None, served: Served, seed: int | None, new_seed: int) -> "EventIds":
        """Those of a stream that begins, with a seed of the request or a new one, or goes on after an id.

        Raises Conflict where the id is none of such a stream.
        """
        kind = f"{served.checkpoint.version} {served.runtime.precision}"
        version = sha256(kind.encode()).hexdigest()
        if last is None:
            return cls(version, new_seed if seed is None else seed)
        found = _ID.fullmatch(last)
        if not found:
            raise Conflict("it is not the id of an event of this service", LAST_EVENT_ID)
        if found["version"] != version[:VERSION_LENGTH]:
            raise Conflict("it is the id of an event of another model, or another version of it", LAST_EVENT_ID)
        if seed not in (None, int(found["seed"])):
            raise Conflict("it is the id of an event of another request: the seeds differ", LAST_EVENT_ID)
        return cls(version, int(found["seed"]), int(found["number"]) + 1)


def event(name: str, identifier: str, data: str) -> bytes:
    """One event, its data a JSON document without line ends."""
    return f"event: {name}\nid: {identifier}\ndata: {data}\n\n".encode()


async def stream(
    client: Client,
    engine: Engine,
    ticket: Ticket,
    settings: Settings,
    path: str,
    ids: EventIds,
    piece_event: Callable[[str, Any], bytes],
    finish: Callable[[Any], BaseModel],
) -> EventSourceResponse:
    """The reply to a streaming request, begun with its first event: an error before it has its own status."""
    first = await client.first(ticket)

    async def events() -> AsyncIterator[bytes]:
        number = 0
        async with aclosing(told(engine, ticket, first)) as batches:
            async for batch in batches:
                parts: list[bytes] = []
                for item in batch:
                    if isinstance(item, Finished):
                        parts.append(_final(path, ids[number], item, finish))
                    elif number >= ids.had:
                        parts.append(piece_event(ids[number], item))
                    number += 1
                if parts:
                    yield b"".join(parts)

    return reply(events(), settings)


async def told(engine: Engine, ticket: Ticket, first: Sequence[Any]) -> AsyncGenerator[Sequence[Any], None]:
    """What a ticket is told, in batches that are each worth a write; the last one ends with a Finished.

    Where more than a FEW requests run, it waits a little for more to come, since writes are what a crowd
    of streams costs most. Leaving it ends the job.
    """
    come = first
    try:
        while True:
            yield come
            if isinstance(come[-1], Finished):
                return
            if (streams := engine.running) > FEW:
                await asyncio.sleep(min(streams * PAUSE_S, LONGEST_PAUSE_S))
            come = await next_events(ticket)
    finally:
        ticket.leave()


def reply(events: AsyncIterator[bytes], settings: Settings) -> EventSourceResponse:
    """Events as a response. A client that hangs up, or does not read for request_timeout_s, ends them."""
    return EventSourceResponse(
        events,
        send_timeout=settings.request_timeout_s,
        shutdown_event=anyio.Event(),
        shutdown_grace_period=settings.shutdown_timeout_s + LAST_WORDS_S,
    )


async def next_events(ticket: Ticket) -> Sequence[Any]:
    """The events that come next; an error of waiting for them is the last."""
    try:
        return await ticket.events()
    except Exception as error:
        return [Finished(error=error)]


def _final(path: str, identifier: str, end: Finished, finish: Callable[[Any], BaseModel]) -> bytes:
    if end.error is None:
        return event("done", identifier, finish(end.result).model_dump_json(exclude_unset=True))
    return event("error", identifier, problem_document(path, end.error).model_dump_json())

"""Replies to requests: a large one is built in another thread, and sent chunk by chunk."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import anyio
from anyio.lowlevel import RunVar
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.engine.engine import LONG_TEXT
from app.engine.interface import EngineInterface
from app.engine.jobs import score_count
from app.http.clients import Client
from app.http.operations.operation import Operation, ReplyT
from app.http.pieces import LARGE, chunks, json_pieces

MAKERS = 2
"""Large replies that are built at the same time: each takes a hundred times the memory of its request."""
DECODERS = 2
"""Files that are decoded or made at the same time."""
_decoders: RunVar[anyio.CapacityLimiter] = RunVar("carousel_decoders")
_makers: RunVar[anyio.CapacityLimiter] = RunVar("carousel_reply_makers")
ResultT = TypeVar("ResultT")


class ChunkedReply(Response):
    """A JSON document in chunks. Between two of them the event loop serves others."""

    media_type = "application/json"

    def __init__(self, body: Sequence[bytes]) -> None:
        super().__init__()
        self._chunks = body
        self.headers["content-length"] = str(sum(map(len, body)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await anyio.lowlevel.checkpoint()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def answer(operation: Operation[ReplyT], client: Client, engine: EngineInterface) -> ReplyT | ChunkedReply:
    """Submit an operation, and wait for its reply. Raises what `Client.submit_all` and `Client.results` raise."""
    tickets = await client.submit_all(engine, operation.jobs)
    results = await client.results(tickets)
    return await reply_of(results, lambda: operation.reply(results))


async def reply_of(results: Sequence[Any], make: Callable[[], ResultT], **omit: bool) -> ResultT | ChunkedReply:
    """What `make` returns: a model, or a list of models; or the whole response, where the results are large.

    omit says which fields are left out of a large one's JSON; by default, those that are not set.
    """
    if sum(map(score_count, results)) < LARGE:
        return make()
    return await chunked(make, **omit)


async def chunked(make: Callable[[], Any], **omit: bool) -> ChunkedReply:
    """The response with what `make` returns, called in another thread."""
    omit = omit or {"exclude_unset": True}
    try:
        makers = _makers.get()
    except LookupError:
        makers = anyio.CapacityLimiter(MAKERS)
        _makers.set(makers)
    body = await anyio.to_thread.run_sync(lambda: chunks(json_pieces(make(), **omit)), limiter=makers)
    return ChunkedReply(body)


async def decoded(prepare: Callable[..., ResultT], *arguments: Any) -> ResultT:
    """What `prepare` returns, which decodes or makes files: in another thread, few at a time: memory is bounded."""
    try:
        decoders = _decoders.get()
    except LookupError:
        decoders = anyio.CapacityLimiter(DECODERS)
        _decoders.set(decoders)
    return await anyio.to_thread.run_sync(lambda: prepare(*arguments), limiter=decoders)


async def prepared(characters: int, prepare: Callable[..., ResultT], *arguments: Any) -> ResultT:
    """What `prepare` returns, which reads texts of so many characters: in another thread where they are long."""
    if characters <= LONG_TEXT:
        return prepare(*arguments)
    return await run_in_threadpool(prepare, *arguments)

"""The events of the native streams."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sse_starlette import EventSourceResponse

from app.engine.engine import Engine
from app.http.clients import Client
from app.http.event_ids import EventIds
from app.http.operations.operation import Operation
from app.http.problems import problem_document
from app.http.sse import stream
from app.settings import Settings


@dataclass
class NativeFormatter:
    """The stream of one ticket: an event for each piece, then `done` with the reply, or `error` with a problem.

    format_piece makes an event of its id and a piece; reply makes a reply of the result.
    """

    path: str
    ids: EventIds
    format_piece: Callable[[str, Any], bytes]
    reply: Callable[[Any], BaseModel]
    _number: int = 0

    def begin(self, _: int) -> bytes:
        return b""

    def piece(self, _: int, piece: Any) -> bytes:
        number = self._number
        self._number += 1
        return b"" if number < self.ids.received else self.format_piece(self.ids[number], piece)

    def result(self, _: int, result: Any) -> bytes:
        return event("done", self.ids[self._number], self.reply(result).model_dump_json(exclude_unset=True))

    def error(self, error: BaseException) -> bytes:
        return event("error", self.ids[self._number], problem_document(self.path, error).model_dump_json())

    def end(self) -> bytes:
        return b""


def event(name: str, identifier: str, data: str) -> bytes:
    """One event; data is a JSON document without line ends."""
    return f"event: {name}\nid: {identifier}\ndata: {data}\n\n".encode()


async def stream_native(
    path: str,
    operation: Operation[Any],
    format_piece: Callable[[str, Any], bytes],
    client: Client,
    engine: Engine,
    settings: Settings,
) -> EventSourceResponse:
    """The response to a streaming request of a native route."""
    assert operation.ids
    ticket = await client.submit(engine, operation.job, operation.served)
    formatter = NativeFormatter(path, operation.ids, format_piece, operation.reply)
    return await stream(client, engine, [ticket], formatter, settings)

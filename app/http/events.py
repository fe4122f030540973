"""The events of the native streams."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.engine.interface import EngineInterface
from app.http.clients import Client
from app.http.event_ids import EventIds
from app.http.event_stream import EventStream
from app.http.operations.operation import Operation
from app.http.pieces import json_pieces
from app.http.problems import problem_document
from app.http.sse import stream
from app.settings import Settings


@dataclass
class NativeFormatter:
    """The stream of an operation: an event for each piece, then `done` with the reply, or `error` with a problem.

    format_piece makes an event of its id and a piece.
    """

    path: str
    ids: EventIds
    operation: Operation[Any]
    format_piece: Callable[[str, Any], bytes]
    _number: int = 0
    _results: list[Any] = field(default_factory=list)

    def begin(self, _: int) -> bytes:
        return b""

    def piece(self, index: int, piece: Any) -> bytes:
        number = self._number
        self._number += 1
        if number < self.ids.received:
            return b""
        return self.format_piece(self.ids[number], self.operation.piece_of_reply(index, piece))

    def result(self, _: int, result: Any) -> bytes:
        self._results.append(result)
        if len(self._results) < len(self.operation.jobs):
            return b""
        reply = self.operation.reply(self._results)
        document = b"".join(json_pieces(reply, exclude_unset=True))
        return event("done", self.ids[self._number], document.decode())

    def error(self, error: BaseException) -> bytes:
        # without an id: a client that resumes does so after the last piece that it has
        return event("error", None, problem_document(self.path, error).model_dump_json())

    def end(self) -> bytes:
        return b""


def event(name: str, identifier: str | None, data: str) -> bytes:
    """One event; data is a JSON document without line ends."""
    id_line = "" if identifier is None else f"id: {identifier}\n"
    return f"event: {name}\n{id_line}data: {data}\n\n".encode()


async def stream_native(
    path: str,
    operation: Operation[Any],
    format_piece: Callable[[str, Any], bytes],
    client: Client,
    engine: EngineInterface,
    settings: Settings,
) -> EventStream:
    """The response to a streaming request of a native route."""
    assert operation.ids
    tickets = await client.submit_all(engine, operation.jobs)
    formatter = NativeFormatter(path, operation.ids, operation, format_piece)
    return await stream(client, engine, tickets, formatter, settings)

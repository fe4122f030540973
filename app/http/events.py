"""The events of the native streams: their ids, by which a client resumes a stream, and their format."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Header
from pydantic import BaseModel

from app.catalog.registry import Served
from app.errors import Conflict
from app.http.problems import problem_document

LAST_EVENT_ID = "last-event-id"
VERSION_LENGTH = 8
_ID = re.compile(r"(?P<version>[0-9a-f]{8})-(?P<seed>[0-9]{1,19})-(?P<number>[0-9]{1,9})")


LastEventId = Annotated[
    str | None,
    Header(
        max_length=100,
        description="With `stream` and the very same body: go on after the event of this id; for after a cut.",
    ),
]


@dataclass(frozen=True)
class EventIds:
    """The ids of a stream's events. A request with the id of the last event received resumes the stream after it.

    An id holds all that the same text depends on beside the request, so that nothing is stored for clients
    that may resume, and any replica with the same model can continue the stream.
    """

    version: str
    seed: int = 0
    received: int = 0
    """Number of events that the client has."""

    def __getitem__(self, number: int) -> str:
        return f"{self.version[:VERSION_LENGTH]}-{self.seed}-{number}"

    @classmethod
    def after(cls, last: str | None, served: Served, seed: int | None, new_seed: int) -> "EventIds":
        """The ids of a stream that starts, with the request's seed or a new one, or of one resumed after `last`.

        Raises Conflict where `last` is no id of such a stream.
        """
        model = f"{served.checkpoint.version} {served.runtime.precision}"
        version = sha256(model.encode()).hexdigest()
        if last is None:
            return cls(version, new_seed if seed is None else seed)
        match = _ID.fullmatch(last)
        if not match:
            raise Conflict("it is not the id of an event of this service", LAST_EVENT_ID)
        if match["version"] != version[:VERSION_LENGTH]:
            raise Conflict("it is the id of an event of another model, or another version of it", LAST_EVENT_ID)
        if seed not in (None, int(match["seed"])):
            raise Conflict("it is the id of an event of another request: the seeds differ", LAST_EVENT_ID)
        return cls(version, int(match["seed"]), int(match["number"]) + 1)


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

"""The response of a stream, by itself: its end, its comments, and clients that leave or do not read."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message

from app.http.event_stream import EventStream, Write

pytestmark = pytest.mark.anyio
SCOPE = {"type": "http", "method": "POST"}


class Connection:
    """A client: it leaves when `left` is set, and reads while `reads` is set."""

    def __init__(self) -> None:
        self.left, self.reads = asyncio.Event(), asyncio.Event()
        self.reads.set()
        self.messages: list[Message] = []

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await asyncio.sleep(0.001)


class Producer:
    """Writes one chunk, then waits until it is cancelled or allowed to end."""

    def __init__(self) -> None:
        self.end, self.cancelled = asyncio.Event(), False

    async def __call__(self, write: Write) -> None:
        try:
            await write(b"data: 1\n\n")
            await self.end.wait()
            await write(b"data: 2\n\n")
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_headers_chunks_and_end() -> None:
    connection, producer = Connection(), Producer()
    producer.end.set()
    await EventStream(producer, 60)(SCOPE, connection.receive, connection.send)
    start, *parts = connection.messages
    headers = dict(start["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert (headers[b"cache-control"], headers[b"x-accel-buffering"]) == (b"no-store", b"no")
    assert [(part["body"], part["more_body"]) for part in parts] == [
        (b"data: 1\n\n", True), (b"data: 2\n\n", True), (b"", False),
    ]  # fmt: skip


@pytest.mark.parametrize("reads", [True, False], ids=["between writes", "in the first write"])
async def test_a_client_that_leaves_cancels_the_producer(reads: bool) -> None:
    connection, producer = Connection(), Producer()
    if not reads:
        connection.reads.clear()
    connection.left.set()
    await EventStream(producer, 60)(SCOPE, connection.receive, connection.send)
    assert producer.cancelled


async def test_an_error_of_the_producer_is_raised() -> None:
    async def fail(_: Write) -> None:
        raise RuntimeError("broken")

    connection = Connection()
    with pytest.raises(RuntimeError, match="broken"):
        await EventStream(fail, 60)(SCOPE, connection.receive, connection.send)


async def test_cancelling_the_response_cancels_the_producer() -> None:
    connection, producer = Connection(), Producer()
    response = asyncio.create_task(EventStream(producer, 60)(SCOPE, connection.receive, connection.send))
    await connection.until(lambda: bool(connection.body))
    response.cancel()
    with pytest.raises(asyncio.CancelledError):
        await response
    assert producer.cancelled


async def test_comments_keep_a_quiet_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.event_stream.PING_S", 0.005)
    connection, producer = Connection(), Producer()
    response = asyncio.create_task(EventStream(producer, 60)(SCOPE, connection.receive, connection.send))
    await connection.until(lambda: connection.body.count(b": ping") >= 2)
    producer.end.set()
    await response
    blocks = connection.body.replace(b"\r\n", b"\n").strip().split(b"\n\n")
    assert [block for block in blocks if not block.startswith(b": ping - ")] == [b"data: 1", b"data: 2"]
    assert connection.messages[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


@pytest.mark.parametrize("first", [True, False], ids=["a chunk is not read", "a comment is not read"])
async def test_a_client_that_does_not_read_ends_the_stream(monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    monkeypatch.setattr("app.http.event_stream.PING_S", 0.005)
    connection, producer = Connection(), Producer()
    if first:
        connection.reads.clear()
    response: Any = asyncio.create_task(EventStream(producer, 0.02)(SCOPE, connection.receive, connection.send))
    if not first:
        await connection.until(lambda: bool(connection.body))
        connection.reads.clear()
    with pytest.raises(TimeoutError):
        await response
    assert producer.cancelled

"""A client of one keep-alive connection: JSON replies, and streams of server-sent events."""

import asyncio
import json
import time
from itertools import pairwise
from typing import Any

import httptools

from benchmarks.records import ANSWERED, Record

READ_BYTES = 65_536
clock = time.perf_counter


class EventStream:
    """Bytes in, server-sent events out, wherever the bytes were cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        """The (event, data) pairs that are complete with this chunk."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        events = []
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", errors="replace")
            name, _, value = text.partition(":")
            if not text:
                if self._data:
                    events.append((self._event or "message", "\n".join(self._data)))
                self._event, self._data = "", []
            elif name == "event":
                self._event = value.removeprefix(" ")
            elif name == "data":
                self._data.append(value.removeprefix(" "))
        return events


class _Reply:
    """One reply, filled by httptools' callbacks; `now` is when its latest bytes came."""

    def __init__(self, stream: bool) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.now = 0.0
        self.complete = self.keeps_alive = False
        self.events = EventStream() if stream else None
        self.body = bytearray()
        self.arrivals: list[float] = []
        self.usage: dict[str, Any] = {}
        self.done: float | None = None
        self.error = ""

    def on_body(self, body: bytes) -> None:
        if self.events is None:
            self.body += body
            return
        for event, data in self.events.feed(body):
            if event == "token":
                self.arrivals.append(self.now)
            elif event == "done":
                self.done, self.usage = self.now, json.loads(data).get("usage", {})
            elif event == "error":
                self.error = "the stream ended in an error"

    def on_message_complete(self) -> None:
        self.complete = True
        self.keeps_alive = self.parser.should_keep_alive()  # the parser forgets it after this call

    def record(self, start: float) -> Record:
        status = self.parser.get_status_code()
        if status != ANSWERED:
            return Record(start, self.now, status, error=f"status {status}")
        if self.events is None:
            tokens = json.loads(self.body).get("usage", {}).get("generated_tokens", 0)
            return Record(start, self.now, status, tokens)
        first = self.arrivals[0] if self.arrivals else None
        gaps = tuple(later - earlier for earlier, later in pairwise(self.arrivals))
        error = self.error or ("" if self.done is not None else "the stream broke off")
        tokens = self.usage.get("generated_tokens", 0)
        return Record(start, self.done or self.now, status, tokens, first, gaps, error)


class Connection:
    """One request after the other to a server on this machine, over a connection that the first request opens."""

    def __init__(self, port: int, headers: str = "") -> None:
        """headers are further header lines, each with its CRLF."""
        self.port, self._headers = port, headers
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.idle_since = clock()

    async def post(self, path: str, body: bytes, stream: bool = False, start: float | None = None) -> Record:
        """POST a JSON body and read the whole reply; a failure is in the record."""
        start = clock() if start is None else start
        try:
            return await self._exchange(path, body, stream, start)
        except (OSError, EOFError, ValueError, httptools.HttpParserError) as error:
            self.close()
            return Record(start, clock(), 0, error=f"{type(error).__name__}: {error}".rstrip(": "))
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self.idle_since = clock()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, path: str, body: bytes, stream: bool, start: float) -> Record:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        head = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n"
            f"{self._headers}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode("ascii") + body)
        reply = _Reply(stream)
        while not reply.complete:
            data = await reader.read(READ_BYTES)
            if not data:
                raise EOFError("the server hung up")
            reply.now = clock()
            reply.parser.feed_data(data)
        if not reply.keeps_alive:
            self.close()
        return reply.record(start)

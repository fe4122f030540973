"""All that is used of uvicorn's private interfaces, in one place.

uvicorn has no documented way to extend its HTTP protocol, so that pyproject.toml bounds its version, and a test
compares INTERNALS with the installed one.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httptools
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

INTERNALS = {
    "protocol": (
        "_start_asgi_task", "_unset_keepalive_if_required", "app", "connections", "cycle", "expect_100_continue",
        "flow", "headers", "loop",
        "parser", "pipeline", "scope", "timeout_keep_alive", "timeout_keep_alive_task", "transport",
    ),
    "cycle": (
        "chunked_encoding", "disconnected", "expected_content_length", "keep_alive", "message_event", "more_body",
        "response_complete", "response_started",
    ),
    "flow": ("resume_reading", "write_paused"),
    "parser callbacks": (
        "on_message_begin", "on_url", "on_header", "on_headers_complete", "on_body", "on_message_complete",
        "on_response_complete",
    ),
}  # fmt: skip
"""Attributes by the object that has them; of the parser's callbacks, those that a protocol overrides."""

Cycle = RequestResponseCycle
"""A request of a connection, and its response."""
ParseError = httptools.HttpParserError


class ConnectionProtocol(HttpToolsProtocol):
    """One HTTP/1.1 connection; its requests are answered in the order in which they arrived."""

    url: bytes = b""

    def feed(self, data: bytes) -> None:
        """Parse data that arrived. Raises ParseError.

        A request for another protocol is read again without its Upgrade field, which a server may ignore (RFC 9110,
        7.8): the parser would take its body for that protocol's, and what follows for the next request.
        """
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.parser.get_method() == b"CONNECT":
                raise ParseError("CONNECT") from None
            head = self._head_without_upgrade()
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
            self.feed(head + data[upgrade.args[0] :])

    def _head_without_upgrade(self) -> bytes:
        parser = self.parser
        first = b"%s %s HTTP/%s\r\n" % (parser.get_method(), self.url, parser.get_http_version().encode())
        fields = [b"%s: %s\r\n" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"".join([first, *fields, b"\r\n"])

    def wants_upgrade(self) -> bool:
        """Whether the header just read asks for another protocol; `feed` reads it again."""
        return bool(self.parser.should_upgrade())

    def http_version(self) -> str:
        """Of the request that is being read."""
        version: str = self.parser.get_http_version()
        return version

    def count_connections(self) -> int:
        """How many connections the server has open."""
        return len(self.connections)

    def count_pipelined(self) -> int:
        """How many requests wait for the one before them."""
        return len(self.pipeline)

    def latest(self) -> Cycle:
        """The request whose header came last."""
        return self.cycle

    def latest_is_pipelined(self) -> bool:
        """Whether it waits for another one."""
        return bool(self.pipeline) and self.pipeline[0][0] is self.cycle

    def drop_latest_pipelined(self) -> None:
        """Forget the request that came last, which waits for another one."""
        self.pipeline.popleft()

    def next_pipelined(self) -> Cycle | None:
        """The request that is answered next."""
        return self.pipeline[-1][0] if self.pipeline else None

    def pop_pipelined(self) -> Iterator[Cycle]:
        """Take all requests that wait."""
        while self.pipeline:
            yield self.pipeline.pop()[0]

    def is_write_paused(self) -> bool:
        """Whether the client has to read before more can be written."""
        return self.flow.write_paused

    def read_on(self) -> None:
        """Read from the client again, if that was paused."""
        self.flow.resume_reading()

    def awaits_next_request(self) -> bool:
        """Whether uvicorn's own keep-alive timer runs."""
        return self.timeout_keep_alive_task is not None

    def idle_s(self) -> float:
        """How long a connection that awaits its next request has done so."""
        assert self.timeout_keep_alive_task is not None
        return self.loop.time() - self.timeout_keep_alive_task.when() + self.timeout_keep_alive

    def current_scope(self) -> dict[str, Any]:
        """The ASGI scope of the request whose header came last, as far as it is known."""
        return dict(self.scope or {})

    def _start_asgi_task(self, cycle: Cycle, app: Any) -> None:
        if cycle.scope["http_version"] == "1.0":
            app = _until_close(app, cycle)
        super()._start_asgi_task(cycle, app)


def _until_close(app: ASGIApp, cycle: Cycle) -> ASGIApp:
    """Answer an HTTP/1.0 request, which knows no chunks: a body of unknown length ends with the connection."""

    async def unchunked(scope: Scope, receive: Receive, send: Send) -> None:
        ends_with_connection = False

        async def send_unchunked(message: Message) -> None:
            nonlocal ends_with_connection
            if message["type"] == "http.response.start":
                ends_with_connection = all(name.lower() != b"content-length" for name, _ in message["headers"])
                if ends_with_connection:
                    cycle.chunked_encoding = False
            elif ends_with_connection:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_unchunked)

    return unchunked


def abandon(cycle: Cycle) -> None:
    """Tell the application that the client has disconnected."""
    cycle.disconnected = True
    cycle.message_event.set()


def status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()

"""All that is used of uvicorn's private interfaces, in one place.

uvicorn has no documented way to extend its HTTP protocol, so that pyproject.toml bounds its version, and a test
compares INTERNALS with the installed one.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

INTERNALS = {
    "protocol": ("connections", "cycle", "flow", "loop", "pipeline", "scope", "timeout_keep_alive_task", "transport"),
    "cycle": ("disconnected", "message_event", "more_body", "response_complete", "response_started"),
    "flow": ("write_paused",),
    "parser callbacks": (
        "on_message_begin", "on_url", "on_header", "on_headers_complete", "on_message_complete",
        "on_response_complete", "send_400_response",
    ),
}  # fmt: skip
"""Attributes by the object that has them; of the parser's callbacks, those that a protocol overrides."""

Cycle = RequestResponseCycle
"""A request of a connection, and its response."""


class ConnectionProtocol(HttpToolsProtocol):
    """One HTTP/1.1 connection; its requests are answered in the order in which they arrived."""

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

    def awaits_next_request(self) -> bool:
        """Whether uvicorn's own keep-alive timer runs."""
        return self.timeout_keep_alive_task is not None

    def current_scope(self) -> dict[str, Any]:
        """The ASGI scope of the request whose header came last, as far as it is known."""
        return dict(self.scope or {})


def abandon(cycle: Cycle) -> None:
    """Tell the application that the client has disconnected."""
    cycle.disconnected = True
    cycle.message_event.set()


def status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()

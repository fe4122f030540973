"""uvicorn's HTTP protocol with timeouts, limits, and errors as problem documents.

uvicorn alone waits without limit for a header, for a body, and for the client to read, and takes headers of any size.
Here such a connection is closed after a timeout, and a malformed request gets a problem document.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from app.http.problems import problem
from app.http.uvicorn_internals import ConnectionProtocol, Cycle, abandon, status_line
from app.settings import Settings

MAX_PIPELINED = 32
"""Maximum of requests of a connection that wait for the one before them."""
SLOW_HEADER = (408, "Request timeout", "the header of the request did not come in time")
SLOW_BODY = (408, "Request timeout", "the body of the request did not come in time")
TOO_LARGE = (431, "Request header fields too large", "the header of the request is too large")
TOO_MANY = (503, "Service unavailable", "too many connections are open")
BAD = (400, "Bad request", "this is not HTTP/1.1")


class HardenedProtocol(ConnectionProtocol):
    """One connection. `hardened` sets the limits of settings."""

    header_timeout_s: float
    body_timeout_s: float
    write_timeout_s: float
    max_header_bytes: int
    max_connections: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._active: Cycle | None = None  # the request that is being answered; later ones may wait for it
        self._in_header = False
        self._header_bytes = 0  # passed on by the parser, and those of chunks that ended within a header
        self._refusal = BAD

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.count_connections() > self.max_connections:
            self._refuse(*TOO_MANY)
        else:
            self._await_header()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_reading_timer()
        self._stop_write_timer()
        for cycle in (self._active, *self.pop_pipelined()):
            if cycle is not None and not cycle.response_complete:
                abandon(cycle)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_header:
            self._header_bytes += len(data)  # the parser passes on a field only when it is complete
        if self._in_header and self._header_bytes > 2 * self.max_header_bytes:
            self._refuse(*TOO_LARGE)
        elif self.count_pipelined() > MAX_PIPELINED:
            self.transport.abort()
        elif self._read_timer is None and not self.awaits_next_request() and self._is_idle:
            self._await_header()  # the data did not start a request

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_header, self._header_bytes = True, 0
        if self._read_timer is None:
            self._await_header()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_header = False
        if self.latest_is_pipelined():  # uvicorn pauses reading until the requests before it are answered
            self._stop_reading_timer()
        else:
            self._begin(self.latest())

    def on_message_complete(self) -> None:
        self._stop_reading_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        following = self.next_pipelined()
        super().on_response_complete()
        if following is not None:
            self._begin(following)
        if self.transport.get_write_buffer_size():
            self._start_write_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_write_timer()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        self._refuse(*self._refusal)

    @property
    def _is_idle(self) -> bool:
        return self._active is None or self._active.response_complete

    def _begin(self, cycle: Cycle) -> None:
        """Start to answer a request; the rest of its body has a timeout."""
        self._active = cycle
        if not self.is_write_paused():
            self._stop_write_timer()
        if cycle.more_body:
            self._start_reading_timer(self.body_timeout_s, SLOW_BODY)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self.max_header_bytes:
            self._refusal = TOO_LARGE
            raise ValueError  # stops the parser, and uvicorn calls send_400_response

    def _await_header(self) -> None:
        self._start_reading_timer(self.header_timeout_s, SLOW_HEADER)

    def _start_reading_timer(self, seconds: float, refusal: tuple[int, str, str]) -> None:
        self._stop_reading_timer()
        self._read_timer = self.loop.call_later(seconds, self._refuse, *refusal)

    def _stop_reading_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _start_write_timer(self) -> None:
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.write_timeout_s, self._give_up_writing)

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _give_up_writing(self) -> None:
        self._write_timer = None
        if self.is_write_paused() or self.transport.get_write_buffer_size():
            self.transport.abort()

    def _refuse(self, status: int, title: str, detail: str) -> None:
        """Send an error, unless a response has been started, and close the connection."""
        self._stop_reading_timer()
        active = self._active
        if active is None or active.response_complete or not active.response_started:
            response = problem(self.current_scope(), status, title, detail, headers={"connection": "close"})
            lines = [b"%s: %s\r\n" % (name, value) for name, value in response.raw_headers]
            self.transport.write(b"".join([status_line(status), *lines, b"\r\n", bytes(response.body)]))
        if active is not None and not active.response_complete:
            abandon(active)
        self.transport.close()
        self._start_write_timer()


def hardened(settings: Settings) -> Callable[..., asyncio.Protocol]:
    """The protocol class with the limits of settings."""
    return type(
        "HardenedProtocol",
        (HardenedProtocol,),
        {
            "header_timeout_s": settings.header_timeout_s,
            "body_timeout_s": settings.body_timeout_s,
            "write_timeout_s": settings.write_timeout_s,
            "max_header_bytes": settings.max_header_bytes,
            "max_connections": settings.max_connections,
        },
    )

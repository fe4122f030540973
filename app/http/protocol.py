"""uvicorn's HTTP protocol with timeouts, limits, and errors as problem documents.

uvicorn alone waits without limit for a header, for a body, and for the client to read, and takes headers of any size.
Here such a connection is closed after a timeout, and a malformed request gets a problem document. When the server
stops, what has come is answered before a connection is closed.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from app.http.header_size import HeaderSize
from app.http.hosts import host_checker
from app.http.outlet import Outlet
from app.http.problems import problem
from app.http.refusals import (
    BAD,
    BAD_FRAMING,
    REASONS,
    SLOW_BODY,
    SLOW_HEADER,
    TOO_LARGE,
    TOO_MANY,
    Refusal,
    objection,
    split_target,
)  # fmt: skip
from app.http.uvicorn_internals import ConnectionProtocol, Cycle, ParseError, abandon, status_line
from app.settings import Settings

MAX_PIPELINED = 32
"""Maximum of requests of a connection that wait for the one before them."""
RESERVE = 16
"""Connections beyond their maximum, for health checks alone: a busy service must not be restarted as a dead one."""
RESERVE_S = 1.0
HEALTH = (b"/livez", b"/readyz", b"/v2/health/live", b"/v2/health/ready", b"/libretranslate/health")
STOP_GRACE_S = 0.25
"""How long a stopping server still begins what arrives on its open connections."""
STOP_READ_S = 1.0
"""How long a stopping server waits for the rest of a request, and for the next one after an answer."""


def _ignore(_: str) -> None:
    """Count nothing."""


class Connections:
    """What the connections of a server share. count_refusal is called with the reason of each refusal."""

    def __init__(self, count_refusal: Callable[[str], None] = _ignore) -> None:
        self.count_refusal = count_refusal
        self.stopping = False
        self.reserve: dict[HardenedProtocol, None] = {}


class HardenedProtocol(ConnectionProtocol):
    """One connection. `hardened` sets the limits of settings."""

    header_timeout_s: float
    body_timeout_s: float
    write_timeout_s: float
    max_header_bytes: int
    max_connections: int
    check_host: Callable[[bytes], bool | None]
    shared: Connections

    transport: Outlet  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._active: Cycle | None = None  # the request that is being answered; later ones may wait for it
        self._in_header = False
        self._size = HeaderSize(self.max_header_bytes)
        self._refusal = BAD
        self._last: Refusal | None = None  # sent after the answers to the requests that came before
        self._half_closed = False
        self._deaf = False  # nothing that still arrives is read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Outlet(transport, self.loop))  # type: ignore[arg-type]
        reserve = self.shared.reserve
        if self.count_connections() - len(reserve) <= self.max_connections:
            self._await_header()
            return
        if len(reserve) >= RESERVE:
            next(iter(reserve))._refuse(*TOO_MANY)
        reserve[self] = None
        self._start_reading_timer(RESERVE_S, TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.reserve.pop(self, None)
        self._stop_reading_timer()
        self._stop_write_timer()
        self.transport.stop_probing()
        for cycle in (self._active, *self.pop_pipelined()):
            if cycle is not None and not cycle.response_complete:
                abandon(cycle)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf or self.transport.is_closing():
            return
        self._size.begin_segment()
        try:
            self.feed(data)
        except ParseError:
            self._refuse(*self._refusal)
            return
        if self.count_pipelined() > MAX_PIPELINED:
            self.transport.abort()
        elif self._in_header:
            if not self._size.add_header_segment(len(data)):
                self._refuse(*TOO_LARGE)
        elif self._in_body:
            if not self._size.add_body_segment(len(data)):
                self._refuse(*BAD_FRAMING)
        elif self._read_timer is None and not self.awaits_next_request() and self._is_idle:
            self._await_header()  # the data did not start a request

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client ended its side. Stay open for the answers to the requests that have wholly come."""
        if self._is_idle or self.transport.lingering:
            return False
        if self._in_body:
            if not self.latest_is_pipelined():
                return False
            self.drop_latest_pipelined()
        self._stop_reading_timer()
        self._half_closed = self._deaf = True
        self._end_reuse()
        self._probe()
        return True

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_header, self.transport.may_receive = True, True
        self._size.begin_message()
        if self._read_timer is None:
            self._await_header()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        if self._in_header:  # else it is a trailer: the application has the header already
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.wants_upgrade():
            return
        named, self.url = split_target(self.url)
        if refusal := self._objection(named):
            self._fail(refusal)
        if self.http_version() == "1.0":
            self.expect_100_continue = False  # a client of HTTP/1.0 takes no interim response (RFC 9110, 10.1.1)
        super().on_headers_complete()
        self._in_header = False
        self._size.end_part()
        if self.latest_is_pipelined():  # uvicorn pauses reading until the requests before it are answered
            self._stop_reading_timer()
        else:
            self._begin(self.latest())

    def on_chunk_header(self) -> None:
        self._size.subtract_chunk()

    def on_body(self, body: bytes) -> None:
        self._size.subtract_body(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.wants_upgrade():
            return
        self._stop_reading_timer()
        self._size.end_part()
        self.transport.may_receive = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        following = self.next_pipelined()
        super().on_response_complete()
        if following is not None:
            self._begin(following)
        elif self._last is not None:
            self._say_last(*self._last)
        if self.transport.get_write_buffer_size():
            self._start_write_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_write_timer()

    def finish(self) -> None:
        """Answer what has come, and close. For a server that stops, once `shared.stopping` is set."""
        if self._is_idle and self.awaits_next_request():
            self.loop.call_later(max(STOP_GRACE_S, STOP_READ_S - self.idle_s()), self._close_if_idle)
        elif self._is_idle and not self._in_header and not self._in_body:
            self.loop.call_later(STOP_READ_S, self._close_if_idle)  # a new connection, whose request may come
        else:
            self._end_reuse()
            self.transport.may_receive = True  # the client may count on the next request
        if self._read_timer is not None:
            left_s = self._read_timer.when() - self.loop.time()
            self._start_reading_timer(left_s, SLOW_BODY if self._in_body else SLOW_HEADER)

    @property
    def _is_idle(self) -> bool:
        return self._active is None or self._active.response_complete

    @property
    def _in_body(self) -> bool:
        cycle: Cycle | None = self.latest()
        return cycle is not None and cycle.more_body and not self._in_header

    def _begin(self, cycle: Cycle) -> None:
        """Start to answer a request; the rest of its body has a timeout."""
        self._active = cycle
        if not self.is_write_paused():
            self._stop_write_timer()
        if cycle.more_body:
            self._start_reading_timer(self.body_timeout_s, SLOW_BODY)
        if self.shared.stopping or self._half_closed or self in self.shared.reserve:
            self._end_reuse()
            self._probe()

    def _end_reuse(self) -> None:
        """Close after the answer to the last request that has come."""
        if not self.count_pipelined() and self._last is None and self._active is not None:
            self._active.keep_alive = False

    def _probe(self) -> None:
        if self._half_closed and self._active is not None and not self._active.response_started:
            self.transport.probe()

    def _objection(self, named: bytes | None) -> Refusal | None:
        """Why a header that is complete is refused."""
        if self in self.shared.reserve and self.url.partition(b"?")[0] not in HEALTH:
            return TOO_MANY
        return objection(named, self.headers, self.http_version(), self.check_host)

    def _count(self, size: int) -> None:
        if not self._size.add_field(size):
            self._fail(TOO_LARGE)

    def _fail(self, refusal: Refusal) -> None:
        """Stop the parser: `feed` raises, and the request is refused."""
        self._refusal = refusal
        raise ValueError(refusal)

    def _await_header(self) -> None:
        self._start_reading_timer(self.header_timeout_s, SLOW_HEADER)

    def _start_reading_timer(self, seconds: float, refusal: Refusal) -> None:
        self._stop_reading_timer()
        if self.shared.stopping:
            seconds = min(seconds, STOP_READ_S)
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

    def _close_if_idle(self) -> None:
        if self._is_idle and not self._in_header and not self._in_body:
            self.transport.may_receive = True
            self.transport.close()

    def _refuse(self, status: int, title: str, detail: str) -> None:
        """Refuse the request that is arriving, after the answers to those before it, and close the connection."""
        self.shared.count_refusal(REASONS[status])
        self._stop_reading_timer()
        self._deaf = True
        self.shared.reserve.pop(self, None)  # what is refused takes no place of the reserve while it lingers
        active, refused_is_active = self._active, self._in_body and not self.latest_is_pipelined()
        if self._is_idle and refused_is_active:  # its answer has been sent, before its body had come
            self._close()
        elif self._is_idle:
            self._say_last(status, title, detail)
        elif refused_is_active:
            assert active is not None
            if active.response_started:
                self._close()
            else:
                self._say_last(status, title, detail)
            abandon(active)
        else:
            if self._in_body:
                self.drop_latest_pipelined()
            self._last = status, title, detail

    def _say_last(self, status: int, title: str, detail: str) -> None:
        scope = {"path": self.url.partition(b"?")[0].decode("latin-1"), **self.current_scope()}
        headers = {"connection": "close"} | ({"retry-after": "1"} if status == 503 else {})
        response = problem(scope, status, title, detail, headers=headers)
        lines = [b"%s: %s\r\n" % (name, value) for name, value in response.raw_headers]
        self.transport.write(b"".join([status_line(status), *lines, b"\r\n", bytes(response.body)]))
        self._close()

    def _close(self) -> None:
        self.transport.may_receive = True
        self.transport.close()
        self._start_write_timer()


def hardened(settings: Settings, shared: Connections) -> Callable[..., asyncio.Protocol]:
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
            "check_host": staticmethod(host_checker(settings)),
            "shared": shared,
        },
    )

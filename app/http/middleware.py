"""What happens to every request: it gets an id, and its body a limit."""

import random
import re
import time

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.lease import Lease
from app.access.limits import Guard
from app.http.clients import LEASE
from app.http.problems import OURS, problem
from app.telemetry.logs import get_logger, request_id
from app.telemetry.metrics import Metrics

HEADER = "x-request-id"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_SAFE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# not the system's source of randomness, whose every call lets another thread take Python's lock
_random = random.Random()
log = get_logger(__name__)


class RequestIdMiddleware:
    """Sets the request's id, logs and counts each request, and answers what nothing else caught with a 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(HEADER.encode(), b"")
        identifier = given.decode() if _SAFE.fullmatch(given) else f"{_random.getrandbits(128):032x}"
        token = request_id.set(identifier)
        started, status, started_reply = time.monotonic(), 500, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, started_reply
            if message["type"] == "http.response.start":
                status, started_reply = message["status"], True
                MutableHeaders(scope=message)[HEADER] = identifier
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            log.exception("request_failed")
            if started_reply:
                raise
            await problem(scope, 500, "Internal error", OURS)(scope, receive, send_with_id)
        finally:
            seconds = time.monotonic() - started
            route = getattr(scope.get("route"), "path", "")  # the template: a path itself could hold a text
            self._metrics.requests.labels(route, status).inc()
            self._metrics.request_seconds.labels(route).observe(seconds)
            method = scope["method"] if scope["method"] in METHODS else ""
            log.info("request_done", method=method, route=route, status=status, duration_ms=round(1000 * seconds, 1))
            request_id.reset(token)


class LeaseMiddleware:
    """Gives each request its lease, which ends with it, and the reply the headers that the lease has come by."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        lease = scope[LEASE] = Lease(self._guard)

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start" and lease.headers:
                MutableHeaders(scope=message).update(lease.headers)
            await send(message)

        try:
            await self.app(scope, receive, send_with_limits)
        finally:
            lease.release()


class BodyLimitMiddleware:
    """Refuses a body over max_bytes with 413, before it is read or while it comes in.

    FastAPI's own `max_body_size` does as much, but answers in plain text, whatever handlers say.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        size = int(announced) if announced.isdigit() else 0
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            if size <= self.max_bytes:
                message = await receive()
                received += len(message.get("body", b""))
                if received <= self.max_bytes:
                    return message
            raise HTTPException(413, f"the body may have at most {self.max_bytes} bytes")

        await self.app(scope, receive_limited, send)

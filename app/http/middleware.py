"""Middleware: request ids, logs and metrics; leases on client limits; the limit of body size."""

import random
import re
import time
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.lease import Lease
from app.access.limits import Guard
from app.http.clients import LEASE
from app.http.problems import INTERNAL, problem
from app.telemetry.logs import get_logger, request_id
from app.telemetry.metrics import Metrics

HEADER = "x-request-id"
IDENTITY = b"identity"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
REDIRECTS = (307, 308)
_SAFE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# not the system's random source: each call to it releases the GIL, and waits for the engine's thread to return it
_random = random.Random()
log = get_logger(__name__)


class RequestIdMiddleware:
    """Sets the request id, logs and counts each request, and answers an unhandled exception with a 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else ""
        if method == "HEAD":  # is answered as GET is; the server leaves out the body
            scope = {**scope, "method": "GET"}
        header = dict(scope["headers"]).get(HEADER.encode(), b"")
        identifier = header.decode() if _SAFE.fullmatch(header) else f"{_random.getrandbits(128):032x}"
        token = request_id.set(identifier)
        started, status, response_started = time.monotonic(), 500, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, response_started
            if message["type"] == "http.response.start":
                status, response_started = message["status"], True
                headers = MutableHeaders(scope=message)
                headers[HEADER] = identifier
                if status in REDIRECTS and "location" in headers:
                    headers["location"] = _relative(headers["location"], scope["path"])
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            log.exception("request_failed")
            if response_started:
                raise
            await problem(scope, 500, "Internal error", INTERNAL)(scope, receive, send_with_id)
        finally:
            seconds = time.monotonic() - started
            route = getattr(scope.get("route"), "path", "")  # the template: the path itself could contain a text
            self._metrics.requests.labels(route, status).inc()
            self._metrics.request_seconds.labels(route).observe(seconds)
            log.info("request_done", method=method, route=route, status=status, duration_ms=round(1000 * seconds, 1))
            request_id.reset(token)


def _relative(location: str, path: str) -> str:
    """A redirect's address, relative to the path of the request, which it has with or without a slash at the end.

    Starlette makes an absolute one, of the Host header, which a client or a proxy may have set to anything.
    """
    parts = urlsplit(location)
    name = parts.path.rstrip("/").rpartition("/")[2]
    slashes = len(path) - len(path.rstrip("/"))
    address = "../" * slashes + name if slashes else f"./{name}/"
    return f"{address}?{parts.query}" if parts.query else address


class LeaseMiddleware:
    """Gives each request a lease, which ends with it, and adds the rate-limit headers to the response."""

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
    """Refuses a body over max_bytes with 413, before it is read or while it is received, and a compressed one with 415.

    FastAPI's `max_body_size` does the same, but always answers in plain text.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        fields = dict(scope["headers"])
        length = fields.get(b"content-length", b"0")
        coding = fields.get(b"content-encoding", IDENTITY)
        size = int(length) if length.isdigit() else 0
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            if coding.strip().lower() != IDENTITY:
                detail = "send the body as it is: a body with a Content-Encoding is not decoded"
                raise HTTPException(415, detail, {"Accept-Encoding": IDENTITY.decode()})
            if size <= self.max_bytes:
                message = await receive()
                received += len(message.get("body", b""))
                if received <= self.max_bytes:
                    return message
            raise HTTPException(413, f"the body may have at most {self.max_bytes} bytes")

        await self.app(scope, receive_limited, send)

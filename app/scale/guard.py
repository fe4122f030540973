"""What the server of `carousel serve` checks of a connection, as far as an application can.

Ray's own servers accept the connections: they have no limits on headers and on slow clients.
"""

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.hosts import host_checker
from app.http.middleware import HEADER
from app.http.problems import problem
from app.http.refusals import REASONS, SLOW_BODY, TOO_LARGE, Refusal, objection, split_target
from app.settings import Settings
from app.telemetry.metrics import Metrics

FIELD_BYTES = 4
"""Of a header field beside its name and value: a colon, a space and the end of the line."""


class Guard:
    """Refuses requests whose header or Host a connection would refuse, and bodies that do not come in time."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics
        self._check_host = host_checker(settings)
        self._max_header_bytes, self._body_timeout_s = settings.max_header_bytes, settings.body_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif refusal := self._objection(scope):
            status, title, detail = refusal
            self._count(status)
            await problem(scope, status, title, detail)(scope, receive, send)
        else:
            await self._app(scope, self._in_time(receive), _without_id(send))

    def _objection(self, scope: Scope) -> Refusal | None:
        fields = scope["headers"]
        url: bytes = scope.get("raw_path") or scope["path"].encode()
        size = len(url) + len(scope["query_string"])
        size += sum(len(name) + len(value) + FIELD_BYTES for name, value in fields)
        if size > self._max_header_bytes:
            return TOO_LARGE
        named, _ = split_target(url)
        return objection(named, fields, scope["http_version"], self._check_host)

    def _in_time(self, receive: Receive) -> Receive:
        """receive until the body is complete; later it waits for the client to leave, without a limit."""
        deadline = asyncio.get_running_loop().time() + self._body_timeout_s
        complete = False

        async def receive_in_time() -> Message:
            nonlocal complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                self._count(SLOW_BODY[0])
                raise HTTPException(SLOW_BODY[0], SLOW_BODY[2]) from None
            complete = not message.get("more_body", False)
            return message

        return receive_in_time

    def _count(self, status: int) -> None:
        self._metrics.refusals.labels(REASONS[status]).inc()


def _without_id(send: Send) -> Send:
    """send without the header of the request's id: Ray has given the request one already, and adds it to the reply."""
    name = HEADER.encode()

    async def send_without_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [field for field in message["headers"] if field[0].lower() != name]}
        await send(message)

    return send_without_id

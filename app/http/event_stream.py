"""The response of a stream: Server-Sent Events, comments that keep the connection open, and an end with its client."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PING_S = 15.0
"""Between two comments: proxies close connections on which nothing comes."""
Write = Callable[[bytes], Awaitable[None]]


class EventStream(Response):
    """What `produce` writes, until it returns or the client disconnects.

    `produce` is cancelled where the client disconnects or does not read for send_timeout_s. That is checked with each
    comment, since a timeout for each write would cost more than the write; `carousel serve` has one of its own.
    """

    media_type = "text/event-stream"

    def __init__(self, produce: Callable[[Write], Awaitable[None]], send_timeout_s: float) -> None:
        self.status_code, self.background = 200, None
        self._produce, self._send_timeout_s = produce, send_timeout_s
        self._started = False
        self._sending = asyncio.Lock()
        self._since = 0.0
        """When the write that holds the lock began."""
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Raises TimeoutError where the client does not read."""
        writing = asyncio.create_task(self._write_all(send))
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            while True:
                done, _ = await asyncio.wait((writing, leaving), timeout=PING_S, return_when=asyncio.FIRST_COMPLETED)
                if done:
                    break
                await self._ping(send)
            for task in done:
                task.result()
        finally:
            writing.cancel()
            leaving.cancel()
            await asyncio.wait((writing, leaving))

    async def _write_all(self, send: Send) -> None:
        await self._produce(lambda chunk: self._write(send, chunk))
        await self._write(send, b"", more=False)

    async def _write(self, send: Send, chunk: bytes, more: bool = True) -> None:
        async with self._sending:
            self._since = asyncio.get_running_loop().time()
            if not self._started:  # not before `produce`, which has jobs to cancel where this one is
                self._started = True
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def _ping(self, send: Send) -> None:
        if not self._sending.locked():
            async with asyncio.timeout(self._send_timeout_s):
                await self._write(send, f": ping - {datetime.now(UTC)}\r\n\r\n".encode())
        elif asyncio.get_running_loop().time() - self._since > self._send_timeout_s:
            raise TimeoutError(f"the client did not read for {self._send_timeout_s:g} s")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

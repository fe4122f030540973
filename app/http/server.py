"""Running the application under uvicorn."""

import asyncio
import math
import socket
import sys
from collections.abc import Callable, Sequence

import uvicorn
from fastapi import FastAPI

from app.engine.engine import SWITCH_S
from app.http.listening import has_waiting, refuse_handshakes
from app.http.protocol import STOP_GRACE_S, Connections, HardenedProtocol, hardened
from app.http.sse import SHUTDOWN_GRACE_S
from app.settings import Settings
from app.telemetry.garbage import leave_out_all

TICK_S = 0.02
ACCEPT_TICKS = 50
FORCED_S = 2.0
"""Time for running requests to be interrupted, when a second signal says so."""
CANCEL_S = 0.5


class Server(uvicorn.Server):
    """uvicorn's server, which answers what has come before it stops.

    Between the signal and the end: readiness fails (`CAROUSEL_DRAIN_DELAY_S`); no connection is accepted any more, but
    those in the backlog; requests that arrive within a moment are answered, and their connections closed; the engine
    ends what runs (`CAROUSEL_SHUTDOWN_TIMEOUT_S`). A second SIGINT interrupts what runs.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        settings: Settings,
        app: FastAPI,
        connections: Connections,
        on_ready: Callable[[str], None],
    ) -> None:
        """on_ready is called with the server's URL once it listens."""
        super().__init__(config)
        self._settings, self._app, self._on_ready = settings, app, on_ready
        self._connections = connections

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_ready(f"http://{'[' + host + ']' if ':' in host else host}:{port}/")

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        engine = self._app.state.engine
        engine.retire()
        await self._wait(self._settings.drain_delay_s)
        self._finish_connections()
        await self._accept_the_rest()
        await self._wait(STOP_GRACE_S)
        for server in self.servers:
            server.close()
        engine.drain(self._settings.shutdown_timeout_s)
        await self._wait(self._settings.shutdown_timeout_s + SHUTDOWN_GRACE_S, until_done=True)
        if self.force_exit:
            engine.drain(0)
            await self._wait(FORCED_S, until_done=True, unless_forced=False)
        await self._end_connections()
        await self.lifespan.shutdown()

    async def _accept_the_rest(self) -> None:
        listeners = [listener.fileno() for server in self.servers for listener in server.sockets]
        for listener in listeners:
            refuse_handshakes(listener)
        for _ in range(ACCEPT_TICKS):
            await asyncio.sleep(TICK_S)
            if not any(map(has_waiting, listeners)):
                return

    def _finish_connections(self) -> None:
        self._connections.stopping = True
        for connection in list(self.server_state.connections):
            if isinstance(connection, HardenedProtocol):
                connection.finish()
            else:
                connection.shutdown()

    async def _end_connections(self) -> None:
        """Cut what has not ended in time."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await self._wait(CANCEL_S, until_done=True, unless_forced=False)
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._wait(CANCEL_S, until_done=True, unless_forced=False)

    async def _wait(self, seconds: float, until_done: bool = False, unless_forced: bool = True) -> None:
        """Wait; with until_done, only while there are connections or requests.

        By ticks, not by the clock: on a busy machine, too, the event loop turns as often as otherwise.
        """
        for _ in range(math.ceil(seconds / TICK_S)):
            if unless_forced and self.force_exit:
                return
            if until_done and not (self.server_state.connections or self.server_state.tasks):
                return
            await asyncio.sleep(TICK_S)


def run(
    app: FastAPI, settings: Settings, on_ready: Callable[[str], None], listeners: Sequence[socket.socket] = ()
) -> bool:
    """Serve until a signal; return whether it ever started.

    listeners are sockets that are bound already; without any, that is done as settings say.
    """

    def listens(url: str) -> None:
        leave_out_all()  # the command turns collections off while models load
        on_ready(url)

    server = make(app, settings, listens)
    server.run(list(listeners) or None)
    return server.started


def make(app: FastAPI, settings: Settings, on_ready: Callable[[str], None]) -> Server:
    """A server with the limits of settings. on_ready is called with its URL once it listens."""
    connections = Connections(lambda reason: app.state.metrics.refusals.labels(reason).inc())
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=hardened(settings, connections),  # type: ignore[arg-type]
        ws="none",
        timeout_keep_alive=settings.keep_alive_timeout_s,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        log_config=None,
        access_log=False,
    )
    sys.setswitchinterval(SWITCH_S)
    return Server(config, settings, app, connections, on_ready)

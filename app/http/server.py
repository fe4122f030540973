"""Running the application under uvicorn."""

import gc
import math
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from app.http.protocol import hardened
from app.http.sse import SHUTDOWN_GRACE_S
from app.settings import Settings

SWITCH_S = 0.0005
"""The GIL's switch interval. Python's default of 5 ms is as long as two steps of the engine."""


class Server(uvicorn.Server):
    """uvicorn's server, with callbacks for when it listens, with its URL, and when it starts to shut down."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None], on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready, self._on_stop = on_ready, on_stop

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_ready(f"http://{'[' + host + ']' if ':' in host else host}:{port}/")

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._on_stop()
        await super().shutdown(sockets)  # type: ignore[arg-type]


def run(app: FastAPI, settings: Settings, on_ready: Callable[[str], None]) -> bool:
    """Serve until a signal; return whether it ever started."""

    def listens(url: str) -> None:
        gc.freeze()  # models and modules: looking through all of them would hold the event loop for 200 ms each time
        on_ready(url)

    server = make(app, settings, listens)
    server.run()
    return server.started


def make(app: FastAPI, settings: Settings, on_ready: Callable[[str], None]) -> Server:
    """A server with the limits of settings. on_ready is called with its URL once it listens."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=hardened(settings),  # type: ignore[arg-type]
        ws="none",
        timeout_keep_alive=settings.keep_alive_timeout_s,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout_s + SHUTDOWN_GRACE_S),
    )
    sys.setswitchinterval(SWITCH_S)
    return Server(config, on_ready, lambda: app.state.engine.drain(settings.shutdown_timeout_s))

"""Running the application under uvicorn."""

import math
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from app.settings import Settings

SWITCH_S = 0.0005
"""How long a thread may keep the others from Python. Python's own 5 ms are two steps of the engine's."""


class Server(uvicorn.Server):
    """uvicorn's server, which says when it listens, and where."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_ready(f"http://{'[' + host + ']' if ':' in host else host}:{port}/")


def run(app: FastAPI, settings: Settings, on_ready: Callable[[str], None]) -> bool:
    """Serve until a signal; return whether it ever started."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http="httptools",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout_s),
    )
    sys.setswitchinterval(SWITCH_S)
    server = Server(config, on_ready)
    server.run()
    return server.started

"""A live server of the tiny models, on a socket, for real clients."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from app import server
from app.engine.registry import Registry
from app.main import create_app
from app.settings import Settings
from tests.helpers import Wrapped


@dataclass(frozen=True)
class Live:
    """url has no slash at its end."""

    url: str
    app: FastAPI


Serve = Callable[..., Live]


@pytest.fixture(scope="module")
def serve(registry: Registry) -> Iterator[Serve]:
    """Starts servers in threads of this process; they stop at the end of the module."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(models: Registry | None = None, **settings: Any) -> Live:
        made = Settings(port=0, shutdown_timeout_s=1, **settings)
        app = create_app(made, models or registry)
        ready, urls = threading.Event(), []

        def on_ready(url: str) -> None:
            urls.append(url.rstrip("/"))
            ready.set()

        live = server.make(app, made, on_ready)
        thread = threading.Thread(target=lambda: asyncio.run(live.serve()))
        thread.start()
        running.append((live, thread))
        assert ready.wait(60)
        return Live(urls[0], app)

    yield start
    for live, _ in running:
        live.should_exit = True
    for _, thread in running:
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def live(serve: Serve) -> Live:
    """A server with the settings that it has by default."""
    return serve()


class Breaks(Wrapped):
    """A runtime that fails after some steps."""

    def __init__(self, runtime: Any, steps: int = 5) -> None:
        super().__init__(runtime)
        self._left = steps

    def step(self, ids: Any, state: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("xyzzy")
        return self._runtime.step(ids, state)

"""An engine behind its socket, and applications that reach it there: all on the event loop of the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.catalog.registry import Registry
from app.engine.engine import Engine
from app.factories import make_counters, make_engine
from app.main import create_app
from app.processes.hub import HttpConnection, Hub
from app.processes.remote_backend import RemoteBackend
from app.processes.remote_engine import RemoteEngine
from app.settings import Settings
from app.telemetry.gauges import register_gauges
from app.telemetry.metrics import Metrics


@dataclass
class Beside:
    """A service whose HTTP processes are applications of this process; connections are the hub's ends."""

    settings: Settings
    path: Path
    stack: AsyncExitStack
    engine: Engine
    hub: Hub
    connections: list[HttpConnection] = field(default_factory=list)
    server: asyncio.AbstractServer | None = None

    async def listen(self) -> None:
        def connect() -> HttpConnection:
            self.connections.append(HttpConnection(self.hub))
            return self.connections[-1]

        self.server = await asyncio.get_running_loop().create_unix_server(connect, str(self.path))

    async def close(self) -> None:
        """Take no more connections."""
        assert self.server
        self.server.close()
        for connection in self.connections:
            connection.abort()
        await asyncio.sleep(0)

    async def client(self, name: str = "http-0") -> httpx.AsyncClient:
        """A client of one more application; its transport has the application."""
        app = create_app(self.settings, backend=RemoteBackend(self.settings, self.path, name))
        await self.stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        return await self.stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))


MakeBeside = Callable[..., Awaitable[Beside]]


@pytest.fixture
async def beside(registry: Registry, tmp_path: Path) -> AsyncIterator[MakeBeside]:
    """Makes services; engines are stopped, and connections closed, when the test ends."""
    async with AsyncExitStack() as stack:

        async def make(models: Registry | None = None, **options: Any) -> Beside:
            settings, metrics = Settings(**options), Metrics()
            served = models or Registry(registry.models.values(), registry.device)
            engine = make_engine(served, settings, metrics)
            register_gauges(metrics, engine)
            engine.start()
            stack.push_async_callback(asyncio.to_thread, engine.stop, 5)
            hub = Hub(engine, make_counters(settings), metrics, settings.request_timeout_s)
            made = Beside(settings, tmp_path / "engine.sock", stack, engine, hub)
            await made.listen()
            stack.push_async_callback(made.close)
            reporting = asyncio.create_task(hub.report())
            stack.callback(reporting.cancel)
            return made

        yield make


def engine_of(client: httpx.AsyncClient) -> RemoteEngine:
    """The engine as a client's application has it."""
    engine: RemoteEngine = client._transport.app.state.engine  # type: ignore[attr-defined]
    return engine


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens soon, or never."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)

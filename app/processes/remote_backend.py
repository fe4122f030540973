"""What the application of an HTTP process runs on: the engine of another process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.engine.interface import EngineInterface
from app.factories import engine_config
from app.processes.remote_counters import RemoteCounters
from app.processes.remote_engine import RemoteEngine
from app.settings import Settings
from app.telemetry.gauges import register_loop_gauges
from app.telemetry.metrics import Metrics


class RemoteBackend:
    """An engine at a socket; process is the name of this process."""

    def __init__(self, settings: Settings, path: Path, process: str) -> None:
        self.metrics = Metrics()
        register_loop_gauges(self.metrics)
        self._engine = RemoteEngine(
            path, process, engine_config(settings), dict(settings.defaults), self.metrics.families
        )
        has_rate, has_maximum = settings.rate_limit is not None, settings.max_requests_at_once > 0
        self.counters = RemoteCounters(self._engine, has_rate, has_maximum)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EngineInterface]:
        await self._engine.start()
        with self.metrics.pauses.watching():
            yield self._engine
        await self._engine.stop()

    async def metrics_page(self) -> bytes:
        return await self._engine.metrics_page()

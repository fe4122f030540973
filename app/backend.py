"""Where an application's jobs run: in a thread of its process, or in another process."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from app.access.counters import Counters
from app.catalog.registry import Registry
from app.catalog.reload import reloading
from app.engine.interface import EngineInterface
from app.factories import choice_of, load_registry, make_counters, make_engine
from app.settings import Settings
from app.telemetry.gauges import register_gauges, register_loop_gauges
from app.telemetry.metrics import Metrics

ENGINE_STOP_S = 5.0  # the server has waited for running requests before, for shutdown_timeout_s


class Backend(Protocol):
    """What an application runs on. metrics are those of its process; counters are of the service's clients."""

    metrics: Metrics

    @property
    def counters(self) -> Counters: ...

    def running(self) -> AbstractAsyncContextManager[EngineInterface]:
        """The engine, for as long as the application runs."""

    async def metrics_page(self) -> bytes:
        """The metrics of the whole service, in Prometheus's text format."""


class OneProcess:
    """An engine in a thread of this process."""

    def __init__(self, settings: Settings, registry: Registry | None = None) -> None:
        """Without a registry, which may be set later, models are loaded when the application starts."""
        self.metrics, self.counters = Metrics(), make_counters(settings)
        self._settings, self.registry = settings, registry

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EngineInterface]:
        registry = self.registry or load_registry(self._settings)
        engine = make_engine(registry, self._settings, self.metrics)
        engine.start()
        register_gauges(self.metrics, engine)
        register_loop_gauges(self.metrics)
        with self.metrics.pauses.watching(), reloading(registry, choice_of(self._settings)):
            yield engine
        await run_in_threadpool(engine.stop, ENGINE_STOP_S)

    async def metrics_page(self) -> bytes:
        return self.metrics.page()

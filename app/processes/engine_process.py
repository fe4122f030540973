"""The engine's process: it owns the models, and serves them to the HTTP processes."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from app.backend import ENGINE_STOP_S
from app.catalog.registry import Registry
from app.catalog.reload import reloading
from app.engine.engine import SWITCH_S
from app.factories import choice_of, load_registry, make_counters, make_engine
from app.processes.hub import HttpConnection, Hub
from app.settings import Settings
from app.telemetry.garbage import leave_out_all
from app.telemetry.gauges import register_gauges
from app.telemetry.metrics import Metrics


def run(settings: Settings, path: Path, on_ready: Callable[[], None]) -> None:
    """Load the models, and serve them at a socket until SIGTERM and the end of the last HTTP process.

    Raises what `load_registry` does.
    """
    registry = load_registry(settings)
    sys.setswitchinterval(SWITCH_S)
    path.unlink(missing_ok=True)  # of a process that was killed
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, registry, path, on_ready))


async def _serve(settings: Settings, registry: Registry, path: Path, on_ready: Callable[[], None]) -> None:
    loop, stopped, metrics = asyncio.get_running_loop(), asyncio.Event(), Metrics()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    engine = make_engine(registry, settings, metrics)
    register_gauges(metrics, engine)
    engine.start()
    hub = Hub(engine, make_counters(settings), metrics, settings.request_timeout_s)
    server = await loop.create_unix_server(lambda: HttpConnection(hub), str(path))
    reporting = asyncio.create_task(hub.report())
    leave_out_all()  # collections are off while models load
    on_ready()
    with metrics.pauses.watching(), reloading(registry, choice_of(settings), hub.publish):
        await stopped.wait()
        await hub.stop()
    reporting.cancel()
    with suppress(asyncio.CancelledError):
        await reporting
    server.close()
    await run_in_threadpool(engine.stop, ENGINE_STOP_S)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's, where it is installed, as uvicorn chooses."""
    try:
        import uvloop  # noqa: PLC0415 (not on each system)
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop

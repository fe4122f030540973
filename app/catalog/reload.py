"""On SIGHUP, changed checkpoints replace the served ones; running requests finish on the old ones."""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool

from app.catalog.loading import Choice, reload_models
from app.catalog.registry import Registry
from app.errors import ServiceError
from app.telemetry.logs import get_logger
from models.errors import ModelError

log = get_logger(__name__)


@contextmanager
def reloading(
    registry: Registry, choice: Choice, publish: Callable[[], Awaitable[None]] | None = None
) -> Iterator[None]:
    """Listen to the signal, where there is one and this thread gets it.

    publish tells others who resolve requests of the new models, and returns when they have switched to them.
    """
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, lock, tasks = asyncio.get_running_loop(), asyncio.Lock(), set[asyncio.Task[None]]()

    async def reload() -> None:
        async with lock:
            try:
                names = await run_in_threadpool(reload_models, registry, choice)
            except (ModelError, ServiceError) as error:
                log.warning("reload_refused", reason=str(error))
            else:
                if publish is not None:
                    await publish()
                defaults = {use: default.model for use, default in registry.defaults.items()}
                log.info("reloaded", models=names, defaults=defaults)

    def begin() -> None:
        task = loop.create_task(reload())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)

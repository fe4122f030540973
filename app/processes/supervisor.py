"""The process that starts the others: one with the engine, and several that speak HTTP. It needs no PyTorch.

It binds the sockets, which the HTTP processes inherit: while one of them is replaced, the others take its connections.
"""

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.fernet import Fernet

from app.access.keys import KeyRing
from app.errors import ServiceError
from app.processes.child import Child, StartFailed
from app.settings import PREFIX, Settings, SettingsError
from app.telemetry.logs import get_logger

SOCKET = "engine.sock"
log = get_logger(__name__)


def run(settings: Settings, listeners: Sequence[socket.socket], on_ready: Callable[[str], None]) -> signal.Signals:
    """Run the service until SIGTERM or SIGINT; return the signal. on_ready is called with its URL.

    Raises ServiceError where a process can't start.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise SettingsError(f"{PREFIX}HTTP_PROCESSES: more than one needs Unix sockets, which this system lacks")
    KeyRing(file=settings.api_keys_file)  # a damaged file of keys is one error, not one of each process
    try:
        private = tempfile.TemporaryDirectory(prefix="carousel-")  # which only its owner may enter
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}HTTP_PROCESSES: no folder for their socket: {error.strerror}; set TMPDIR"
        ) from None
    with private as folder:
        return asyncio.run(_Supervisor(settings, listeners, Path(folder) / SOCKET).run(on_ready))


class _Supervisor:
    def __init__(self, settings: Settings, listeners: Sequence[socket.socket], path: Path) -> None:
        self._settings = settings
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        environment = _environment(settings)
        self._engine = Child("engine", ["engine", str(path)], environment, with_spare=True)
        inherited = [listener.fileno() for listener in listeners]
        self._http = [
            Child(name, ["http", str(path), name, *map(str, inherited)], environment, inherited)
            for name in (f"http-{number}" for number in range(settings.http_processes))
        ]

    @property
    def _all(self) -> list[Child]:
        return [self._engine, *self._http]

    async def run(self, on_ready: Callable[[str], None]) -> signal.Signals:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        loop.add_signal_handler(signal.SIGHUP, self._engine.send, signal.SIGHUP)
        keeping: list[asyncio.Task[None]] = []
        stopping = asyncio.create_task(self._signals.get())
        starting = asyncio.create_task(self._start())
        try:
            await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                on_ready(starting.result())
                keeping = [asyncio.create_task(child.keep()) for child in self._all]
                number = await stopping
                await self._stop(number)
            return await stopping
        finally:
            for task in (starting, stopping, *keeping):
                task.cancel()
            for child in self._all:
                child.kill()
            await asyncio.gather(starting, *keeping, return_exceptions=True)

    async def _start(self) -> str:
        """Start all processes, and return the service's URL."""
        try:
            _, url, *_ = await asyncio.gather(*(child.start() for child in self._all))
        except StartFailed as error:
            raise ServiceError(str(error) or "a process of the service has ended; the log says why") from None
        return url

    async def _stop(self, number: signal.Signals) -> None:
        """The HTTP processes end as a server does by itself, and the engine's after them."""
        allowed_s = self._settings.drain_delay_s + self._settings.shutdown_timeout_s
        loop = asyncio.get_running_loop()
        for again in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(again, self._interrupt, again)
        await asyncio.gather(
            self._engine.end(signal.SIGTERM, 2 * allowed_s), *(child.end(number, allowed_s) for child in self._http)
        )

    def _interrupt(self, number: signal.Signals) -> None:
        """A second signal is for the HTTP processes to judge."""
        for child in self._http:
            child.send(number)


def _environment(settings: Settings) -> dict[str, str]:
    """The settings that options of the command may have changed, and one key for the states of all processes."""
    changed = {
        "HOST": settings.host,
        "PORT": str(settings.port),
        "CHECKPOINTS": str(settings.checkpoints),
        "STATE_KEY": ",".join(key.get_secret_value() for key in settings.state_key) or Fernet.generate_key().decode(),
    }
    return {**os.environ, **{PREFIX + name: value for name, value in changed.items()}}

"""A process of the service, as the supervisor sees it: started again, with growing pauses, whenever it ends."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from app.telemetry.logs import get_logger

ENTRY = "app.cli.child"
"""The module that a child runs."""
STEADY_S = 10.0
"""A process that has lived so long is started again at once."""
FIRST_PAUSE_S, MAX_PAUSE_S = 0.25, 8.0
"""Before one that has not; doubled each time."""
KILL_S = 10.0
"""How long a process that should end may take beyond its time."""
log = get_logger(__name__)


class StartFailed(Exception):
    """A process ended before it was ready; the text is why, or empty where it has said nothing."""


@dataclass(eq=False)
class Child:
    """arguments are those of ENTRY; inherited are file descriptors that the process gets.

    It begins at the first byte of its standard input, which ends when the supervisor dies, and so does it then. On its
    standard output it says once that it is ready, or why it can't be. With a spare, another process that has imported
    all it needs waits to take its place.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    inherited: Sequence[int] = ()
    with_spare: bool = False
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    _spare: asyncio.subprocess.Process | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> str:
        """Start it, and return what it says once it is ready. Raises StartFailed."""
        spare, self._spare = self._spare, None
        self.process = spare if spare is not None and spare.returncode is None else await self._spawn()
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(b"\n")
        line = await self.process.stdout.readline()
        said = json.loads(line) if line else {}
        if "ready" not in said:
            await self.process.wait()
            raise StartFailed(said.get("error", ""))
        if self.with_spare and not self._stopping.is_set():
            self._spare = await self._spawn()
        return str(said["ready"])

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", ENTRY, *self.arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=dict(self.environment),
            pass_fds=self.inherited,
            start_new_session=True,  # so that a terminal's Ctrl-C reaches the supervisor alone
        )  # fmt: skip

    async def keep(self) -> None:
        """Once it has started: start it again whenever it ends, until `end`."""
        loop, pause_s = asyncio.get_running_loop(), FIRST_PAUSE_S
        started = loop.time()
        while not self._stopping.is_set():
            assert self.process
            status = await self.process.wait()
            if self._stopping.is_set():
                return
            steady = loop.time() - started > STEADY_S
            pause_s = FIRST_PAUSE_S if steady else min(2 * pause_s, MAX_PAUSE_S)
            log.warning("process_ended", process=self.name, status=status, pause_s=0.0 if steady else pause_s)
            if not steady:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause_s)
            if self._stopping.is_set():
                return
            self.restarts += 1
            started = loop.time()
            try:
                await self.start()
            except StartFailed as error:
                log.warning("process_not_started", process=self.name, reason=str(error))
            else:
                log.info("process_started", process=self.name, restarts=self.restarts)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def end(self, number: signal.Signals, timeout_s: float) -> None:
        """Send a signal, and wait until it has ended; kill it where that takes longer than the timeout and KILL_S."""
        self._stopping.set()
        _kill(self._spare)
        self.send(number)
        if self.process is None:
            return
        try:
            await asyncio.wait_for(self.process.wait(), timeout_s + KILL_S)
        except TimeoutError:
            log.warning("process_killed", process=self.name)
            _kill(self.process)
            await self.process.wait()

    def kill(self) -> None:
        """End it at once, and its spare."""
        self._stopping.set()
        _kill(self.process)
        _kill(self._spare)


def _kill(process: asyncio.subprocess.Process | None) -> None:
    if process is not None and process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

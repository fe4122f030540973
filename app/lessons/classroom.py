"""Lessons: a process that trains, for one request at a time, and only where settings allow it."""

import asyncio
import os
import subprocess
import sys
import threading
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from app.errors import Busy, DeadlineExceeded, EngineStopped, Off
from app.lessons.messages import Trained, Turn, read, write
from app.settings import Settings
from app.telemetry.metrics import Metrics

WORKER = "app.lessons.worker"
PATIENCE_S = 60.0
"""After which a turn is given up, the start of the process included, which takes seconds: its priority is low."""
IDLE_S = 60.0
"""After which the process ends where nobody trains: it holds some 300 MB."""
RETRY_S = 1.0


class Classroom:
    """Trains in a process that begins with the first turn and ends with the last."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.refusal = _refusal(settings)
        """Why nobody can train here; empty where that is possible."""
        self._metrics = metrics
        self._worker: _Worker | None = None
        self._running: asyncio.Task[Trained] | None = None
        self._closing: asyncio.TimerHandle | None = None

    def check(self) -> None:
        """Raise Off where nobody can train, and Busy where another turn runs."""
        if self.refusal:
            raise Off(self.refusal)
        if self._running is not None and not self._running.done():
            raise Busy("another training is running; only one runs at a time", RETRY_S)

    async def train(self, turn: Turn) -> Trained:
        """Train a turn. It computes for about a second at most; one that is cancelled runs to its end, for nobody.

        Raises what `check` raises, DeadlineExceeded, and EngineStopped where the process has ended.
        """
        self.check()
        self._running = asyncio.create_task(self._train(turn))
        self._running.add_done_callback(_noted)
        return await asyncio.shield(self._running)

    async def _train(self, turn: Turn) -> Trained:
        if self._closing is not None:
            self._closing.cancel()
        try:
            if self._worker is None:
                self._worker = await run_in_threadpool(_Worker)
            trained = await run_in_threadpool(self._worker.train, turn)
        except BaseException:
            self.close()
            raise
        self._metrics.training_steps.inc(len(next(iter(trained.losses.values()))))
        self._closing = asyncio.get_running_loop().call_later(IDLE_S, self.close)
        return trained

    def close(self) -> None:
        """End the process, if there is one."""
        if self._closing is not None:
            self._closing.cancel()
        if self._worker is not None:
            self._worker.end()
            self._worker = None


def _noted(task: asyncio.Task[Trained]) -> None:
    """Its error is for whoever waits; where nobody does, it is of no concern to asyncio."""
    if not task.cancelled():
        task.exception()


class _Worker:
    """The process, spoken to from any thread, one turn at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (its words are this file's)
            [sys.executable, "-m", WORKER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # an exception could quote a client's text
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
            start_new_session=True,  # a terminal's Ctrl-C is for the service alone
        )  # fmt: skip

        assert self._process.stdin
        assert self._process.stdout
        self._input, self._output = self._process.stdin, self._process.stdout

    def train(self, turn: Turn) -> Trained:
        """Raises DeadlineExceeded or EngineStopped; then the process is of no use any more."""
        given_up = threading.Event()

        def give_up() -> None:
            given_up.set()
            self.end()

        late = threading.Timer(PATIENCE_S, give_up)
        late.start()
        try:
            write(self._input, turn)
            return read(self._output, Trained)
        except (EOFError, OSError):
            if given_up.is_set():
                raise DeadlineExceeded(f"no step of training within {PATIENCE_S:g} s") from None
            raise EngineStopped("the process that trains has ended") from None
        finally:
            late.cancel()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._input, self._output):
            with suppress(OSError):  # what was not sent yet can't be
                stream.close()


def _refusal(settings: Settings) -> str:
    if not settings.lessons:
        return "training is off; CAROUSEL_LESSONS=true turns it on"
    if settings.is_public and not (settings.api_keys or settings.api_keys_file):
        return "training is off: this address can be reached from elsewhere, and no API key is needed"
    if settings.http_processes > 1:
        return "training is off: it needs CAROUSEL_HTTP_PROCESSES=1"
    return ""

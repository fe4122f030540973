"""Ctrl-C and SIGTERM: the first one ends a run between two steps, with its state saved; the second one at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A run that a person stopped; its text says how to continue."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.status = 128 + number
        """Of the process, as shells report a signal."""


class Interruption:
    """A context in which both signals raise KeyboardInterrupt, but in `deferred`, where the first one is noted."""

    def __init__(self) -> None:
        self.number = 0
        """The signal that came; 0: none."""
        self._deferring = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False

    @property
    def requested(self) -> bool:
        return self.number != 0

    def stop(self, message: str) -> Interrupted:
        """The error to raise."""
        return Interrupted(self.number or signal.SIGINT, message)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        first, self.number = not self.number, number
        if not (first and self._deferring):
            raise KeyboardInterrupt

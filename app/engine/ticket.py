"""A job on its way through the engine, and the caller's end of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.jobs import Job
from app.errors import DeadlineExceeded
from app.telemetry.logs import request_id

STUCK_S = 5.0
"""A caller waits so long past the deadline: normally the engine itself reports that it has passed."""
HELD_EVENTS = 16
"""Events that end a wait until a later time: far fewer than those after which the engine parks a row."""


@dataclass(frozen=True)
class Caller:
    """The engine is fair between names, and serves a name's lower urgency numbers first."""

    name: str = ""
    urgency: int = 3


@dataclass(frozen=True)
class Finished:
    """The last event of a job: its result, or an error."""

    result: Any = None
    error: BaseException | None = None


@dataclass(eq=False)
class Ticket:
    """The engine's thread posts events to it; its caller awaits them, on the event loop that created it.

    created and started are the times of submission and of the first token, by the engine's clock. closed: it has ended
    or was cancelled; cancelled: its caller gave up before the end. posted and taken count events; those between them
    are unread. on_read is called when the caller has read events. score_count is the most that its result's can
    be; it is known once the job is submitted. alone: the engine has had no other
    request since this one was submitted. forward, where it is set, gets the events instead of the caller here: for
    one in another process.
    """

    job: Job
    caller: Caller
    timeout_s: float
    created: float
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    request_id: str = field(default_factory=request_id.get)
    closed: bool = False
    cancelled: bool = False
    started: float = 0.0
    posted: int = 0
    taken: int = 0
    on_read: Any = None
    score_count: int = 0
    alone: bool = False
    forward: Callable[[Any], None] | None = None
    _events: list[Any] = field(default_factory=list)
    _awaited: int = 1
    _arrival: asyncio.Future[None] | None = None

    @property
    def cost(self) -> float:
        return self.job.cost

    @property
    def deadline(self) -> float:
        """By the engine's clock."""
        return self.created + self.timeout_s

    @property
    def unread(self) -> int:
        return self.posted - self.taken

    def cancel(self) -> None:
        """Give up the job: it ends, and frees its slots, by the next step."""
        self.cancelled = self.cancelled or not self.closed
        self.closed = True

    async def result(self) -> Any:
        """The result, or the error, raised. Events before it are dropped. Cancelling the call cancels the job."""
        while True:
            for event in await self.events():
                if isinstance(event, Finished):
                    if event.error is not None:
                        raise event.error
                    return event.result

    async def events(self, hold_until: float = 0.0) -> Sequence[Any]:
        """Wait for events; return all that have arrived. The last one of a job is a Finished.

        Until hold_until, by the event loop's clock, only HELD_EVENTS of them or the last one end the wait.
        Raises DeadlineExceeded only where the engine itself is stuck. Cancelling the call cancels the job.
        """
        try:
            if hold_until:
                await self._wait(HELD_EVENTS, hold_until)
            if not self._events:
                await self._wait(1, self.loop.time() + self.timeout_s + STUCK_S)
        except asyncio.CancelledError:
            self.cancel()
            raise
        if not self._events:
            self.cancel()
            raise DeadlineExceeded(f"no answer within {self.timeout_s:g} s")
        events, self._events = self._events, []
        self.taken += len(events)
        if self.on_read is not None:
            self.on_read()
        return events

    async def _wait(self, count: int, until: float) -> None:
        """Wait for so many events, or the last one, until a time by the event loop's clock."""
        if self._has(count):
            return
        # a timer, and not asyncio.timeout: that costs a stream three times as much for each write
        arrival = self.loop.create_future()
        timer = self.loop.call_at(until, _end_wait, arrival)
        self._awaited, self._arrival = count, arrival
        try:
            await arrival
        finally:
            timer.cancel()
            self._arrival = None

    def _has(self, count: int) -> bool:
        return len(self._events) >= count or (bool(self._events) and isinstance(self._events[-1], Finished))

    def deliver(self, event: Any) -> None:
        """Called on the event loop only."""
        if self.forward is not None:
            self.forward(event)
            return
        self._events.append(event)
        if self._arrival is not None and self._has(self._awaited):
            _end_wait(self._arrival)


def _end_wait(arrival: asyncio.Future[None]) -> None:
    if not arrival.done():
        arrival.set_result(None)

"""A job on its way through the engine, and the caller's end of it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.jobs import Job
from app.errors import DeadlineExceeded, ServiceError
from app.telemetry.logs import get_logger, request_id
from models.errors import ModelError

STUCK_S = 5.0  # past the time limit, a caller gives the engine so long to say so

log = get_logger(__name__)


@dataclass(frozen=True)
class Caller:
    """Who asks: the engine is fair between names, and serves a name's lower urgency numbers first."""

    name: str = ""
    urgency: int = 3


@dataclass(frozen=True)
class Finished:
    """The last event of a job: its result, or the error that it ended with."""

    result: Any = None
    error: BaseException | None = None


@dataclass(eq=False)
class Ticket:
    """The engine's thread posts events to it; its caller awaits them, on the event loop that it was made on.

    made and begun are when it came and got its first token, by the
    engine's clock; left says that its caller left before the end. posted and taken
    count events: what lies between them has not been read yet.
    """

    job: Job
    caller: Caller
    timeout_s: float
    made: float
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    request_id: str = field(default_factory=request_id.get)
    gone: bool = False
    left: bool = False
    begun: float = 0.0
    posted: int = 0
    taken: int = 0
    on_room: Any = None
    _events: deque[Any] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def cost(self) -> float:
        return self.job.cost

    @property
    def deadline(self) -> float:
        """By the engine's clock."""
        return self.made + self.timeout_s

    @property
    def unread(self) -> int:
        return self.posted - self.taken

    def leave(self) -> None:
        """Say that nobody waits for this job any more: it ends, and frees what it holds, by the next step."""
        self.left = self.left or not self.gone
        self.gone = True

    async def result(self) -> Any:
        """The result, or the error, raised. Events before it are dropped. Leaves where it is cancelled."""
        while True:
            for event in await self.events():
                if isinstance(event, Finished):
                    if event.error is not None:
                        raise event.error
                    return event.result

    async def events(self) -> Sequence[Any]:
        """All events that have arrived, once there is one; the last of a job is a Finished.

        Raises DeadlineExceeded only where the engine itself is stuck. Leaves where it is cancelled.
        """
        try:
            if not self._events:
                self._arrived.clear()
                async with asyncio.timeout(self.timeout_s + STUCK_S):
                    await self._arrived.wait()
        except TimeoutError:
            self.leave()
            raise DeadlineExceeded(f"no answer within {self.timeout_s:g} s") from None
        except asyncio.CancelledError:
            self.leave()
            raise
        events, self._events = self._events, deque()
        self.taken += len(events)
        if self.on_room is not None:
            self.on_room()
        return events

    def deliver(self, event: Any) -> None:
        """Called on the event loop only."""
        self._events.append(event)
        self._arrived.set()


class Outbox:
    """The events of a step, sent together: one callback on each event loop, however many they are.

    A ticket that has ended, or whose caller has left, gets nothing more.
    """

    def __init__(self) -> None:
        self._events: list[tuple[Ticket, Any]] = []

    def post(self, ticket: Ticket, event: Any) -> None:
        if not ticket.gone:
            ticket.posted += 1
            self._events.append((ticket, event))

    def finish(self, ticket: Ticket, result: Any) -> None:
        """Post the result, the last event."""
        self.post(ticket, Finished(result))
        ticket.gone = True

    def fail(self, ticket: Ticket, error: BaseException) -> None:
        """Post an error, the last event. One that is ours rather than the client's is logged."""
        if not ticket.gone and not isinstance(error, ServiceError | ModelError):
            log.error("job_failed", exc_info=error, kind=type(ticket.job).__name__, request=ticket.request_id)
        self.post(ticket, Finished(error=error))
        ticket.gone = True

    def send(self) -> None:
        events, self._events = self._events, []
        loops: dict[asyncio.AbstractEventLoop, list[tuple[Ticket, Any]]] = {}
        for ticket, event in events:
            loops.setdefault(ticket.loop, []).append((ticket, event))
        for loop, own in loops.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, own)


def _deliver(events: Sequence[tuple[Ticket, Any]]) -> None:
    for ticket, event in events:
        ticket.deliver(event)

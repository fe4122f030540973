"""The engine of another process, as an HTTP process has it."""

import asyncio
import itertools
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import torch

from app.catalog.registry import Registry, Served
from app.engine.engine import EngineConfig
from app.engine.jobs import Job
from app.engine.ticket import Caller, Finished, Ticket
from app.errors import EngineStopped
from app.processes.channel import Channel
from app.processes.descriptions import served_from
from app.processes.messages import (
    Accepted,
    Cancel,
    Catalog,
    Counted,
    Done,
    Drain,
    Event,
    Failed,
    Hello,
    Measure,
    Measured,
    Message,
    ModelKey,
    Read,
    Refused,
    Released,
    Scrape,
    Scraped,
    Status,
    Submit,
    Switched,
    ToHttp,
)  # fmt: skip
from app.processes.values import decode_error, decode_value, encode_value
from app.telemetry.merging import Family, merge, page

RETRY_S = 0.05
"""Between two tries to connect."""
READ_EVERY = 16
"""Events that are read before the engine is notified: far fewer than those after which it parks a row."""
AWAY = "the engine's process has ended, and is started again"


@dataclass(eq=False)
class RemoteTicket(Ticket):
    """A ticket that notifies its engine when it is cancelled, and of how many events have been read."""

    on_cancel: Callable[[], None] | None = None
    told: int = 0

    def cancel(self) -> None:
        if not self.closed and self.on_cancel is not None:
            self.on_cancel()
        super().cancel()


class RemoteEngine:
    """Sends jobs to the engine's process, and its events to the tickets; connects again whenever that is replaced.

    entered are the requests that RemoteCounters counts, by number.
    """

    def __init__(
        self,
        path: Path,
        process: str,
        config: EngineConfig,
        named: Mapping[str, str],
        measure: Callable[[], list[Family]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """path is the engine's socket; process the name of this process; named are CAROUSEL_DEFAULTS.

        measure returns the metrics of this process.
        """
        self.config, self.entered = config, dict[int, str]()
        self._path, self._process, self._named = path, process, named
        self._measure, self._clock = measure, clock
        self._registry: Registry | None = None
        self._catalog_came = asyncio.Event()
        self._link: _Link | None = None
        self._numbers = itertools.count()
        self._tickets: dict[int, RemoteTicket] = {}
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._status: Status | None = None
        self._heard = clock()
        self._retired = self._drained = False
        self._connecting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and wait for the models."""
        self._connecting = asyncio.create_task(self._stay_connected())
        await self._catalog_came.wait()

    async def stop(self) -> None:
        """Close the connection; what still runs is cancelled."""
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        if self._link is not None:
            self._link.close()

    @property
    def registry(self) -> Registry:
        assert self._registry, "start first"
        return self._registry

    async def submit(self, job: Job, served: Served, caller: Caller | None = None) -> Ticket:
        """As `EngineInterface.submit`."""
        if self._drained:
            raise EngineStopped("the service is shutting down")
        caller, number, content = caller or Caller(), next(self._numbers), encode_value(job)
        ticket = RemoteTicket(
            job, caller, self.config.timeout_s, self._clock(), on_cancel=partial(self._cancel, number)
        )
        if getattr(job, "stream", False):
            ticket.on_read = partial(self._tell_read, number, ticket)
        self._tickets[number] = ticket
        message = Submit(number, _key(served), content, caller.name, caller.urgency, ticket.request_id)
        try:
            ticket.score_count = await self.ask(message)
        except BaseException:
            ticket.cancel()
            raise
        return ticket

    async def ask(self, message: Any) -> Any:
        """Send a message with a number, and wait for its answer. Raises an answer that is an error.

        Raises EngineStopped where there is no engine.
        """
        if self._link is None:
            raise EngineStopped(AWAY)
        answer = self._answers[message.number] = asyncio.get_running_loop().create_future()
        self._link.send(message)
        try:
            return await answer
        finally:
            self._answers.pop(message.number, None)

    def send(self, message: Message) -> None:
        """Send a message that has no answer; nothing where there is no engine."""
        if self._link is not None:
            self._link.send(message)

    def next_number(self) -> int:
        """For a message that has an answer."""
        return next(self._numbers)

    @property
    def takes_work(self) -> bool:
        return self._status is not None and self._status.takes_work and not self.stopping

    @property
    def stopping(self) -> bool:
        return self._retired or self._drained or (self._status is not None and self._status.stopping)

    @property
    def outage(self) -> str:
        return AWAY if self._status is None else self._status.outage

    @property
    def running(self) -> int:
        return self._status.running if self._status is not None else 0

    def is_moving(self, patience_s: float) -> bool:
        """An engine that is being replaced counts as moving for so long."""
        return self._clock() - self._heard < patience_s and (self._status is None or self._status.moving)

    def retire(self) -> None:
        self._retired = True

    def drain(self, timeout_s: float) -> None:
        self._drained = True
        self.send(Drain(timeout_s))

    async def metrics_page(self) -> bytes:
        """The metrics of all processes; of this one alone where there is no engine."""
        try:
            others = await self.ask(Scrape(next(self._numbers)))
        except EngineStopped:
            others = []
        return page(merge([(self._process, self._measure()), *others]))

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            link = _Link(self)
            try:
                await loop.create_unix_connection(lambda link=link: link, str(self._path))  # type: ignore[misc]
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            self._link, self._heard = link, self._clock()
            link.send(Hello(self._process, list(self.entered.items())))
            await link.ended.wait()

    def received(self, message: Message) -> None:
        """A message of the engine's process."""
        self.HANDLED[type(message)](self, message)

    def disconnected(self) -> None:
        """The engine's process has ended: so has all that it did."""
        self._link = self._status = None
        self._heard = self._clock()
        error = EngineStopped(AWAY)
        for number in list(self._answers):
            self._answer(number, error)
        for number in list(self._tickets):
            self._finish(number, Finished(error=error))

    def _answer(self, number: int, answer: Any) -> None:
        future = self._answers.get(number)
        if future is None or future.done():
            return
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def _deliver(self, number: int, event: Any) -> None:
        ticket = self._tickets.get(number)
        if ticket is not None:
            ticket.posted += 1
            ticket.deliver(event)

    def _finish(self, number: int, event: Finished) -> None:
        ticket = self._tickets.pop(number, None)
        if ticket is not None:
            ticket.closed = True
            ticket.posted += 1
            ticket.deliver(event)

    def _cancel(self, number: int) -> None:
        self._tickets.pop(number, None)
        self.send(Cancel(number))

    def _tell_read(self, number: int, ticket: RemoteTicket) -> None:
        if not ticket.closed and ticket.taken - ticket.told >= READ_EVERY:
            ticket.told = ticket.taken
            self.send(Read(number, ticket.taken))

    def _set_status(self, status: Status) -> None:
        self._status, self._heard = status, self._clock()

    def _switch(self, catalog: Catalog) -> None:
        """Serve the models of a catalog, for requests that are resolved from now on."""
        before = {_key(served): served for served in self._registry.models.values()} if self._registry else {}
        models = [before.get(model.key) or self._hold(served_from(model)) for model in catalog.models]
        del before  # so that those which are not served any more can be released
        if self._registry is None:
            self._registry = Registry(models, torch.device(catalog.device), self._named, catalog.refused)
        else:
            self._registry.replace(models, catalog.refused)
        self.send(Switched(catalog.generation))
        self._catalog_came.set()

    def _hold(self, served: Served) -> Served:
        """Tell the engine when the last request that was resolved to a model has ended."""
        weakref.finalize(served, self._release, _key(served)).atexit = False
        return served

    def _release(self, key: ModelKey) -> None:
        self.send(Released([key]))

    HANDLED: ClassVar[dict[type[Message], Callable[["RemoteEngine", Any], None]]] = {
        Accepted: lambda self, message: self._answer(message.number, message.score_count),
        Counted: lambda self, message: self._answer(message.number, message),
        Scraped: lambda self, message: self._answer(message.number, message.processes),
        Refused: lambda self, message: self._answer(message.number, decode_error(message.error)),
        Event: lambda self, message: self._deliver(message.number, decode_value(message.event)),
        Done: lambda self, message: self._finish(message.number, Finished(decode_value(message.result))),
        Failed: lambda self, message: self._finish(message.number, Finished(error=decode_error(message.error))),
        Status: _set_status,
        Catalog: _switch,
        Measure: lambda self, message: self.send(Measured(message.number, self._measure())),
    }


class _Link(Channel):
    """One connection."""

    def __init__(self, engine: RemoteEngine) -> None:
        super().__init__(msgspec.msgpack.Decoder(list[ToHttp]))
        self._engine, self.ended = engine, asyncio.Event()

    def received(self, message: Any) -> None:
        self._engine.received(message)

    def closed(self) -> None:
        self._engine.disconnected()
        self.ended.set()


def _key(served: Served) -> ModelKey:
    return served.name, served.checkpoint.version

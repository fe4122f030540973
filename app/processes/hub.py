"""The engine's end of the connections to the HTTP processes."""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import msgspec

from app.access.counters import LocalCounters
from app.catalog.registry import Served
from app.engine.engine import Engine
from app.engine.ticket import Caller, Finished, Ticket
from app.errors import EngineStopped, ServiceError
from app.processes.channel import Channel
from app.processes.descriptions import describe
from app.processes.messages import (
    Accepted,
    Cancel,
    Catalog,
    Charge,
    Counted,
    Done,
    Drain,
    Enter,
    Event,
    Failed,
    Hello,
    Leave,
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
    ToEngine,
)  # fmt: skip
from app.processes.values import decode_value, encode_error, encode_value
from app.telemetry.logs import get_logger, request_id
from app.telemetry.merging import Family, lasting, merge
from app.telemetry.metrics import Metrics
from models.errors import ModelError

STATUS_S = 0.1
"""How often the engine's state is sent to the HTTP processes, where it has changed."""
SILENT_TICKS = 10
"""After so many intervals without a change it is sent nevertheless."""
DRAIN_PATIENCE_S = 2.0
"""How long an HTTP process that has drained waits for the others to do so."""
MEASURE_S = 1.0
"""How long a process may take to send its metrics."""
ENGINE = "engine"
log = get_logger(__name__)


class Hub:
    """Serves an engine, the counters of clients and the metrics to any number of HTTP processes.

    patience_s is how long a step of the engine may take.
    """

    def __init__(self, engine: Engine, counters: LocalCounters, metrics: Metrics, patience_s: float) -> None:
        self.engine, self.counters, self._metrics, self._patience_s = engine, counters, metrics, patience_s
        self.connections: set[HttpConnection] = set()
        self.versions: dict[ModelKey, Served] = {}
        """The models for which jobs are taken: those that are served, and those that an HTTP process still uses."""
        self._generation, self._changed = 0, asyncio.Event()
        self._gone: list[Family] = []
        """The lasting metrics of processes that have ended."""
        self._stopping = False
        self._status: Status | None = None
        self._catalog = self._next_catalog()

    async def publish(self) -> None:
        """Serve what the registry has now: return once all HTTP processes resolve requests to it."""
        self._catalog = self._next_catalog()
        for connection in self.connections:
            connection.send(self._catalog)
        while any(connection.generation < self._generation for connection in self.connections):
            self._changed.clear()
            await self._changed.wait()

    async def report(self) -> None:
        """Tell the HTTP processes of the engine's state, until cancelled."""
        silent = 0
        while True:
            await asyncio.sleep(STATUS_S)
            status = self._read_status()
            silent += 1
            if status != self._status or silent >= SILENT_TICKS:
                silent, self._status = 0, status
                for connection in self.connections:
                    connection.send(status)

    async def stop(self) -> None:
        """Drain the engine once the HTTP processes have drained, and return when they have ended."""
        self._stopping = True
        self._drain()
        while self.connections:
            self._changed.clear()
            await self._changed.wait()

    def join(self, connection: "HttpConnection") -> None:
        """A process has connected."""
        self.connections.add(connection)
        connection.send(self._catalog)
        connection.send(self._read_status())

    def part(self, connection: "HttpConnection") -> None:
        """A process has ended."""
        self.connections.discard(connection)
        self._gone = merge([("", self._gone), ("", lasting(connection.families))])
        self.forget_versions()
        if self._stopping:
            self._drain()
        self._changed.set()

    def served(self, key: ModelKey) -> Served:
        """Raises EngineStopped for a model that an engine before this one had loaded, and this one has not."""
        if key not in self.versions:
            raise EngineStopped("that version of the model is no longer loaded; send the request again")
        return self.versions[key]

    def note_change(self) -> None:
        """A connection has switched to another catalog."""
        self._changed.set()

    def forget_versions(self) -> None:
        """Let go of the models that are neither served nor used any more."""
        used = {key for connection in self.connections for key in connection.models}
        served = self.engine.registry.models
        for key in [key for key in self.versions if key not in used]:
            if served.get(key[0]) is not self.versions[key]:
                del self.versions[key]

    def note_drain(self) -> None:
        """An HTTP process has drained."""
        if self._stopping:
            self._drain()

    async def others_metrics(self, asking: "HttpConnection") -> list[tuple[str, list[Family]]]:
        """The metrics of all processes but one: with those that have ended counted as the engine's."""
        others = [connection for connection in self.connections if connection is not asking]
        measured = await asyncio.gather(*(connection.measure() for connection in others))
        named = [(connection.process, families) for connection, families in zip(others, measured, strict=True)]
        return [(ENGINE, self._metrics.families()), (ENGINE, self._gone), *named]

    def _next_catalog(self) -> Catalog:
        registry = self.engine.registry
        self._generation += 1
        self.versions |= {(served.name, served.checkpoint.version): served for served in registry.models.values()}
        models = [describe(served) for served in registry.models.values()]
        return Catalog(self._generation, str(registry.device), models, registry.refused)

    def _read_status(self) -> Status:
        engine = self.engine
        moving = engine.is_moving(self._patience_s)
        return Status(engine.takes_work, engine.stopping, engine.outage, engine.running, moving)

    def _drain(self) -> None:
        """Drain the engine where all processes have drained; at the latest some seconds after the first."""
        loop = asyncio.get_running_loop()
        deadlines = [connection.drain_by for connection in self.connections]
        left_s = max(0.0, min(deadlines, default=0.0) - loop.time())
        if max(deadlines, default=0.0) < math.inf:
            self.engine.drain(left_s)
        elif left_s < math.inf:
            loop.call_later(DRAIN_PATIENCE_S, self.engine.drain, max(0.0, left_s - DRAIN_PATIENCE_S))


class HttpConnection(Channel):
    """The connection to one HTTP process: its jobs, and the requests of its clients that are counted."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(msgspec.msgpack.Decoder(list[ToEngine]))
        self._hub = hub
        self.process, self.generation = "", 0
        self.drain_by = math.inf
        """When its jobs should have ended, once it has drained; by the event loop's clock."""
        self.models: set[ModelKey] = set()
        """Those that requests of the process may use."""
        self.families: list[Family] = []
        """Its metrics, when they were last measured."""
        self._tickets: dict[int, Ticket] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._entered: dict[int, str] = {}
        self._measuring: dict[int, asyncio.Future[None]] = {}
        self._measurements = 0

    def received(self, message: Message) -> None:
        self.HANDLED[type(message)](self, message)

    @property
    def busy(self) -> bool:
        """Whether anything of the process runs, or is counted."""
        return bool(self._tickets or self._tasks or self._entered)

    def closed(self) -> None:
        """The process has died, or has stopped: so have its clients."""
        for task in self._tasks.values():
            task.cancel()
        for ticket in self._tickets.values():
            ticket.cancel()
        for client in self._entered.values():
            self._hub.counters.leave(client)
        for measured in self._measuring.values():
            measured.cancel()
        self._hub.part(self)

    def send(self, message: Message) -> None:
        if isinstance(message, Catalog):
            self.models |= {model.key for model in message.models}
        super().send(message)

    async def measure(self) -> list[Family]:
        """The metrics of the process; where it does not answer in time, those of the last time."""
        self._measurements += 1
        number = self._measurements
        self._measuring[number] = asyncio.get_running_loop().create_future()
        self.send(Measure(number))
        await asyncio.wait([self._measuring[number]], timeout=MEASURE_S)
        del self._measuring[number]
        return self.families

    def _begin(self, number: int, work: Any) -> None:
        task = self._tasks[number] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    def _hello(self, message: Hello) -> None:
        self.process = message.process
        for number, client in message.entered:
            self._hub.counters.enter_unchecked(client)
            self._entered[number] = client
        self._hub.join(self)

    async def _submit(self, message: Submit) -> None:
        request_id.set(message.request_id)
        try:
            served, caller = self._hub.served(message.model), Caller(message.caller, message.urgency)
            ticket = await self._hub.engine.submit(decode_value(message.job), served, caller)
        except Exception as error:
            if not isinstance(error, ServiceError | ModelError):
                log.exception("submit_failed")
            self.send(Refused(message.number, encode_error(error)))
            return
        self._tickets[message.number] = ticket
        ticket.forward = partial(self._forward, message.number)
        self.send(Accepted(message.number, ticket.score_count))

    def _forward(self, number: int, event: Any) -> None:
        """An event of a ticket goes to the process, with all others of the engine's step."""
        if not isinstance(event, Finished):
            self.send(Event(number, encode_value(event)))
            return
        self._tickets.pop(number, None)
        try:
            message: Message
            if event.error is not None:
                message = Failed(number, encode_error(event.error))
            else:
                message = Done(number, encode_value(event.result))
        except Exception as error:
            log.exception("result_not_sent")
            message = Failed(number, encode_error(RuntimeError(type(error).__name__)))
        self.send(message)

    def _cancel(self, message: Cancel) -> None:
        task, ticket = self._tasks.get(message.number), self._tickets.pop(message.number, None)
        if task is not None:
            task.cancel()
        if ticket is not None:
            ticket.cancel()

    def _read(self, message: Read) -> None:
        ticket = self._tickets.get(message.number)
        if ticket is not None:
            ticket.taken = message.taken
            ticket.on_read()

    def _drain(self, message: Drain) -> None:
        self.drain_by = min(self.drain_by, asyncio.get_running_loop().time() + message.timeout_s)
        self._hub.note_drain()

    def _switched(self, message: Switched) -> None:
        self.generation = message.generation
        self._hub.note_change()

    def _released(self, message: Released) -> None:
        self.models.difference_update(message.models)
        self._hub.forget_versions()

    async def _enter(self, message: Enter) -> None:
        try:
            await self._hub.counters.enter(message.client)
        except ServiceError as error:
            self.send(Counted(message.number, {}, encode_error(error)))
            return
        self._entered[message.number] = message.client
        self.send(Counted(message.number, {}))

    def _leave(self, message: Leave) -> None:
        task, client = self._tasks.get(message.number), self._entered.pop(message.number, None)
        if task is not None:
            task.cancel()
        if client is not None:
            self._hub.counters.leave(client)

    async def _charge(self, message: Charge) -> None:
        try:
            headers = await self._hub.counters.charge(message.client, message.cost, message.commit)
        except ServiceError as error:
            self.send(Counted(message.number, {}, encode_error(error)))
        else:
            self.send(Counted(message.number, dict(headers)))

    async def _scrape(self, message: Scrape) -> None:
        self.send(Scraped(message.number, await self._hub.others_metrics(self)))

    def _measured(self, message: Measured) -> None:
        self.families = message.families
        measured = self._measuring.get(message.number)
        if measured is not None and not measured.done():
            measured.set_result(None)

    HANDLED: ClassVar[dict[type[Message], Callable[["HttpConnection", Any], None]]] = {
        Hello: _hello,
        Submit: lambda self, message: self._begin(message.number, self._submit(message)),
        Cancel: _cancel,
        Read: _read,
        Drain: _drain,
        Switched: _switched,
        Released: _released,
        Enter: lambda self, message: self._begin(message.number, self._enter(message)),
        Leave: _leave,
        Charge: lambda self, message: self._begin(message.number, self._charge(message)),
        Scrape: lambda self, message: self._begin(message.number, self._scrape(message)),
        Measured: _measured,
    }

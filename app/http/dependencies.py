"""What routes are given, as named types."""

import asyncio
import os
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends, Request

from app.access.keys import KeyRing
from app.access.limits import Guard
from app.access.sealing import Sealer
from app.catalog.registry import Registry, Served, load_models
from app.engine.engine import Engine, EngineConfig
from app.engine.jobs import Job
from app.engine.snapshot import Snapshot
from app.engine.ticket import Caller, Finished, Ticket
from app.errors import ClientGone, InvalidRequest
from app.http.schemas.base import is_blank
from app.settings import Settings
from app.telemetry.metrics import Metrics
from models.device import choose_device

LEASE = "carousel.lease"
"""Where an ASGI scope has its lease."""


class Lease:
    """A request's pass: what it takes of its client's limits, until it is over. Headers go into the reply."""

    def __init__(self, guard: Guard) -> None:
        self.guard, self.headers = guard, dict[str, str]()
        self._client: str | None = None

    def take(self, client: str) -> None:
        """Raise LimitExceeded where the client has as many requests as it may."""
        if self._client is None:
            self.guard.enter(client)
            self._client = client

    async def charge(self, cost: float, take: bool = True) -> None:
        """Raise LimitExceeded or InvalidRequest where the client may not use so much; without take, only look."""
        assert self._client is not None
        self.headers.update(await self.guard.charge(self._client, cost, take))

    def end(self) -> None:
        if self._client is not None:
            self.guard.leave(self._client)


class Client:
    """Who asks over HTTP. Its requests end when it hangs up.

    Raises Unauthorized or LimitExceeded where it may not ask. secret is an API key that came otherwise than
    in a header.
    """

    def __init__(self, request: Request, secret: str | None = None) -> None:
        self._request = request
        self._lease: Lease = request.scope[LEASE]
        guard = self._lease.guard
        given = request.headers.get("authorization", "")
        self.key = guard.check(secret) if secret is not None and not given else guard.identify(given)
        name = self.key or (request.client.host if request.client else "")
        self._lease.take(name)
        self.caller = Caller(name, _urgency(request.headers.get("priority", "")))

    async def charge(self, cost: float) -> None:
        """Charge for work of so many tokens. Raises LimitExceeded, or InvalidRequest where that is always too much."""
        await self._lease.charge(cost)

    async def submit(self, engine: Engine, job: Job, served: Served) -> Ticket:
        """Let a job in, and charge for it. Raises what `Engine.submit` and `charge` do."""
        (ticket,) = await self.submit_all(engine, [(job, served)])
        return ticket

    async def submit_all(self, engine: Engine, jobs: Sequence[tuple[Job, Served]]) -> list[Ticket]:
        """Let jobs in, all or none, and charge for them together: what is refused costs nothing."""
        cost = sum(job.cost for job, _ in jobs)
        await self._lease.charge(cost, take=False)
        tickets: list[Ticket] = []
        with _all_or_none(tickets):
            for job, served in jobs:
                tickets.append(await engine.submit(job, served, self.caller))
            await self._lease.charge(cost)
        return tickets

    async def result(self, ticket: Ticket) -> Any:
        """The result of a ticket, or its error, raised. Raises ClientGone where the client hangs up before."""
        return await self._unless_gone(ticket, ticket.result())

    async def results(self, tickets: Sequence[Ticket]) -> list[Any]:
        """As result, of all of them; where one fails, the others end too."""
        with _all_or_none(tickets):
            return [await self.result(ticket) for ticket in tickets]

    async def first(self, ticket: Ticket, *others: Ticket) -> Sequence[Any]:
        """The first events of a ticket; an error, where that is all there is, is raised. Raises ClientGone too.

        others are left where that happens.
        """
        with _all_or_none(others):
            events: Sequence[Any] = await self._unless_gone(ticket, ticket.events())
            if isinstance(events[0], Finished) and events[0].error is not None:
                raise events[0].error
        return events

    async def _unless_gone(self, ticket: Ticket, answer: Coroutine[Any, Any, Any]) -> Any:
        waiting = asyncio.create_task(answer)
        leaving = asyncio.create_task(self._left())
        try:
            await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            ticket.leave()
            raise ClientGone("the client closed the connection")
        except asyncio.CancelledError:
            ticket.leave()
            raise
        finally:
            waiting.cancel()
            leaving.cancel()

    async def _left(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass


@contextmanager
def _all_or_none(tickets: Sequence[Ticket]) -> Iterator[None]:
    """Leave tickets where an error is raised."""
    try:
        yield
    except BaseException:
        for ticket in tickets:
            ticket.leave()
        raise


class LocalClient(Client):
    """Who asks from the shell, and stays until the answer."""

    key = ""

    def __init__(self) -> None:
        self.caller = Caller()

    async def submit_all(self, engine: Engine, jobs: Sequence[tuple[Job, Served]]) -> list[Ticket]:
        return [await engine.submit(job, served, self.caller) for job, served in jobs]

    async def _left(self) -> None:
        await asyncio.Event().wait()


class Memories:
    """States that clients keep, and the texts that they belong to."""

    def __init__(self, sealer: Sealer, client: Client) -> None:
        self._sealer, self._client = sealer, client

    def open(self, state: str | None, text: str, field: str) -> Snapshot | None:
        """What a request goes on from. Raises Conflict for a state that is no good, InvalidRequest without any text."""
        if state is not None:
            return self._sealer.open(state, self._client.key)
        if is_blank(text):
            detail = "it is required, and must hold something else than white space, unless there is a state"
            raise InvalidRequest(detail, field)
        return None

    def seal(self, snapshot: Snapshot | None) -> dict[str, str]:
        """The field `state` of a reply, where there is one."""
        return {"state": self._sealer.seal(snapshot, self._client.key)} if snapshot else {}


def make_guard(settings: Settings) -> Guard:
    """Raises KeyFileError where the file of keys is damaged."""
    keys = KeyRing([key.get_secret_value() for key in settings.api_keys], settings.api_keys_file)
    return Guard(keys, settings.rate_limit, settings.max_requests_at_once)


def make_sealer(settings: Settings) -> Sealer:
    return Sealer([key.get_secret_value() for key in settings.state_key], settings.state_lifetime_s)


def load_registry(settings: Settings, kind: str | None = None) -> Registry:
    """The models that settings name, or those of a kind among them."""
    device = choose_device(settings.device)
    return load_models(settings.checkpoints, settings.models, device, kind, settings.precision, settings.threads)


def make_engine(registry: Registry, settings: Settings, metrics: Metrics | None = None) -> Engine:
    """An engine that runs as settings say; not started yet."""
    # Beside a busy event loop, PyTorch's threads wait for each other more than they help; where all of the
    # computing is theirs, there is no choice.
    int8 = all(served.runtime.precision == "int8" for served in registry.models.values())
    config = EngineConfig(
        max_queued=settings.max_queued_jobs,
        max_rows=settings.max_batch_rows,
        torch_threads=1 if int8 else settings.threads or os.cpu_count() or 1,
        timeout_s=settings.request_timeout_s,
        batching=settings.batching,
    )
    return Engine(registry, config, metrics=metrics)


def watch(engine: Engine, metrics: Metrics) -> None:
    """Let metrics ask the engine how things stand."""
    metrics.watch("queued_requests", "Requests without a slot yet.", lambda: engine.queued)
    metrics.watch("running_requests", "Requests with slots.", lambda: engine.running)
    metrics.watch("predicted_wait_seconds", "Predicted wait of a new request for a slot.", engine.predicted_wait_s)
    metrics.watch("tasks", "Tasks of the event loop.", lambda: len(asyncio.all_tasks()))
    metrics.list_models(
        lambda: [
            {
                "model": served.name,
                "kind": served.kind,
                "languages": ",".join(served.languages),
                "version": served.checkpoint.version,
                "precision": served.runtime.precision,
            }
            for served in engine.registry.models.values()
        ]
    )


def _urgency(header: str) -> int:
    """The u of a Priority header (RFC 9218), 0 (most urgent) to 7; 3 where there is none, or none that can be read."""
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "u" and len(value) == 1 and value in "01234567":
            return int(value)
    return 3


# all of them coroutines: FastAPI runs plain functions in threads, which costs more than they do
async def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _registry(engine: "EngineDep") -> Registry:
    return engine.registry


async def _client(request: Request) -> Client:
    return Client(request)


async def _memories(request: Request, client: "ClientDep") -> Memories:
    return Memories(request.app.state.sealer, client)


EngineDep = Annotated[Engine, Depends(_engine)]
SettingsDep = Annotated[Settings, Depends(_settings)]
RegistryDep = Annotated[Registry, Depends(_registry)]
ClientDep = Annotated[Client, Depends(_client)]
MemoriesDep = Annotated[Memories, Depends(_memories)]

"""Clients: those who submit jobs and wait for the results, over HTTP or from the shell."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request

from app.access.lease import Lease
from app.catalog.registry import Served
from app.engine.interface import EngineInterface
from app.engine.jobs import Job
from app.engine.ticket import Caller, Finished, Ticket
from app.errors import ClientGone, TooMuchWork, Unauthorized

LEASE = "carousel.lease"
"""The key of an ASGI scope under which the request's lease is."""
CLIENT = "carousel.client"
"""That of its client, once the client has been admitted."""
REFUSAL_COST = 1.0
"""In tokens, of a request without a valid key."""
DEFAULT_URGENCY = 3


class Client(ABC):
    """Submits jobs, is charged for them, and cancels them when it disconnects.

    key is the id of its API key, empty where none is needed; caller is what the engine's queue knows of it.
    """

    def __init__(self, key: str, caller: Caller) -> None:
        self.key, self.caller = key, caller

    @abstractmethod
    async def charge(self, cost: float, commit: bool = True) -> None:
        """Charge a cost in tokens, or only check whether it can be charged. Raises LimitExceeded or InvalidRequest."""

    @abstractmethod
    async def disconnected(self) -> None:
        """Return when the client disconnects."""

    async def submit(self, engine: EngineInterface, job: Job, served: Served) -> Ticket:
        """Submit a job, and charge for it. Raises what `Engine.submit` and `charge` raise."""
        (ticket,) = await self.submit_all(engine, [(job, served)])
        return ticket

    async def submit_all(self, engine: EngineInterface, jobs: Sequence[tuple[Job, Served]]) -> list[Ticket]:
        """Submit jobs, all or none, and charge for them together: those that are refused cost nothing.

        Raises InvalidRequest too where they would make more than the engine's bounds allow.
        """
        bounds, scores = engine.config.bounds, 0
        bounds.check([job for job, _ in jobs])
        cost = sum(job.cost for job, _ in jobs)
        await self.charge(cost, commit=False)
        tickets: list[Ticket] = []
        with _all_or_none(tickets):
            for job, served in jobs:
                try:
                    tickets.append(await engine.submit(job, served, self.caller))
                except TooMuchWork as error:
                    raise _of_several(error, len(tickets), len(jobs)) from None
                scores += tickets[-1].score_count
                bounds.check_scores(scores, job)
            await self.charge(cost)
        return tickets

    async def result(self, ticket: Ticket) -> Any:
        """The result of a ticket, or its error, raised. Raises ClientGone where the client disconnects before."""
        return await self._unless_gone(ticket, ticket.result())

    async def results(self, tickets: Sequence[Ticket]) -> list[Any]:
        """The results of all tickets; where one fails, the others are cancelled."""
        with _all_or_none(tickets):
            return [await self.result(ticket) for ticket in tickets]

    async def first(self, ticket: Ticket, *others: Ticket) -> Sequence[Any]:
        """The first events of a ticket; an error before any other event is raised. Raises ClientGone too.

        The other tickets are cancelled where it raises.
        """
        with _all_or_none(others):
            events: Sequence[Any] = await self._unless_gone(ticket, ticket.events())
            if isinstance(events[0], Finished) and events[0].error is not None:
                raise events[0].error
        return events

    async def _unless_gone(self, ticket: Ticket, answer: Coroutine[Any, Any, Any], /) -> Any:
        try:
            return await self.while_here(answer)
        except (ClientGone, asyncio.CancelledError):
            ticket.cancel()
            raise

    async def while_here(self, answer: Coroutine[Any, Any, Any], /) -> Any:
        """What a coroutine returns. Raises ClientGone, and cancels it, where the client disconnects before."""
        answering = asyncio.create_task(answer)
        disconnecting = asyncio.create_task(self.disconnected())
        try:
            await asyncio.wait((answering, disconnecting), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                return answering.result()
            raise ClientGone("the client closed the connection")
        finally:
            answering.cancel()
            disconnecting.cancel()


def _of_several(error: TooMuchWork, fitting: int, jobs: int) -> TooMuchWork:
    """The error for a request of several jobs, of which so many would end in time."""
    if not fitting:
        return error
    share = max(1, 50 * fitting // jobs)  # half of what could be done, as of one job
    detail = f"of its {jobs} texts about {fitting} could be answered in the time that a request may take"
    return TooMuchWork(f"{detail}; send it in parts, each at most {share}% of it", error.field)


class HttpClient(Client):
    """The client of an HTTP request.

    Raises Unauthorized where the request is not allowed. secret is an API key that came otherwise than in a header.
    """

    def __init__(self, request: Request, secret: str | None = None) -> None:
        self._request = request
        self._lease: Lease = request.scope[LEASE]
        guard = self._lease.guard
        authorization = request.headers.get("authorization", "")
        key = guard.check(secret) if secret is not None and not authorization else guard.identify(authorization)
        name = key or (request.client.host if request.client else "")
        super().__init__(key, Caller(name, _urgency(request.headers.get("priority", ""))))

    async def enter(self) -> None:
        """Count the request among the client's. Raises LimitExceeded where it has its maximum already."""
        await self._lease.acquire(self.caller.name)

    async def charge(self, cost: float, commit: bool = True) -> None:
        await self._lease.charge(cost, commit)

    async def disconnected(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass


async def admit(request: Request, secret: str | None = None) -> HttpClient:
    """The client of a request. An address that sends no valid key is charged: it can't try keys without limit.

    Raises as HttpClient, and LimitExceeded where the client has its maximum of requests, or the address has used up its
    rate limit.
    """
    client: HttpClient | None = request.scope.get(CLIENT)
    if client is None:
        try:
            client = HttpClient(request, secret)
        except Unauthorized:
            lease: Lease = request.scope[LEASE]
            await lease.guard.charge(request.client.host if request.client else "", REFUSAL_COST)
            raise
        await client.enter()
        request.scope[CLIENT] = client
    return client


class LocalClient(Client):
    """The client of a command in the shell: it has no limits, and stays until the answer."""

    def __init__(self) -> None:
        super().__init__("", Caller())

    async def charge(self, cost: float, commit: bool = True) -> None:
        """Nothing is charged."""

    async def disconnected(self) -> None:
        await asyncio.Event().wait()

    async def _unless_gone(self, _: Ticket, answer: Coroutine[Any, Any, Any], /) -> Any:
        return await answer


@contextmanager
def _all_or_none(tickets: Sequence[Ticket]) -> Iterator[None]:
    """Cancel tickets where an error is raised."""
    try:
        yield
    except BaseException:
        for ticket in tickets:
            ticket.cancel()
        raise


def _urgency(header: str) -> int:
    """The u of a Priority header (RFC 9218), 0 (most urgent) to 7; the default where it is missing or malformed."""
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "u" and len(value) == 1 and value in "01234567":
            return int(value)
    return DEFAULT_URGENCY

"""An operation: what a request asks of the engine, ready to be submitted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from app.catalog.registry import Served
from app.engine.interface import EngineInterface
from app.engine.jobs import Job
from app.http.clients import Client
from app.http.event_ids import EventIds

ReplyT = TypeVar("ReplyT", bound=BaseModel)


def _unchanged(_: int, piece: Any) -> Any:
    return piece


@dataclass(frozen=True)
class Operation(Generic[ReplyT]):
    """Jobs, each with its model, and the function that makes a reply of their results.

    ids are those of a stream's events. piece_of_reply makes the piece that a stream's client gets of the index of a job
    and a piece of its result.
    """

    jobs: Sequence[tuple[Job, Served]]
    reply: Callable[[Sequence[Any]], ReplyT]
    ids: EventIds | None = None
    piece_of_reply: Callable[[int, Any], Any] = _unchanged

    @classmethod
    def of_one_job(
        cls, job: Job, served: Served, reply: Callable[[Any], ReplyT], ids: EventIds | None = None
    ) -> "Operation[ReplyT]":
        """reply makes the reply of the job's result."""
        return cls([(job, served)], lambda results: reply(results[0]), ids)


async def run(operation: Operation[ReplyT], client: Client, engine: EngineInterface) -> ReplyT:
    """Submit an operation, and wait for its reply. Raises what `Client.submit_all` and `Client.results` raise."""
    tickets = await client.submit_all(engine, operation.jobs)
    return operation.reply(await client.results(tickets))

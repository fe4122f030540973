"""An operation: what a request asks of the engine, ready to be submitted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from app.catalog.registry import Served
from app.engine.engine import Engine
from app.engine.jobs import Job
from app.http.clients import Client
from app.http.event_ids import EventIds

ReplyT = TypeVar("ReplyT", bound=BaseModel)


@dataclass(frozen=True)
class Operation(Generic[ReplyT]):
    """A job for a model, and the function that makes a reply of its result; ids are those of a stream's events."""

    job: Job
    served: Served
    reply: Callable[[Any], ReplyT]
    ids: EventIds | None = None


async def run(operation: Operation[ReplyT], client: Client, engine: Engine) -> ReplyT:
    """Submit an operation, and wait for its reply. Raises what `Client.submit` and `Client.result` raise."""
    ticket = await client.submit(engine, operation.job, operation.served)
    return operation.reply(await client.result(ticket))

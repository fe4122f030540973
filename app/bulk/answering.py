"""Answers rows with an engine of its own: as many at a time as keep its slots full, in the rows' order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from app.access.state_tokens import StateTokens
from app.bulk.folder import Outcome
from app.bulk.rows import Row
from app.bulk.tasks import TASKS, Answer
from app.catalog.registry import Served
from app.errors import EngineStopped, ServiceError
from app.factories import load_registry, make_engine, make_sealer
from app.http.clients import LocalClient
from app.http.operations.operation import run
from app.http.problems import detail_of
from app.http.schemas.base import MAX_SEED
from app.http.schemas.limits import limited
from app.settings import Settings
from app.telemetry.logs import get_logger
from models.errors import TokenizerError

WAITING = 4
"""Rows that are submitted for each slot, so that one is always ready when a slot is free."""
NO_DEADLINE_S = 1e7
"""A row waits as long as it must; the time limit of a request is for clients that wait."""
SAMPLE = "The"
"""A text by which options are checked before the first row is read."""
log = get_logger(__name__)


class Answerer:
    """Answers rows of a task, of which options are the request's fields other than its text.

    A row's seed is the first row's and its index, so that rows with the same text differ, and a run can be repeated.
    Raises what `load_registry` does.
    """

    def __init__(self, task: str, options: Mapping[str, Any], settings: Settings, seed: int = 0) -> None:
        self.task, self.options, self.seed = TASKS[task], dict(options), seed
        self.schema = limited(self.task.schema, settings)
        self.schema.model_validate({self.task.field: SAMPLE, **self.options})  # before seconds are spent on loading
        self.registry = load_registry(settings, self.task.models)
        self._window = WAITING * settings.max_batch_rows
        self._tokens = StateTokens(make_sealer(settings), key="")
        unhurried = {"request_timeout_s": NO_DEADLINE_S, "max_queued_jobs": self._window + 1}
        self._engine = make_engine(self.registry, settings.model_copy(update=unhurried))
        self._client = LocalClient()

    def start(self) -> None:
        """Start the engine, and raise what is wrong with the options, whatever the text."""
        self._engine.start()
        asyncio.run(self._check())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Started, for as long as the context lasts; what is still running at its end is dropped."""
        try:
            self.start()
            yield
        finally:
            self._engine.stop(0)

    def body(self, text: Any, index: int = 0) -> Any:
        """The request for a text. Raises ValidationError."""
        seeded = "seed" in self.schema.model_fields
        seed = {"seed": (self.seed + index) % (MAX_SEED + 1)} if seeded else {}
        return self.schema.model_validate({self.task.field: text, **self.options, **seed})

    def models(self) -> Sequence[Served]:
        """Those that may answer. Raises ModelNotFound or NoModel."""
        return self.registry.for_task(self.task.models, self.body(SAMPLE).model)

    def columns(self) -> Mapping[str, str]:
        """The kinds of an answer's columns, by their names without a prefix."""
        return self.task.columns(self.body(SAMPLE))

    async def _check(self) -> None:
        body = self.body(SAMPLE)
        try:
            operation = self.task.operation(body, self.registry, self._tokens)
            for ticket in await self._client.submit_all(self._engine, operation.jobs):
                ticket.cancel()
        except ServiceError as error:
            if error.field != "text":
                raise

    async def answers(self, rows: Iterable[tuple[int, Row, Any]]) -> AsyncGenerator[Outcome]:
        """rows are indices, rows and their texts. Raises EngineStopped where the engine has ended."""
        pending: deque[asyncio.Task[Outcome]] = deque()
        try:
            for index, row, text in rows:
                pending.append(asyncio.create_task(self._answer(index, row, text)))
                if len(pending) >= self._window:
                    yield await pending.popleft()
            while pending:
                yield await pending.popleft()
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _answer(self, index: int, row: Row, text: Any) -> Outcome:
        if row.problem or isinstance(text, list):
            return {"error": row.problem or "a list: a row has one text"}
        try:
            return {"answer": await self._reply(self.body(text, index))}
        except EngineStopped:
            raise
        except ValidationError as error:
            reason = detail_of(error.errors()[0])
        except ServiceError as error:
            reason = error.detail
        except TokenizerError as error:
            reason = str(error)
        except Exception:
            log.exception("row_failed", row=row.number)
            reason = "an error of ours; the log has it"
        return {"error": reason}

    async def _reply(self, body: Any) -> Answer:
        operation = self.task.operation(body, self.registry, self._tokens)
        return self.task.answer(body, await run(operation, self._client, self._engine))

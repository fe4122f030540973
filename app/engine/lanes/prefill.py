"""Chunked prefill: prompts are read in chunks between decode steps, so that a long one does not delay running rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import torch

from app.engine.lanes.lane import Lane, Work, run_isolated
from app.engine.outbox import Outbox
from app.engine.prompt import CHUNK, Prompt
from app.engine.ticket import Ticket
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State, join

STEP_TOKENS = 64
"""Tokens of all prompts together that a step reads while other lanes are busy."""


class PromptTask(Protocol):
    """A task that begins with a prompt."""

    @property
    def ticket(self) -> Ticket: ...

    @property
    def prompt(self) -> Prompt: ...

    @property
    def slots(self) -> int: ...


TaskT = TypeVar("TaskT", bound=PromptTask)


@dataclass(eq=False)
class _PrefillRow:
    task: PromptTask
    then: Callable[[State, State], None]
    state: State
    boundary_state: State
    position: int = 0

    @property
    def remaining(self) -> int:
        return len(self.task.prompt.ids) - 1 - self.position

    @property
    def next_ids(self) -> Sequence[int]:
        return self.task.prompt.ids[self.position : self.position + min(self.remaining, CHUNK)]

    def advance(self, state: State) -> None:
        self.position += min(self.remaining, CHUNK)
        self.state = state
        if self.position == self.task.prompt.boundary:
            self.boundary_state = state


class PrefillLane(Lane):
    """Reads all ids of a prompt but the last, which is the first input of the next lane."""

    name = "prefill"

    def __init__(self, runtime: LanguageRuntime, outbox: Outbox) -> None:
        self._runtime, self._outbox = runtime, outbox
        self._initial_state = runtime.start(1)
        self._rows: list[_PrefillRow] = []

    @property
    def slots(self) -> int:
        """The slots that the tasks will take in the next lane."""
        return sum(row.task.slots for row in self._rows)

    @property
    def busy(self) -> bool:
        return bool(self._rows)

    def add(self, task: TaskT, then: Callable[[TaskT, State, State], None]) -> None:
        """Read a task's prompt; then call `then` with the task, the state after the prompt, and that at its boundary.

        Both states are of one row.
        """
        state = task.prompt.start(self._initial_state)
        self._rows.append(_PrefillRow(task, partial(then, task), state, state))

    def sweep(self) -> None:
        self._rows = [row for row in self._rows if not row.task.ticket.closed]

    def step(self, alone: bool, /) -> Work:
        batch: list[_PrefillRow] = []
        tokens = 0
        for row in self._rows:
            if row.remaining and (alone or not batch or tokens + min(row.remaining, CHUNK) <= STEP_TOKENS):
                batch.append(row)
                tokens += min(row.remaining, CHUNK)
        for rows, result in run_isolated(batch, self._prefill) if batch else ():
            for index, row in enumerate(rows):
                if isinstance(result, Exception):
                    self._outbox.fail(row.task.ticket, result)
                else:
                    row.advance(result.rows(slice(index, index + 1)))
        for row in self._rows:
            if not row.remaining and not row.task.ticket.closed:
                row.then(row.state, row.boundary_state)
        # rows of this batch go to the end of the queue
        queue = [row for row in self._rows if row not in batch] + batch
        self._rows = [row for row in queue if row.remaining and not row.task.ticket.closed]
        return Work(len(batch), prompt_tokens=tokens)

    def _prefill(self, rows: Sequence[_PrefillRow]) -> State:
        texts = [torch.tensor(row.next_ids) for row in rows]
        return self._runtime.prefill(texts, join([row.state for row in rows]))

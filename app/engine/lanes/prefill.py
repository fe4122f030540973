"""The lane that reads prompts, in chunks, so that a long one never stops those who write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import torch

from app.engine.scheduler import Lane, Work, isolated
from app.engine.snapshot import CHUNK, Prompt
from app.engine.ticket import Outbox, Ticket
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State, join

TURN_TOKENS = 64
"""Tokens of all prompts together that are read in a turn, beside other lanes."""


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
class _Row:
    task: PromptTask
    then: Callable[[State, State], None]
    state: State
    marked: State
    position: int = 0

    @property
    def left(self) -> int:
        return len(self.task.prompt.ids) - 1 - self.position

    @property
    def next_ids(self) -> Sequence[int]:
        return self.task.prompt.ids[self.position : self.position + min(self.left, CHUNK)]

    def advance(self, state: State) -> None:
        self.position += min(self.left, CHUNK)
        self.state = state
        if self.position == self.task.prompt.mark:
            self.marked = state


class PrefillLane(Lane):
    """Reads side by side what is to be read; the last id of each prompt is left to the lane that goes on."""

    name = "prefill"

    def __init__(self, runtime: LanguageRuntime, outbox: Outbox) -> None:
        self._runtime, self._outbox = runtime, outbox
        self._start = runtime.start(1)
        self._rows: list[_Row] = []

    @property
    def slots(self) -> int:
        """As many as the tasks will take when their prompts are read."""
        return sum(row.task.slots for row in self._rows)

    @property
    def busy(self) -> bool:
        return bool(self._rows)

    def add(self, task: TaskT, then: Callable[[TaskT, State, State], None]) -> None:
        """Read a task's prompt.

        Then call `then` with the task and two states of one row: after all ids but the last, and after as many as the
        prompt marks.
        """
        state = task.prompt.start(self._start)
        self._rows.append(_Row(task, partial(then, task), state, state))

    def sweep(self) -> None:
        self._rows = [row for row in self._rows if not row.task.ticket.gone]

    def step(self, alone: bool, /) -> Work:
        reading: list[_Row] = []
        tokens = 0
        for row in self._rows:
            if row.left and (alone or not reading or tokens + min(row.left, CHUNK) <= TURN_TOKENS):
                reading.append(row)
                tokens += min(row.left, CHUNK)
        for rows, result in isolated(reading, self._prefill) if reading else ():
            for place, row in enumerate(rows):
                if isinstance(result, Exception):
                    self._outbox.fail(row.task.ticket, result)
                else:
                    row.advance(result.rows(slice(place, place + 1)))
        for row in self._rows:
            if not row.left and not row.task.ticket.gone:
                row.then(row.state, row.marked)
        # those who have just read go to the end of the line
        rest = [row for row in self._rows if row not in reading] + reading
        self._rows = [row for row in rest if row.left and not row.task.ticket.gone]
        return Work(len(reading), read=tokens)

    def _prefill(self, rows: Sequence[_Row]) -> State:
        texts = [torch.tensor(row.next_ids) for row in rows]
        return self._runtime.prefill(texts, join([row.state for row in rows]))

"""Chunked prefill: prompts are read in chunks between decode steps, so that a long one does not delay running rows."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import torch

from app.engine.lanes.lane import PausingLane, Work, run_isolated
from app.engine.outbox import Outbox
from app.engine.prompt import CHUNK, Prompt
from app.engine.shares import Shares
from app.engine.ticket import Ticket
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State, join

LONG_PROMPT, LONG_PROMPTS = 1_024, 4
"""Of prompts with more tokens left, so many are read at a time: a larger batch would read no more tokens a second."""
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

    @property
    def progress(self) -> float: ...


TaskT = TypeVar("TaskT", bound=PromptTask)


@dataclass(eq=False)
class _PrefillRow:
    task: PromptTask
    then: Callable[[State, State], None]
    state: State
    boundary_state: State
    position: int = 0

    @property
    def caller(self) -> str:
        return self.task.ticket.caller.name

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


class PrefillLane(PausingLane):
    """Reads all ids of a prompt but the last, which is the first input of the next lane.

    Callers have equal shares of a step's tokens. Of long prompts only some are read at a time, those that are nearest
    to their end, so that of many some end in time.
    """

    name = "prefill"

    def __init__(self, runtime: LanguageRuntime, outbox: Outbox) -> None:
        self._runtime, self._outbox = runtime, outbox
        self._initial_state = runtime.start(1)
        self._rows: list[_PrefillRow] = []
        self._aside: dict[PromptTask, _PrefillRow] = {}
        self._shares = Shares()

    @property
    def slots(self) -> int:
        """The slots that the tasks will take in the next lane."""
        return sum(row.task.slots for row in self._rows)

    @property
    def tasks(self) -> list[PromptTask]:
        return [row.task for row in self._rows]

    @property
    def aside(self) -> Collection[PromptTask]:
        return self._aside

    @property
    def empty(self) -> bool:
        return not (self._rows or self._aside)

    @property
    def busy(self) -> bool:
        return bool(self._rows)

    def tokens_left(self) -> Counter[str]:
        """The tokens of each caller's prompts that are not read yet."""
        left: Counter[str] = Counter()
        for row in [*self._rows, *self._aside.values()]:
            left[row.caller] += row.remaining
        return left

    def add(self, task: TaskT, then: Callable[[TaskT, State, State], None]) -> None:
        """Read a task's prompt; then call `then` with the task, the state after the prompt, and that at its boundary.

        Both states are of one row.
        """
        if not any(row.caller == task.ticket.caller.name for row in self._rows):
            self._shares.join(task.ticket.caller.name)
        state = task.prompt.start(self._initial_state)
        self._rows.append(_PrefillRow(task, partial(then, task), state, state))

    def sweep(self) -> None:
        self._rows = [row for row in self._rows if not row.task.ticket.closed]
        self._aside = {task: row for task, row in self._aside.items() if not task.ticket.closed}

    def set_aside(self, task: PromptTask) -> None:
        self._aside[task] = next(row for row in self._rows if row.task is task)
        self._rows.remove(self._aside[task])

    def bring_back(self, task: PromptTask) -> None:
        self._rows.append(self._aside.pop(task))

    def step(self, alone: bool, /) -> Work:
        batch: list[_PrefillRow] = []
        tokens = 0
        for row in self._candidates():
            if row.remaining and (alone or not batch or tokens + min(row.remaining, CHUNK) <= STEP_TOKENS):
                batch.append(row)
                tokens += min(row.remaining, CHUNK)
                self._shares.charge(row.caller, min(row.remaining, CHUNK))
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
        if not self._rows:
            self._shares.clear()
        return Work(len(batch), prompt_tokens=tokens)

    def _candidates(self) -> list[_PrefillRow]:
        """The rows in the order of their turns: those of the least served callers first, without most long ones."""
        if len(self._rows) == 1:
            return self._rows
        long = [row for row in self._rows if row.remaining > LONG_PROMPT]
        late = set[int]()
        if len(long) > LONG_PROMPTS:
            ranks: Counter[str] = Counter()  # each caller's first, then each caller's second, ...
            turns = []
            for row in sorted(long, key=lambda row: row.remaining):
                turns.append((ranks[row.caller], self._shares.of(row.caller), id(row)))
                ranks[row.caller] += 1
            late = {identity for _, _, identity in sorted(turns, key=lambda turn: turn[:2])[LONG_PROMPTS:]}
        rows = [row for row in self._rows if id(row) not in late]
        return sorted(rows, key=lambda row: self._shares.of(row.caller))

    def _prefill(self, rows: Sequence[_PrefillRow]) -> State:
        texts = [torch.tensor(row.next_ids) for row in rows]
        return self._runtime.prefill(texts, join([row.state for row in rows]))

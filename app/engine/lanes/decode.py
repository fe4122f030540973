"""Continuous batching: every step generates one token of each running row."""

import math
from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from app.catalog.registry import Served
from app.engine.jobs import GenerateJob, Generation, TokenScore
from app.engine.lanes.decode_row import DecodeRow
from app.engine.lanes.lane import PausingLane, Work, run_isolated
from app.engine.outbox import Outbox
from app.engine.prompt import Prompt
from app.engine.snapshot import Snapshot, take_snapshot, to_bitmap
from app.engine.ticket import Ticket
from models.runtime.interface import MIN_PROBABILITY, LanguageRuntime
from models.runtime.state import State, join
from models.sampling import Sampler, SamplingStep, sample, uniforms
from models.text.tokenizers import Token, Tokenizer

MAX_UNREAD = 64
"""Events that a stream's client may be behind before its rows are parked; they return at half of that."""


class GenerateTask:
    """A GenerateJob with its prompt as ids, and a row for each choice."""

    def __init__(self, ticket: Ticket, served: Served) -> None:
        assert isinstance(ticket.job, GenerateJob)
        self.ticket, self.job, self._served = ticket, ticket.job, served
        job, tokenizer = self.job, served.tokenizer
        prompt = Prompt(tokenizer, job.prompt, job.snapshot, ids=job.ids, truncate=job.truncate)
        self._prompt_tokens = prompt.new_tokens
        self._scored_tokens: tuple[Token, ...] = ()
        if job.score_prompt and job.ids is None and job.truncate is None:
            # without the prompt's last space, which is not read
            self._scored_tokens = tuple(tokenizer.tokens(job.prompt))[: self._prompt_tokens]
        # a prompt that is to be scored is read by the rows, so there is nothing to prefill
        self.prompt = Prompt(tokenizer, "", ids=()) if job.score_prompt else prompt
        self.rows = [DecodeRow(job, choice, tokenizer, prompt) for choice in range(job.choices)]
        self.slots = job.choices
        tokens = job.max_new_tokens + (len(prompt.ids) if job.score_prompt else 0)
        self.score_count = job.choices * tokens * (1 + job.top_logprobs) if job.scored else 0

    @property
    def progress(self) -> float:
        """The share of its steps that it has done, of 1."""
        return sum(len(row.ids) for row in self.rows) / max(1.0, len(self.rows) * self.job.max_new_tokens)

    @property
    def rows_left(self) -> list[DecodeRow]:
        """The rows that have not ended."""
        return [row for row in self.rows if not row.finish_reason]

    def result(self, state: State | None = None) -> Generation:
        """The result so far. state, of the only row before its last token, is for a snapshot if one was requested."""
        return Generation(
            choices=tuple(row.result() for row in self.rows),
            prompt_tokens=self._prompt_tokens,
            generated_tokens=sum(len(row.ids) for row in self.rows),
            prompt_scores=tuple(self.rows[0].prompt_scores),
            scored_tokens=self._scored_tokens,
            snapshot=self._take_snapshot(self.rows[0], state) if state and self.job.return_snapshot else None,
        )

    def _take_snapshot(self, row: DecodeRow, state: State) -> Snapshot:
        seen = to_bitmap(row.seen, self._served.tokenizer.size)
        return take_snapshot(self._served, state, (row.input_id,), "", seen, row.sampling_state())


_Paused = dict[GenerateTask, tuple[list[DecodeRow], State]]


class DecodeLane(PausingLane):
    """The running rows and their state, in the same order. Rows join and leave between steps; the state is a value.

    Rows are paused in two cases: parked until their client has read, and set aside for another caller's.
    """

    name = "decode"

    def __init__(self, runtime: LanguageRuntime, tokenizer: Tokenizer, outbox: Outbox) -> None:
        self._runtime, self._tokenizer, self._outbox = runtime, tokenizer, outbox
        self._rows: list[tuple[GenerateTask, DecodeRow]] = []
        self._state: State | None = None
        self._joining: list[tuple[GenerateTask, State]] = []
        self._parked: _Paused = {}
        self._aside: _Paused = {}
        self._sampler: Sampler | None = None
        self._random_keys = np.zeros(0, np.uint64)
        self._texts: dict[int, str] = {}

    @property
    def slots(self) -> int:
        """Rows in the batch and rows that are about to join; parked rows take no slot."""
        return len(self._rows) + sum(task.slots for task, _ in self._joining)

    @property
    def busy(self) -> bool:
        return bool(self._rows or self._joining)

    @property
    def empty(self) -> bool:
        return not (self.busy or self._parked or self._aside)

    @property
    def tasks(self) -> Collection[GenerateTask]:
        return dict.fromkeys([*(task for task, _ in self._rows), *(task for task, _ in self._joining)])

    @property
    def aside(self) -> Collection[GenerateTask]:
        return self._aside

    def set_aside(self, task: GenerateTask) -> None:
        joining = [state for other, state in self._joining if other is task]
        if joining:
            self._aside[task] = (task.rows, joining[0].rows(torch.zeros(task.slots, dtype=torch.int64)))
            self._joining = [entry for entry in self._joining if entry[0] is not task]
        else:
            self._pause({task}, self._aside)

    def bring_back(self, task: GenerateTask) -> None:
        self._resume(task, self._aside)

    def join(self, task: GenerateTask, state: State, _boundary_state: State) -> None:
        """Add a task's rows at the next step, all with the state, of one row, after its prompt."""
        self._joining.append((task, state))

    def sweep(self) -> None:
        """As of every lane; also park the rows of slow clients, and bring back those of clients that caught up."""
        self._joining = [entry for entry in self._joining if not entry[0].ticket.closed]
        for paused in (self._parked, self._aside):
            for task in [task for task in paused if task.ticket.closed]:
                del paused[task]
        slow = {task for task, _ in self._rows if task.ticket.unread > MAX_UNREAD and not task.ticket.closed}
        if slow:
            self._pause(slow, self._parked)
        if any(task.ticket.closed for task, _ in self._rows):
            self._keep([index for index, (task, _) in enumerate(self._rows) if not task.ticket.closed])
        for task in [task for task in self._parked if task.ticket.unread <= MAX_UNREAD // 2]:
            self._resume(task, self._parked)

    def interrupt(self) -> None:
        for index, (task, row) in enumerate(self._rows):
            if self._state and task.job.return_snapshot and not task.ticket.closed:
                self._interrupt(task, row, self._state.rows(slice(index, index + 1)))
        for task, (rows, state) in [*self._parked.items(), *self._aside.items()]:
            if task.job.return_snapshot and not task.ticket.closed:
                self._interrupt(task, rows[0], state)

    def step(self, _alone: bool, /) -> Work:
        for task, state in self._joining:
            repeated = state.rows(torch.zeros(task.slots, dtype=torch.int64))
            self._append([(task, row) for row in task.rows], repeated)
        self._joining = []
        assert self._state
        if self._sampler is None:
            self._sampler = self._make_sampler(range(len(self._rows)))
        states: list[State] = []
        succeeded: list[int] = []
        work = Work(len(self._rows), generation_tokens=len(self._rows))
        for indices, result in run_isolated(range(len(self._rows)), self._decode):
            if isinstance(result, Exception):
                self._outbox.fail(self._rows[indices[0]][0].ticket, result)
                continue
            logits, tokens, state = result
            states.append(state)
            succeeded.extend(indices)
            self._push(indices, logits, tokens, state, work)
        if len(succeeded) < len(self._rows):  # the other rows of a failed request leave at the next sweep
            self._rows = [self._rows[index] for index in succeeded]
            self._rows_changed()
        self._state = join(states) if states else None
        running = [index for index, (_, row) in enumerate(self._rows) if not row.finish_reason]
        if len(running) < len(self._rows):
            self._keep(running)
        return work

    def _decode(self, indices: Sequence[int]) -> tuple[Tensor | None, list[int], State]:
        """The logits, if needed, the next tokens and the new state of some rows. Changes nothing."""
        assert self._state
        assert self._sampler
        whole_batch = len(indices) == len(self._rows)
        rows = [self._rows[index][1] for index in indices]
        state = self._state if whole_batch else self._state.rows(torch.tensor(indices))
        sampler = self._sampler if whole_batch else self._make_sampler(indices)
        random_keys = self._random_keys if whole_batch else self._random_keys[list(indices)]
        uniform = torch.from_numpy(uniforms(random_keys, np.array([row.steps for row in rows], np.uint64)))
        no_id, end_id = self._runtime.vocabulary, self._tokenizer.end_id
        endless = [index for index, row in enumerate(rows) if not (row.forced or row.may_end)]
        masked = torch.full((len(rows), 1), no_id)
        masked[endless] = end_id
        step = sampler.step(uniform, masked, [row.adjustments for row in rows])
        zeros = bool(endless) and self._runtime.has_zeros  # see `_resample`
        # a greedy row that may not end is often one that would
        needs_logits = zeros or any(row.job.scored for row in rows)
        needs_logits = needs_logits or any(rows[row].job.sampling.greedy for row in endless)
        ids = torch.tensor([row.input_id for row in rows])
        sampled, logits, after = self._runtime.sample(ids, state, step, needs_logits)
        tokens: list[int] = sampled.tolist()  # at once: an item of a tensor takes microseconds
        # the last id is also what is sampled where rounding leaves no probability but the end's
        doubtful = [row for row in endless if tokens[row] == no_id - 1]
        if doubtful and logits is None:
            logits = self._runtime.sample(ids, state, step, True)[1]
        if doubtful or zeros:
            assert logits is not None
            tokens = self._resample(sampled, logits, step, endless, doubtful).tolist()
        return logits, [row.forced[0] if row.forced else token for row, token in zip(rows, tokens, strict=True)], after

    def _resample(
        self, sampled: Tensor, logits: Tensor, step: SamplingStep, endless: Sequence[int], doubtful: Sequence[int]
    ) -> Tensor:
        """The sampled ids (B,), with those of the doubtful rows sampled from their logits (B, V) without the end.

        endless are the rows that may not end yet. logits stay as they are: scores are the model's own, the end's too.
        """
        sampled, end_id = sampled.clone(), self._tokenizer.end_id
        allowed = logits[endless]
        allowed[:, end_id] = float("-inf")
        if doubtful:
            among_endless = [endless.index(row) for row in doubtful]
            sampled[doubtful] = sample(allowed[among_endless], step.rows(doubtful))
        if self._runtime.has_zeros:
            only_end = allowed.amax(dim=1) <= math.log(2 * MIN_PROBABILITY)
            sampled[torch.tensor(endless, device=sampled.device)[only_end]] = end_id  # the text goes on behind it
        return sampled

    def _push(self, indices: Sequence[int], logits: Tensor | None, tokens: list[int], after: State, work: Work) -> None:
        """Append the tokens to their rows, and post events and results."""
        for offset, index in enumerate(indices):
            task, row = self._rows[index]
            score = None
            if task.job.scored and logits is not None:
                score = self._score(logits[offset], tokens[offset], task.job.top_logprobs)
            event = row.push(tokens[offset], score)
            if len(row.ids) == 1 and row.choice == 0:
                work.started.append(task.ticket)
            if event is not None:
                self._outbox.post(task.ticket, event)
            if row.finish_reason and all(other.finish_reason for other in task.rows):
                state = after.rows(slice(offset, offset + 1)) if task.job.return_snapshot else None
                self._outbox.finish(task.ticket, task.result(state))
                work.finished.append((task.ticket, max(len(other.ids) for other in task.rows)))

    def _interrupt(self, task: GenerateTask, row: DecodeRow, state: State) -> None:
        row.finish_reason = "interrupted"
        self._outbox.finish(task.ticket, task.result(state))

    def _score(self, logits: Tensor, token: int, count: int) -> TokenScore:
        logprobs = torch.log_softmax(logits, dim=-1)
        values, ids = logprobs.topk(min(count, logprobs.numel()))
        pairs = zip(ids.tolist(), values.tolist(), strict=True)
        likeliest = tuple((other, self._text(other), logprob) for other, logprob in pairs)
        return TokenScore(token, self._text(token), float(logprobs[token]), likeliest)

    def _text(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self._tokenizer.surface(token).decode("utf-8", errors="replace")
        return self._texts[token]

    def _append(self, rows: list[tuple[GenerateTask, DecodeRow]], state: State) -> None:
        self._state = join([self._state, state]) if self._state is not None else state
        self._rows += rows
        self._rows_changed()

    def _keep(self, indices: list[int]) -> None:
        self._rows = [self._rows[index] for index in indices]
        self._state = self._state.rows(torch.tensor(indices)) if self._state and indices else None
        self._rows_changed()

    def _pause(self, tasks: set[GenerateTask], paused: _Paused) -> None:
        assert self._state
        for task in tasks:
            indices = [index for index, (other, _) in enumerate(self._rows) if other is task]
            rows = [self._rows[index][1] for index in indices]
            paused[task] = (rows, self._state.rows(torch.tensor(indices)))
        self._keep([index for index, (task, _) in enumerate(self._rows) if task not in tasks])

    def _resume(self, task: GenerateTask, paused: _Paused) -> None:
        rows, state = paused.pop(task)
        self._append([(task, row) for row in rows], state)

    def _rows_changed(self) -> None:
        self._sampler = None
        self._random_keys = np.array([row.random_key for _, row in self._rows], np.uint64)

    def _make_sampler(self, indices: Sequence[int]) -> Sampler:
        return Sampler([self._rows[index][0].job.sampling for index in indices], self._runtime.device)

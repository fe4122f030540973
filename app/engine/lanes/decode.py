"""Continuous batching: every step generates one token of each running row."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from app.catalog.registry import Served
from app.engine.continuation import Continuation
from app.engine.jobs import GenerateJob, Generation, TokenScore
from app.engine.scheduler import Lane, Work, isolated
from app.engine.snapshot import Prompt, Snapshot, snapshot, to_bits
from app.engine.ticket import Outbox, Ticket
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State, join
from models.sampling import Sampler, SamplingStep, TokenHistory, uniforms
from models.text.tokenizers import Tokenizer

UNREAD = 64
"""Events that a stream's reader may be behind before its rows are set aside; they come back at half of that."""


class GenerateTask:
    """A GenerateJob with its prompt as ids, and a row for each choice."""

    def __init__(self, ticket: Ticket, served: Served) -> None:
        assert isinstance(ticket.job, GenerateJob)
        self.ticket, self.job, self._served = ticket, ticket.job, served
        tokenizer = served.tokenizer
        whole = Prompt(tokenizer, self.job.prompt, self.job.before, ids=self.job.ids, most=self.job.most_read)
        self._fresh = whole.fresh
        # a prompt that is to be scored is read by the rows themselves
        self.prompt = Prompt(tokenizer, "", ids=()) if self.job.score_prompt else whole
        self.rows = [Continuation(self.job, choice, tokenizer, whole) for choice in range(self.job.choices)]
        self.slots = self.job.choices

    def result(self, state: State | None = None) -> Generation:
        """What was generated; state, where it is to be remembered, is that of the only row before its last token."""
        generated = sum(len(row.ids) for row in self.rows)
        made = tuple(row.choice_made() for row in self.rows)
        after = self._snapshot(self.rows[0], state) if state and self.job.remember else None
        return Generation(made, self._fresh, generated, tuple(self.rows[0].prompt_scores), after)

    def _snapshot(self, row: Continuation, state: State) -> Snapshot:
        seen = to_bits(row.seen, self._served.tokenizer.size)
        return snapshot(self._served, state, (row.next,), "", seen, row.drawing())


class DecodeLane(Lane):
    """Rows and their state, in the same order. Rows join and leave between steps; the state is a value."""

    name = "decode"

    def __init__(self, runtime: LanguageRuntime, tokenizer: Tokenizer, outbox: Outbox) -> None:
        self._runtime, self._tokenizer, self._outbox = runtime, tokenizer, outbox
        self._rows: list[tuple[GenerateTask, Continuation]] = []
        self._state: State | None = None
        self._joining: list[tuple[GenerateTask, State]] = []
        self._parked: dict[GenerateTask, tuple[list[Continuation], State]] = {}
        self._sampler: Sampler | None = None
        self._keys = np.zeros(0, np.uint64)

    @property
    def slots(self) -> int:
        """Rows in the batch and rows that are about to join; those set aside take no slot."""
        return len(self._rows) + sum(task.slots for task, _ in self._joining)

    @property
    def busy(self) -> bool:
        return bool(self._rows or self._joining)

    @property
    def empty(self) -> bool:
        return not (self.busy or self._parked)

    def join(self, task: GenerateTask, state: State, _marked: State) -> None:
        """Add a task's rows at the next step, all from the state, of one row, after its prompt."""
        self._joining.append((task, state))

    def sweep(self) -> None:
        """Drop the rows of those who are gone, set aside those of slow readers, and bring back whoever caught up."""
        self._joining = [entry for entry in self._joining if not entry[0].ticket.gone]
        for task in [task for task in self._parked if task.ticket.gone]:
            del self._parked[task]
        slow = {task for task, _ in self._rows if task.ticket.unread > UNREAD and not task.ticket.gone}
        if slow:
            self._park(slow)
        if any(task.ticket.gone for task, _ in self._rows):
            self._keep([place for place, (task, _) in enumerate(self._rows) if not task.ticket.gone])
        for task in [task for task in self._parked if task.ticket.unread <= UNREAD // 2]:
            rows, state = self._parked.pop(task)
            self._enter([(task, row) for row in rows], state)

    def interrupt(self) -> None:
        """End those that can go on elsewhere, where they stand."""
        for place, (task, row) in enumerate(self._rows):
            if self._state and task.job.remember and not task.ticket.gone:
                self._interrupt(task, row, self._state.rows(slice(place, place + 1)))
        for task, (rows, state) in self._parked.items():
            if task.job.remember and not task.ticket.gone:
                self._interrupt(task, rows[0], state)

    def step(self, _alone: bool, /) -> Work:
        for task, state in self._joining:
            one = torch.zeros(task.slots, dtype=torch.int64)
            self._enter([(task, row) for row in task.rows], state.rows(one))
        self._joining = []
        assert self._state
        if self._sampler is None:
            self._sampler = self._make_sampler(range(len(self._rows)))
        states: list[State] = []
        stay: list[int] = []
        work = Work(len(self._rows), written=len(self._rows))
        for places, result in isolated(range(len(self._rows)), self._step):
            if isinstance(result, Exception):
                self._outbox.fail(self._rows[places[0]][0].ticket, result)
                continue
            logits, chosen, state = result
            states.append(state)
            stay.extend(places)
            self._push(places, logits, chosen, state, work)
        if len(stay) < len(self._rows):  # failed; other rows of their requests leave at the next sweep
            self._rows = [self._rows[place] for place in stay]
            self._changed()
        self._state = join(states) if states else None
        running = [place for place, (task, row) in enumerate(self._rows) if not row.finish_reason]
        if len(running) < len(self._rows):
            self._keep(running)
        return work

    def _step(self, places: Sequence[int]) -> tuple[Tensor | None, list[int], State]:
        """Step some rows; change nothing."""
        assert self._state
        assert self._sampler
        everyone = len(places) == len(self._rows)
        rows = [self._rows[place][1] for place in places]
        state = self._state if everyone else self._state.rows(torch.tensor(places))
        sampler = self._sampler if everyone else self._make_sampler(places)
        steps = np.array([row.steps for row in rows], np.uint64)
        uniform = torch.from_numpy(uniforms(self._keys if everyone else self._keys[list(places)], steps))
        none, end = self._runtime.vocabulary, self._tokenizer.end_id
        early = [len(row.ids) < row.job.min_new_tokens and not row.given for row in rows]
        masked = torch.tensor([[end if must_go_on else none] for must_go_on in early])
        step = SamplingStep(sampler.scale, uniform.to(sampler.scale.device), masked.to(sampler.scale.device))
        scored = sampler.needs_logits or any(row.job.scored for row in rows)
        sampled, logits, after = self._runtime.sample(torch.tensor([row.next for row in rows]), state, step, scored)
        if logits is not None:
            logits[early, end] = float("-inf")
            histories = [TokenHistory(sorted(rows[row].seen), rows[row].counts) for row in sampler.adjusted]
            sampled = sampler.resample(sampled, logits, step, histories)
        chosen = [row.given[0] if row.given else token for row, token in zip(rows, sampled.tolist(), strict=True)]
        return logits, chosen, after

    def _push(self, places: Sequence[int], logits: Tensor | None, chosen: list[int], after: State, work: Work) -> None:
        """Hand the chosen tokens to their rows, and what that makes to those who wait for it."""
        for offset, place in enumerate(places):
            task, row = self._rows[place]
            score = None
            if task.job.scored and logits is not None:
                score = self._score(logits[offset], chosen[offset], task.job.top_logprobs)
            piece = row.push(chosen[offset], score)
            if len(row.ids) == 1 and row.choice == 0:
                work.begun.append(task.ticket)
            if piece is not None:
                self._outbox.post(task.ticket, piece)
            if row.finish_reason and all(other.finish_reason for other in task.rows):
                own = after.rows(slice(offset, offset + 1)) if task.job.remember else None
                self._outbox.finish(task.ticket, task.result(own))
                work.ended.append((task.ticket, max(len(other.ids) for other in task.rows)))

    def _interrupt(self, task: GenerateTask, row: Continuation, state: State) -> None:
        row.finish_reason = "interrupted"
        self._outbox.finish(task.ticket, task.result(state))

    def _score(self, logits: Tensor, token: int, count: int) -> TokenScore:
        logprobs = torch.log_softmax(logits, dim=-1)
        values, ids = logprobs.topk(min(count, logprobs.numel()))
        top = tuple(self._named(index, value) for index, value in zip(ids.tolist(), values.tolist(), strict=True))
        named = self._named(token, float(logprobs[token]))
        return TokenScore(named.id, named.text, named.logprob, top)

    def _named(self, token: int, logprob: float) -> TokenScore:
        return TokenScore(token, self._tokenizer.surface(token).decode("utf-8", errors="replace"), logprob)

    def _enter(self, rows: list[tuple[GenerateTask, Continuation]], state: State) -> None:
        self._state = join([self._state, state]) if self._state is not None else state
        self._rows += rows
        self._changed()

    def _keep(self, places: list[int]) -> None:
        self._rows = [self._rows[place] for place in places]
        self._state = self._state.rows(torch.tensor(places)) if self._state and places else None
        self._changed()

    def _park(self, tasks: set[GenerateTask]) -> None:
        assert self._state
        for task in tasks:
            own = [place for place, (other, _) in enumerate(self._rows) if other is task]
            self._parked[task] = ([self._rows[place][1] for place in own], self._state.rows(torch.tensor(own)))
        self._keep([place for place, (task, _) in enumerate(self._rows) if task not in tasks])

    def _changed(self) -> None:
        self._sampler = None
        self._keys = np.array([row.key for _, row in self._rows], np.uint64)

    def _make_sampler(self, places: Sequence[int]) -> Sampler:
        return Sampler([self._rows[place][0].job.sampling for place in places], self._runtime.device)

"""Classification, with the exact contribution of every token where that is requested."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.engine.bounds import Bounds
from app.engine.jobs import ClassifyJob, Contribution, Verdict
from app.engine.lanes.lane import Lane, Work, run_isolated
from app.engine.outbox import Outbox
from app.engine.shares import Shares
from app.engine.ticket import Ticket
from models.batch import length_buckets, pad
from models.runtime.interface import ClassifierRuntime
from models.text.tokenizers import Token, Tokenizer

STEP_TOKENS, ALONE_TOKENS = 2_048, 4_096
"""Tokens of a step, padding included, while other lanes are busy, and while none is."""


class ClassifyTask:
    """A ClassifyJob with its texts as tokens; those to be explained, only as far as bounds allow."""

    def __init__(self, ticket: Ticket, tokenizer: Tokenizer, bounds: Bounds) -> None:
        assert isinstance(ticket.job, ClassifyJob)
        self.ticket, self.job = ticket, ticket.job
        end = Token(tokenizer.end_id, "", 0, 0)  # an empty text is classified as its end
        self.tokens: list[list[Token]] = []
        self.ids: list[list[int]] = []
        for text in self.job.texts:
            if self.job.explain:
                self.tokens.append(tokenizer.tokens(text) or [end])
                self.ids.append([token.id for token in self.tokens[-1]])
                bounds.check_scores(sum(map(len, self.ids)), self.job)
            else:
                self.ids.append(tokenizer.encode(text) or [end.id])
        self.verdicts: dict[int, Verdict] = {}
        self.slots = 1
        self.score_count = sum(map(len, self.tokens))

    @property
    def progress(self) -> float:
        """The share of its texts that are classified, of 1."""
        return len(self.verdicts) / max(1, len(self.ids))


@dataclass(frozen=True)
class _Text:
    task: ClassifyTask
    index: int

    @property
    def ids(self) -> list[int]:
        return self.task.ids[self.index]

    @property
    def caller(self) -> str:
        return self.task.ticket.caller.name


class ClassifyLane(Lane):
    """Classifies queued texts in buckets of similar length.

    In the batch is always the text that has waited longest, of the caller that has been served least, by tokens.
    """

    name = "classify"

    def __init__(self, runtime: ClassifierRuntime, labels: Sequence[str], outbox: Outbox) -> None:
        self._runtime, self._outbox = runtime, outbox
        self._labels, self._bias = labels, runtime.bias.tolist()
        self._queue: list[_Text] = []
        self._shares = Shares()

    @property
    def slots(self) -> int:
        return len(self._queue)

    @property
    def busy(self) -> bool:
        return bool(self._queue)

    def add(self, task: ClassifyTask) -> None:
        if not any(text.caller == task.ticket.caller.name for text in self._queue):
            self._shares.join(task.ticket.caller.name)
        self._queue += [_Text(task, index) for index in range(len(task.ids))]

    def sweep(self) -> None:
        self._queue = [text for text in self._queue if not text.task.ticket.closed]

    def step(self, alone: bool, /) -> Work:
        buckets = length_buckets([len(text.ids) for text in self._queue], ALONE_TOKENS if alone else STEP_TOKENS)
        first = min(range(len(self._queue)), key=lambda index: self._shares.of(self._queue[index].caller))
        indices = set(next(bucket for bucket in buckets if first in bucket))
        batch = [self._queue[index] for index in sorted(indices)]
        self._queue = [text for index, text in enumerate(self._queue) if index not in indices]
        for text in batch:
            self._shares.charge(text.caller, len(text.ids))
        if not self._queue:
            self._shares.clear()
        for texts, result in run_isolated(batch, self._classify):
            if isinstance(result, Exception):
                self._outbox.fail(texts[0].task.ticket, result)
            else:
                self._add_verdicts(texts, *result)
        return Work(len(batch), prompt_tokens=sum(len(text.ids) for text in batch))

    def _classify(self, texts: Sequence[_Text]) -> tuple[Tensor, Tensor | None]:
        return self._runtime.classify(pad([text.ids for text in texts]), any(text.task.job.explain for text in texts))

    def _add_verdicts(self, texts: Sequence[_Text], logits: Tensor, contributions: Tensor | None) -> None:
        """logits (B, C), contributions (B, T, C)."""
        probabilities = torch.softmax(logits.double(), dim=-1).tolist()
        best = logits.argmax(dim=1).tolist()
        for row, text in enumerate(texts):
            task, label = text.task, self._labels[best[row]]
            scores = dict(zip(self._labels, probabilities[row], strict=True))
            if not task.job.explain:
                task.verdicts[text.index] = Verdict(label, scores)
            else:
                assert contributions is not None
                explanation = tuple(
                    Contribution(token.text, token.start, token.end, contribution)
                    for token, contribution in zip(
                        task.tokens[text.index], contributions[row, :, best[row]].tolist(), strict=False
                    )  # padding has contributions too
                )
                bias, logit = self._bias[best[row]], float(logits[row, best[row]])
                task.verdicts[text.index] = Verdict(label, scores, explanation, bias, logit)
            if len(task.verdicts) == len(task.ids) and not task.ticket.closed:
                self._outbox.finish(task.ticket, [task.verdicts[index] for index in range(len(task.ids))])

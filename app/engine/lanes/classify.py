"""Classifying texts, with the exact share of every token where it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.engine.jobs import ClassifyJob, Contribution, Verdict
from app.engine.scheduler import Lane, Work, isolated
from app.engine.ticket import Outbox, Ticket
from models.batch import length_buckets, pad
from models.runtime.interface import ClassifierRuntime
from models.text.tokenizers import Token, Tokenizer

TURN_TOKENS = 2_048
"""Tokens, padding included, that are read in a turn beside other lanes, and ALONE_TOKENS where there are none."""
ALONE_TOKENS = 4_096


class ClassifyTask:
    """A ClassifyJob with its texts as tokens."""

    def __init__(self, ticket: Ticket, tokenizer: Tokenizer) -> None:
        assert isinstance(ticket.job, ClassifyJob)
        self.ticket, self.job = ticket, ticket.job
        end = Token(tokenizer.end_id, "", 0, 0)  # an empty text is read as its end
        self.tokens: list[list[Token]] = []
        self.ids: list[list[int]] = []
        for text in self.job.texts:
            if self.job.explain:
                self.tokens.append(tokenizer.tokens(text) or [end])
                self.ids.append([token.id for token in self.tokens[-1]])
            else:
                self.ids.append(tokenizer.encode(text) or [end.id])
        self.verdicts: dict[int, Verdict] = {}
        self.slots = 1


@dataclass(frozen=True)
class _Text:
    task: ClassifyTask
    place: int

    @property
    def ids(self) -> list[int]:
        return self.task.ids[self.place]


class ClassifyLane(Lane):
    """Reads the texts that wait, those of like length together; the one that waits longest is always among them."""

    name = "classify"

    def __init__(self, runtime: ClassifierRuntime, labels: Sequence[str], outbox: Outbox) -> None:
        self._runtime, self._outbox = runtime, outbox
        self._labels, self._bias = labels, runtime.bias.tolist()
        self._waiting: list[_Text] = []

    @property
    def slots(self) -> int:
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def add(self, task: ClassifyTask) -> None:
        self._waiting += [_Text(task, place) for place in range(len(task.ids))]

    def sweep(self) -> None:
        self._waiting = [text for text in self._waiting if not text.task.ticket.gone]

    def step(self, alone: bool, /) -> Work:
        batches = length_buckets([len(text.ids) for text in self._waiting], ALONE_TOKENS if alone else TURN_TOKENS)
        places = set(next(batch for batch in batches if 0 in batch))
        chosen = [self._waiting[place] for place in sorted(places)]
        self._waiting = [text for place, text in enumerate(self._waiting) if place not in places]
        for texts, result in isolated(chosen, self._read):
            if isinstance(result, Exception):
                self._outbox.fail(texts[0].task.ticket, result)
            else:
                self._judge(texts, *result)
        return Work(len(chosen), read=sum(len(text.ids) for text in chosen))

    def _read(self, texts: Sequence[_Text]) -> tuple[Tensor, Tensor | None]:
        return self._runtime.classify(pad([text.ids for text in texts]), any(text.task.job.explain for text in texts))

    def _judge(self, texts: Sequence[_Text], logits: Tensor, shares: Tensor | None) -> None:
        probabilities = torch.softmax(logits.double(), dim=-1).tolist()
        best = logits.argmax(dim=1).tolist()
        for row, text in enumerate(texts):
            task, label = text.task, self._labels[best[row]]
            scores = dict(zip(self._labels, probabilities[row], strict=True))
            if not task.job.explain:
                task.verdicts[text.place] = Verdict(label, scores)
            else:
                assert shares is not None
                own = shares[row, :, best[row]].tolist()
                explanation = tuple(
                    Contribution(token.text, token.start, token.end, share)
                    for token, share in zip(task.tokens[text.place], own, strict=False)
                )
                bias, logit = self._bias[best[row]], float(logits[row, best[row]])
                task.verdicts[text.place] = Verdict(label, scores, explanation, bias, logit)
            if len(task.verdicts) == len(task.ids) and not task.ticket.gone:
                self._outbox.finish(task.ticket, [task.verdicts[place] for place in range(len(task.ids))])

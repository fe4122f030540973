"""Generating: a batch of rows that takes one step at a time."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from app.engine.jobs import Choice, GenerateJob, Generation, TokenScore
from models.checkpoint import Checkpoint
from models.language_model import LanguageModel
from models.recurrent import LSTMState
from models.sampling import choose, draw
from models.tokenizer import Tokenizer


def read_text(model: LanguageModel, tokenizer: Tokenizer, text: str) -> tuple[Tensor, LSTMState, int]:
    """Read a text from its start; return the logits after it (V,), the state, and its number of tokens.

    One space at the text's end is left unread: the pieces of a vocabulary begin with their space, so
    that the word to come brings it.
    """
    ids = tokenizer.encode(text.removesuffix(" "))
    device = model.bias.device
    hidden, state = model.read(torch.tensor([[tokenizer.end_id, *ids]], device=device))  # (1, T, H)
    return model.score(hidden[0, -1]), state, len(ids)


def generate(checkpoint: Checkpoint, jobs: Sequence[GenerateJob]) -> list[Generation]:
    """Run jobs together to the end of the longest; a row that is done leaves the batch."""
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    assert isinstance(model, LanguageModel)
    rows: list[_Row] = []
    hidden, cell, first_logits, prompt_tokens = [], [], [], []
    for job in jobs:
        logits, state, count = read_text(model, tokenizer, job.prompt)
        prompt_tokens.append(count)
        seen = tokenizer.encode(job.prompt)
        for choice in range(job.choices):
            rows.append(_Row(job, choice, tokenizer, list(seen)))
            hidden.append(state.hidden)
            cell.append(state.cell)
            first_logits.append(logits)
    every_row = list(rows)
    logits, state = torch.stack(first_logits), LSTMState(torch.cat(hidden, dim=1), torch.cat(cell, dim=1))
    while True:
        for row, scores in zip(rows, logits, strict=True):
            row.step(scores)
        running = [index for index, row in enumerate(rows) if not row.finish_reason]
        if not running:
            break
        if len(running) < len(rows):
            state = state.rows(torch.tensor(running, device=logits.device))
            rows = [rows[index] for index in running]
        ids = torch.tensor([[row.ids[-1]] for row in rows], device=logits.device)  # (R, 1)
        stepped, state = model(ids, state)  # (R, 1, V)
        logits = stepped[:, -1]
    results, position = [], 0
    for job, count in zip(jobs, prompt_tokens, strict=True):
        own = every_row[position : position + job.choices]
        position += job.choices
        choices = tuple(row.choice_made() for row in own)
        results.append(Generation(choices, count, sum(len(row.ids) for row in own)))
    return results


@dataclass
class _Row:
    """One continuation in the making."""

    job: GenerateJob
    choice: int
    tokenizer: Tokenizer
    seen: list[int]
    ids: list[int] = field(default_factory=list)
    scores: list[TokenScore] = field(default_factory=list)
    text: str = ""
    finish_reason: str = ""
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def step(self, logits: Tensor) -> None:
        """Choose the next token from logits (V,), and see whether that was the last."""
        number = draw(self.job.seed, self.choice, len(self.ids))
        token = choose(logits, self.job.sampling, self.seen, number)
        self.seen.append(token)
        self.ids.append(token)
        if self.job.top_logprobs:
            self.scores.append(self._score(logits, token))
        surface = self.tokenizer.surface(token)
        if len(self.ids) == 1 and self.job.prompt.endswith(" "):
            surface = surface.removeprefix(b" ")  # the prompt has it already
        if token == self.tokenizer.end_id:
            self.finish_reason = "end"
        elif len(self.ids) >= self.job.max_new_tokens:
            self.finish_reason = "length"
        # a character can be several tokens, one a byte: it is held back until it is whole, or the text ends
        self.text += self.decoder.decode(surface, final=bool(self.finish_reason))
        places = [place for stop in self.job.stop if (place := self.text.find(stop)) >= 0]
        if places:
            self.text = self.text[: min(places)]
            self.finish_reason = "stop"

    def choice_made(self) -> Choice:
        return Choice(self.text, self.finish_reason, tuple(self.scores))

    def _score(self, logits: Tensor, token: int) -> TokenScore:
        logprobs = torch.log_softmax(logits.float(), dim=-1)
        values, ids = logprobs.topk(min(self.job.top_logprobs, logprobs.numel()))
        top = tuple(self._named(index, value) for index, value in zip(ids.tolist(), values.tolist(), strict=True))
        named = self._named(token, float(logprobs[token]))
        return TokenScore(named.id, named.text, named.logprob, top)

    def _named(self, token: int, logprob: float) -> TokenScore:
        return TokenScore(token, self.tokenizer.surface(token).decode("utf-8", errors="replace"), logprob)

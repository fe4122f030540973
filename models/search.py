"""Search for the likeliest translation: beam search, of which greedy is the beam of one."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.batch import Batch
from models.tokenizer import Tokenizer
from models.translator import Translator

LONGEST_OUTPUT = 400


@dataclass(frozen=True)
class Hypothesis:
    """A finished output.

    ids are without the end token; logprob sums the log-probabilities, the end's included; score is
    logprob / length ** length_penalty, by which hypotheses are ranked, length counting the end.
    attention is (T, S), the end's row included, or None where it was not asked for.
    """

    ids: tuple[int, ...]
    logprob: float
    score: float
    finished: bool
    attention: Tensor | None = None


@dataclass(frozen=True)
class SearchConfig:
    """How to search; max_length, which counts the end token, is each source's `output_limit` if left out."""

    beam_size: int = 5
    length_penalty: float = 1.0
    max_length: int | None = None
    keep_attention: bool = False


def output_limit(source_length: int) -> int:
    """How many tokens a translation may have: twice the source's and room for short ones, within reason."""
    return min(2 * source_length + 10, LONGEST_OUTPUT)


def source_ids(model: Translator, tokenizer: Tokenizer, text: str, target: str) -> list[int]:
    """A source sentence as the encoder reads it: the wanted language's token, the text, the end."""
    return [model.language_id(target), *tokenizer.encode(text), tokenizer.end_id]


@torch.inference_mode()
def translate(model: Translator, source: Batch, end_id: int, config: SearchConfig) -> list[list[Hypothesis]]:
    """Search for each row of source; return, for each, up to beam_size hypotheses, the best first.

    A row is done, and leaves the batch, when beam_size of its hypotheses are finished; what is open at
    its limit is taken as it stands. An end counts only among the beam_size best of its step.
    """
    limits = [config.max_length or output_limit(length) for length in source.lengths.tolist()]
    beams = [_Beam(config, limit) for limit in limits]
    memory = model.encode(source)
    alive = list(range(len(beams)))
    tokens = torch.full((len(beams), 1), end_id, dtype=torch.int64, device=source.ids.device)  # (R, 1)
    state = None
    for length in range(1, max(limits) + 1):
        logits, weights, state = model.decode(tokens, memory, state)
        logprobs = torch.log_softmax(logits[:, -1].float(), dim=-1)  # (R, V)
        attention = weights[:, -1] if config.keep_attention else None  # (R, S)
        parents: list[int] = []
        chosen: list[int] = []
        offset = 0
        best_logprobs, best_ids = logprobs.topk(min(2 * config.beam_size, logprobs.shape[1]), dim=-1)
        columns = list(zip(best_logprobs.tolist(), best_ids.tolist(), strict=True))
        still = []
        for row in alive:
            width = beams[row].width
            rows = beams[row].advance(columns[offset : offset + width], end_id, length, attention, offset)
            if rows:
                still.append(row)
                parents.extend(offset + parent for parent, _ in rows)
                chosen.extend(token for _, token in rows)
            offset += width
        alive = still
        if not alive:
            break
        index = torch.tensor(parents, device=tokens.device)
        memory, state = memory.rows(index), state.rows(index)
        tokens = torch.tensor(chosen, device=tokens.device).unsqueeze(1)  # (R, 1)
    return [beam.results() for beam in beams]


class _Beam:
    """The open and the finished hypotheses of one source sentence."""

    def __init__(self, config: SearchConfig, limit: int) -> None:
        self.config = config
        self.limit = limit
        self.open: list[tuple[float, tuple[int, ...], tuple[Tensor, ...]]] = [(0.0, (), ())]
        self.done: list[Hypothesis] = []

    @property
    def width(self) -> int:
        return len(self.open)

    def advance(
        self,
        columns: list[tuple[list[float], list[int]]],
        end_id: int,
        length: int,
        attention: Tensor | None,
        offset: int,
    ) -> list[tuple[int, int]]:
        """Extend every open hypothesis by its best tokens; return (parent, token) of those kept open."""
        candidates = [
            (self.open[parent][0] + logprob, parent, token)
            for parent, (logprobs, ids) in enumerate(columns)
            for logprob, token in zip(logprobs, ids, strict=True)
        ]
        candidates.sort(key=lambda candidate: -candidate[0])
        last = length == self.limit
        kept: list[tuple[int, int]] = []
        opened: list[tuple[float, tuple[int, ...], tuple[Tensor, ...]]] = []
        for rank, (logprob, parent, token) in enumerate(candidates):
            _, ids, rows = self.open[parent]
            if attention is not None:
                rows = (*rows, attention[offset + parent])
            if token == end_id and rank < self.config.beam_size:
                self._finish(ids, logprob, length, rows, finished=True)
            elif token != end_id and len(opened) < self.config.beam_size:
                opened.append((logprob, (*ids, token), rows))
                kept.append((parent, token))
        self.open = opened
        if last:
            for logprob, ids, rows in opened:
                self._finish(ids, logprob, length, rows, finished=False)
        return [] if last or len(self.done) >= self.config.beam_size else kept

    def results(self) -> list[Hypothesis]:
        # One that ran into the limit never beats one that came to its end.
        ranked = sorted(self.done, key=lambda hypothesis: (not hypothesis.finished, -hypothesis.score))
        return ranked[: self.config.beam_size]

    def _finish(
        self, ids: tuple[int, ...], logprob: float, length: int, rows: tuple[Tensor, ...], finished: bool
    ) -> None:
        score = logprob / length**self.config.length_penalty
        attention = torch.stack(rows) if rows else None
        self.done.append(Hypothesis(ids, logprob, score, finished, attention))

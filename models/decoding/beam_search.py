"""Search for the likeliest translation: beam search, of which greedy is the beam of one."""

from collections import deque
from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from models.batch import pad
from models.networks.translator import Translator
from models.runtime.interface import TranslatorRuntime
from models.runtime.state import Memory, State, join, join_memories
from models.sampling import top
from models.text.tokenizers import Tokenizer

LONGEST_OUTPUT = 400
ROWS = 320
"""How many rows `translate` steps together."""


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
def translate(
    runtime: TranslatorRuntime, sources: Sequence[Sequence[int]], end_id: int, config: SearchConfig
) -> list[list[Hypothesis]]:
    """Search for each source; return, for each in its place, up to beam_size hypotheses, the best first.

    As many as fit into ROWS are searched together, those of like length; where one ends, the next joins.
    """
    beams = [Beam(source, config) for source in sources]
    waiting = deque(sorted(beams, key=lambda beam: len(beam.source)))
    batch = BeamBatch(runtime, end_id, config.beam_size)
    seats = max(1, ROWS // config.beam_size)
    while waiting or len(batch):
        if waiting and len(batch) <= seats // 2:
            joining = [waiting.popleft() for _ in range(min(seats - len(batch), len(waiting)))]
            batch.add(joining, *encode(runtime, joining))
        batch.step()
    return [beam.results() for beam in beams]


def encode(runtime: TranslatorRuntime, beams: Sequence["Beam"]) -> tuple[Memory, State]:
    """Read the sources of beams."""
    return runtime.encode(pad([beam.source for beam in beams]))


class Beam:
    """The open and the finished outputs of one source sentence."""

    def __init__(self, source: Sequence[int], config: SearchConfig) -> None:
        self.source = source
        self.config = config
        self.limit = config.max_length or output_limit(len(source))
        self.length = 0
        self.open: list[tuple[float, tuple[int, ...], tuple[Tensor, ...]]] = [(0.0, (), ())]
        self._finished: list[Hypothesis] = []

    @property
    def done(self) -> bool:
        """Whether beam_size outputs are finished, or the limit is reached."""
        return self.length >= self.limit or len(self._finished) >= self.config.beam_size

    def advance(
        self, candidates: Sequence[tuple[float, int, int]], end_id: int, attention: Tensor | None
    ) -> list[tuple[int, int]]:
        """Take the next tokens: (logprob, place of the output that it extends, token), the best first.

        attention (K, S) holds what each open output looked at. Returns place and token of those open now.
        An end counts only among the beam_size best; what is open at the limit is taken as it stands.
        """
        self.length += 1
        kept: list[tuple[int, int]] = []
        opened: list[tuple[float, tuple[int, ...], tuple[Tensor, ...]]] = []
        for rank, (logprob, parent, token) in enumerate(candidates):
            _, ids, rows = self.open[parent]
            if attention is not None:
                rows = (*rows, attention[parent, : len(self.source)])  # the batch is as wide as its longest source
            if token == end_id and rank < self.config.beam_size:
                self._finish(ids, logprob, rows, finished=True)
            elif token != end_id and len(opened) < self.config.beam_size:
                opened.append((logprob, (*ids, token), rows))
                kept.append((parent, token))
        self.open = opened
        if self.length == self.limit:
            for logprob, ids, rows in opened:
                self._finish(ids, logprob, rows, finished=False)
        return kept

    def results(self) -> list[Hypothesis]:
        """Finished outputs, the best first; one that ran into the limit never beats one that came to its end."""
        ranked = sorted(self._finished, key=lambda hypothesis: (not hypothesis.finished, -hypothesis.score))
        return ranked[: self.config.beam_size]

    def _finish(self, ids: tuple[int, ...], logprob: float, rows: tuple[Tensor, ...], finished: bool) -> None:
        score = logprob / self.length**self.config.length_penalty
        attention = torch.stack(rows) if rows else None
        self._finished.append(Hypothesis(ids, logprob, score, finished, attention))


class BeamBatch:
    """Sentences that are searched together, each with beam_size rows. They join at any step, and leave when done."""

    def __init__(self, runtime: TranslatorRuntime, end_id: int, beam_size: int) -> None:
        self.runtime, self.end_id, self.beam_size = runtime, end_id, beam_size
        self.beams: list[Beam] = []
        self._memory: Memory | None = None
        self._state: State | None = None
        self._tokens: list[int] = []  # the token that each row reads next
        self._scores: list[float] = []  # and the log-probability of its output so far

    def __len__(self) -> int:
        return len(self.beams)

    def add(self, beams: Sequence[Beam], memory: Memory, state: State) -> None:
        """Let sentences join, with what `encode` made of them."""
        repeated = torch.arange(len(beams)).repeat_interleave(self.beam_size)
        state = state.rows(repeated)
        self._memory = join_memories([self._memory, memory]) if self._memory and self.beams else memory
        self._state = join([self._state, state]) if self._state and self.beams else state
        self.beams = [*self.beams, *beams]
        self._tokens += [self.end_id] * len(repeated)
        self._scores += [0.0, *[float("-inf")] * (self.beam_size - 1)] * len(beams)  # one row is open at first

    def step(self) -> list[Beam]:
        """Extend every output by a token; return the sentences that are done, which have left.

        Nothing has changed where it raises.
        """
        assert self._memory
        assert self._state
        width = self.beam_size
        logits, weights, state = self.runtime.step(torch.tensor(self._tokens), self._state, self._memory)
        values, columns = top(logits, min(2 * width, logits.shape[1]))  # (N*K, 2K)
        logprobs = values.double() - torch.logsumexp(logits, dim=1, keepdim=True)
        totals = torch.tensor(self._scores, dtype=torch.float64, device=logits.device).unsqueeze(1) + logprobs
        best, places = totals.view(len(self.beams), -1).topk(
            min(2 * width, totals[0].numel() * width), dim=1
        )  # (N, 2K)
        tokens = columns.view(len(self.beams), -1).gather(1, places)
        parents = places // columns.shape[1]
        found = list(zip(best.tolist(), parents.tolist(), tokens.tolist(), strict=True))
        self._take(found, weights, state)
        done = [beam for beam in self.beams if beam.done]
        if done:
            self.remove(done)
        return done

    def remove(self, beams: Collection[Beam]) -> None:
        """Let sentences leave; those that are not here are passed over."""
        stay = [place for place, beam in enumerate(self.beams) if beam not in beams]
        if len(stay) < len(self.beams):
            self._keep(stay)

    def split(self) -> "BeamBatch":
        """Let half of the sentences leave, for a batch of their own, which is returned."""
        middle = len(self.beams) // 2
        other = copy(self)
        other._keep(list(range(middle)))
        self._keep(list(range(middle, len(self.beams))))
        return other

    def _keep(self, places: list[int]) -> None:
        width = self.beam_size
        rows = [place * width + offset for place in places for offset in range(width)]
        self.beams = [self.beams[place] for place in places]
        self._tokens = [self._tokens[row] for row in rows]
        self._scores = [self._scores[row] for row in rows]
        if not self.beams:
            self._memory = self._state = None
            return
        assert self._memory
        assert self._state
        self._memory = self._memory.rows(torch.tensor(places))
        self._state = self._state.rows(torch.tensor(rows))

    def _take(self, found: list[tuple[list[float], list[int], list[int]]], weights: Tensor, state: State) -> None:
        """Let each sentence choose among its candidates, and order the rows by what it chose."""
        tokens: list[int] = []
        scores: list[float] = []
        sources: list[int] = []
        width = self.beam_size
        for place, (beam, (logprobs, parents, ids)) in enumerate(zip(self.beams, found, strict=True)):
            first = place * width
            attention = weights[first : first + width] if beam.config.keep_attention else None
            candidates = [row for row in zip(logprobs, parents, ids, strict=True) if row[0] > float("-inf")]
            kept = beam.advance(candidates, self.end_id, attention)
            missing = width - len(kept)  # where there are fewer outputs than rows, the rest is never looked at
            sources += [first + parent for parent, _ in kept] + [first] * missing
            tokens += [token for _, token in kept] + [self.end_id] * missing
            scores += [logprob for logprob, _, _ in beam.open] + [float("-inf")] * missing
        self._tokens, self._scores = tokens, scores
        self._state = state.rows(torch.tensor(sources))

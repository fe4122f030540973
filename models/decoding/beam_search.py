"""Beam search for the likeliest translation; a beam of one is greedy search."""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from models.batch import pad
from models.decoding.prefix import Prefix
from models.decoding.unknown_words import UnknownWords
from models.networks.encoder_output import EncoderOutput, join_encoder_outputs
from models.networks.translator import Translator
from models.quality import Searched
from models.reductions import top
from models.runtime.interface import TranslatorRuntime
from models.runtime.state import State, join
from models.text.tokenizers import Tokenizer

DEFAULT_BEAM_SIZE = 5
MAX_OUTPUT_TOKENS = 400
MAX_ROWS = 320
"""Rows that `translate` steps together, at most."""


@dataclass(frozen=True)
class ScoredToken:
    """A token of an output: its log-probability, and the likeliest at its position, each as (id, log-probability)."""

    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Hypothesis:
    """A finished output.

    ids are without the end token; logprob sums the log-probabilities, the end's included; score is
    logprob / length ** length_penalty, by which hypotheses are ranked, length counting the end.
    attention is (T, S), the end's row included, or None unless SearchConfig.keep_attention. tokens has one for each of
    ids and for the end, or none unless SearchConfig.top_tokens.
    """

    ids: tuple[int, ...]
    logprob: float
    score: float
    finished: bool
    attention: Tensor | None = None
    tokens: tuple[ScoredToken, ...] = ()


@dataclass(frozen=True)
class SearchConfig:
    """The settings of a search; max_length, which counts the end token, is each source's `output_limit` if left out."""

    beam_size: int = DEFAULT_BEAM_SIZE
    length_penalty: float = 1.0
    max_length: int | None = None
    keep_attention: bool = False
    min_length: int = 1
    """Tokens of an output at least, the end token's included."""
    no_repeat: int = 0
    """Above 0, no group of so many tokens is in an output twice."""
    prefix: Prefix | None = None
    """What each output begins with; an output that the limit ends may have only a part of it."""
    top_tokens: int = 0
    """How many of the likeliest tokens to keep for each token of an output, ranked as without a prefix."""


Opened = tuple[float, tuple[int, ...], tuple[Tensor, ...], tuple[ScoredToken, ...]]
"""An unfinished hypothesis: log-probability, ids, and what is kept of each token: attention and scores."""


def output_limit(source_length: int) -> int:
    """A translation's maximum tokens: twice the source's, and some more for short ones, up to MAX_OUTPUT_TOKENS."""
    return min(2 * source_length + 10, MAX_OUTPUT_TOKENS)


def source_ids(model: Translator, tokenizer: Tokenizer, text: str, target: str) -> list[int]:
    """A source sentence as the encoder reads it: the target language's token, the text, the end token."""
    return [model.language_id(target), *tokenizer.encode(text), tokenizer.end_id]


def searched(source: Sequence[int], hypothesis: Hypothesis, text: str) -> Searched:
    """What the estimate of quality needs of a source and its hypothesis, whose text is given."""
    return Searched(len(source) - 2, hypothesis.ids, text, hypothesis.logprob, hypothesis.finished)


def shown_text(
    source: Sequence[int], hypothesis: Hypothesis, tokenizer: Tokenizer, unknown: UnknownWords | None
) -> str:
    """The text of a hypothesis, with the unknown words of its source where its attention was kept."""
    if unknown is None or hypothesis.attention is None:
        return tokenizer.decode(hypothesis.ids)
    return unknown.replace(source, hypothesis.ids, hypothesis.attention)


@torch.inference_mode()
def translate(
    runtime: TranslatorRuntime,
    sources: Sequence[Sequence[int]],
    end_id: int,
    config: SearchConfig,
    symbol_ids: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """Search for each source; return for each, in the order of sources, up to beam_size hypotheses, the best first.

    Of symbol_ids, a finished hypothesis has those of its source, each once.

    As many as fit into MAX_ROWS are searched together, sorted by length; when some are done, the next ones join.
    """
    beams = [Beam(source, config) for source in sources]
    queue = deque(sorted(beams, key=lambda beam: len(beam.source)))
    batch = BeamBatch(runtime, end_id, config.beam_size, symbol_ids)
    slots = max(1, MAX_ROWS // config.beam_size)
    while queue or len(batch):
        if queue and len(batch) <= slots // 2:
            admitted = [queue.popleft() for _ in range(min(slots - len(batch), len(queue)))]
            batch.add(admitted, *encode(runtime, admitted))
        batch.step()
    return [beam.results() for beam in beams]


def encode(runtime: TranslatorRuntime, beams: Sequence["Beam"]) -> tuple[EncoderOutput, State]:
    """Encode the sources of beams."""
    return runtime.encode(pad([beam.source for beam in beams]))


def repeating(ids: Sequence[int], size: int) -> list[int]:
    """The tokens that would complete a group of `size` tokens that ids have already."""
    last = tuple(ids[len(ids) - size + 1 :])
    return [ids[end] for end in range(size - 1, len(ids)) if tuple(ids[end - size + 1 : end]) == last]


class Beam:
    """The unfinished and the finished hypotheses of one source sentence."""

    def __init__(self, source: Sequence[int], config: SearchConfig) -> None:
        self.source = source
        self.source_set = frozenset(source)
        self.config = config
        self.limit = config.max_length or output_limit(len(source))
        self.length = 0
        self.open: list[Opened] = [(0.0, (), (), ())]
        self._finished: list[Hypothesis] = []

    @property
    def done(self) -> bool:
        """Whether beam_size hypotheses are finished, or the limit is reached."""
        return self.length >= self.limit or len(self._finished) >= self.config.beam_size

    def advance(
        self,
        candidates: Sequence[tuple[float, int, int]],
        end_id: int,
        attention: Tensor | None,
        tops: Sequence[tuple[tuple[int, float], ...]] = (),
    ) -> list[tuple[int, int]]:
        """Extend by candidates: (logprob, index of the hypothesis that it extends, token), the best first.

        attention (K, S) has the weights of each open hypothesis, tops the likeliest tokens after it. Returns parent and
        token of those open now.
        An end token counts only among the beam_size best candidates; hypotheses open at the limit end unfinished.
        """
        self.length += 1
        extended: list[tuple[int, int]] = []
        opened: list[Opened] = []
        for rank, (logprob, parent, token) in enumerate(candidates):
            before, ids, rows, scored = self.open[parent]
            if attention is not None:
                rows = (*rows, attention[parent, : len(self.source)])  # the batch is as wide as its longest source
            if tops:
                scored = (*scored, ScoredToken(logprob - before, tops[parent]))
            if token == end_id and rank < self.config.beam_size:
                self._finish((logprob, ids, rows, scored), finished=True)
            elif token != end_id and len(opened) < self.config.beam_size:
                opened.append((logprob, (*ids, token), rows, scored))
                extended.append((parent, token))
        self.open = opened
        if self.length == self.limit:
            for hypothesis in opened:
                self._finish(hypothesis, finished=False)
        return extended

    def results(self) -> list[Hypothesis]:
        """The hypotheses, the best first; one that reached the limit ranks below all that ended."""
        ranked = sorted(self._finished, key=lambda hypothesis: (not hypothesis.finished, -hypothesis.score))
        return ranked[: self.config.beam_size]

    def _finish(self, hypothesis: Opened, finished: bool) -> None:
        logprob, ids, rows, tokens = hypothesis
        score = logprob / self.length**self.config.length_penalty
        attention = torch.stack(rows) if rows else None
        self._finished.append(Hypothesis(ids, logprob, score, finished, attention, tokens))


class BeamBatch:
    """Sentences that are decoded together, each with beam_size rows. They join between steps, and leave when done.

    symbol_ids are the reserved symbols: a hypothesis may have those of its source alone, each once, and can't end
    before it has all of them.
    """

    def __init__(self, runtime: TranslatorRuntime, end_id: int, beam_size: int, symbol_ids: Sequence[int] = ()) -> None:
        self.runtime, self.end_id, self.beam_size = runtime, end_id, beam_size
        self.symbol_ids = tuple(symbol_ids)
        self._symbols = torch.tensor(self.symbol_ids, dtype=torch.int64)
        self._symbol_set = frozenset(self.symbol_ids)
        self.beams: list[Beam] = []
        self._encoded: EncoderOutput | None = None
        self._state: State | None = None
        self._tokens: list[int] = []  # the token that each row reads next
        self._scores: list[float] = []  # the log-probability of its hypothesis so far

    def __len__(self) -> int:
        return len(self.beams)

    def add(self, beams: Sequence[Beam], encoded: EncoderOutput, state: State) -> None:
        """Add sentences, with the results of `encode` for them."""
        repeated = torch.arange(len(beams)).repeat_interleave(self.beam_size)
        state = state.rows(repeated)
        self._encoded = join_encoder_outputs([self._encoded, encoded]) if self._encoded and self.beams else encoded
        self._state = join([self._state, state]) if self._state and self.beams else state
        self.beams = [*self.beams, *beams]
        self._tokens += [self.end_id] * len(repeated)
        # the rows of a sentence are equal at first: only one counts
        self._scores += [0.0, *[float("-inf")] * (self.beam_size - 1)] * len(beams)

    def step(self) -> list[Beam]:
        """Extend every hypothesis by a token; remove and return the sentences that are done.

        If it raises, nothing has changed.
        """
        assert self._encoded
        assert self._state
        width = self.beam_size
        logprobs, weights, state = self.runtime.step(torch.tensor(self._tokens), self._state, self._encoded)
        prefixed = self._prefixed(logprobs)
        if self.symbol_ids:
            self._mask_symbols(logprobs)
        self._mask_outputs(logprobs)
        tops = self._tops(logprobs)
        for row, allowed, kept in prefixed:
            logprobs[row] = float("-inf")
            logprobs[row, allowed] = kept
        values, columns = top(logprobs, min(2 * width, logprobs.shape[1]))  # (N*K, 2K)
        totals = torch.tensor(self._scores, dtype=torch.float64, device=logprobs.device).unsqueeze(1) + values
        best, flat = totals.view(len(self.beams), -1).topk(min(2 * width, totals[0].numel() * width), dim=1)  # (N, 2K)
        tokens = columns.view(len(self.beams), -1).gather(1, flat)
        parents = flat // columns.shape[1]
        candidates = list(zip(best.tolist(), parents.tolist(), tokens.tolist(), strict=True))
        self._advance(candidates, weights, state, tops)
        done = [beam for beam in self.beams if beam.done]
        if done:
            self.remove(done)
        return done

    def remove(self, beams: Collection[Beam]) -> None:
        """Remove sentences; those that are not in the batch are ignored."""
        remaining = [index for index, beam in enumerate(self.beams) if beam not in beams]
        if len(remaining) < len(self.beams):
            self._keep(remaining)

    def split(self) -> "BeamBatch":
        """Move half of the sentences to a batch of their own, and return it."""
        middle = len(self.beams) // 2
        other = copy(self)
        other._keep(list(range(middle)))
        self._keep(list(range(middle, len(self.beams))))
        return other

    def _keep(self, indices: list[int]) -> None:
        width = self.beam_size
        rows = [index * width + offset for index in indices for offset in range(width)]
        self.beams = [self.beams[index] for index in indices]
        self._tokens = [self._tokens[row] for row in rows]
        self._scores = [self._scores[row] for row in rows]
        if not self.beams:
            self._encoded = self._state = None
            return
        assert self._encoded
        assert self._state
        self._encoded = self._encoded.rows(torch.tensor(indices))
        self._state = self._state.rows(torch.tensor(rows))

    def _mask_symbols(self, logprobs: Tensor) -> None:
        """Exclude symbols that a hypothesis may not have, and the end where it lacks some, from logprobs (N*K, V)."""
        columns = self._symbols.to(logprobs.device)
        if not any(self._symbol_set & beam.source_set for beam in self.beams):
            logprobs.index_fill_(1, columns, float("-inf"))
            return
        allowed = torch.zeros(len(logprobs), len(self.symbol_ids), dtype=torch.bool)
        incomplete: list[int] = []
        for index, beam in enumerate(self.beams):
            symbols = [column for column, symbol in enumerate(self.symbol_ids) if symbol in beam.source_set]
            if not symbols:
                continue
            for row, (_, ids, *_) in enumerate(beam.open, index * self.beam_size):
                missing = [column for column in symbols if self.symbol_ids[column] not in ids]
                if missing:
                    allowed[row, missing] = True
                    incomplete.append(row)
        device, infinity = logprobs.device, float("-inf")
        logprobs[:, columns] = logprobs[:, columns].masked_fill(~allowed.to(device), infinity)
        if incomplete:
            logprobs[torch.tensor(incomplete, device=device), self.end_id] = infinity

    def _mask_outputs(self, logprobs: Tensor) -> None:
        """Exclude from logprobs (N*K, V) an end that comes too early, and tokens that would repeat a group of them."""
        for index, beam in enumerate(self.beams):
            if beam.length + 1 < beam.config.min_length:
                logprobs[index * self.beam_size : (index + 1) * self.beam_size, self.end_id] = float("-inf")
            if beam.config.no_repeat:
                for row, (_, ids, *_) in enumerate(beam.open, index * self.beam_size):
                    if repeated := repeating(ids, beam.config.no_repeat):
                        logprobs[row, repeated] = float("-inf")

    def _prefixed(self, logprobs: Tensor) -> list[tuple[int, Tensor, Tensor]]:
        """The rows of logprobs (N*K, V) whose hypothesis has not all of its prefix yet: the row, the ids (n,) that may
        follow, and a copy of their log-probabilities (n,), which no other rule of the search changes.

        A prefix may have a symbol of its source twice, or begin with what would be a repetition.
        """
        rows: list[tuple[int, Tensor, Tensor]] = []
        for index, beam in enumerate(self.beams):
            if beam.config.prefix is None:
                continue
            for row, (_, ids, *_) in enumerate(beam.open, index * self.beam_size):
                if (allowed := beam.config.prefix.allowed(ids)) is not None:
                    allowed = allowed.to(logprobs.device)
                    rows.append((row, allowed, logprobs[row, allowed]))
        return rows

    def _tops(self, logprobs: Tensor) -> dict[Beam, list[tuple[tuple[int, float], ...]]]:
        """The likeliest tokens after each open hypothesis of the beams that keep them, from logprobs (N*K, V)."""
        tops: dict[Beam, list[tuple[tuple[int, float], ...]]] = {}
        for index, beam in enumerate(self.beams):
            if count := min(beam.config.top_tokens, logprobs.shape[1]):
                first = index * self.beam_size
                values, ids = top(logprobs[first : first + len(beam.open)], count)  # (K, count)
                pairs = [zip(*row, strict=True) for row in zip(ids.tolist(), values.tolist(), strict=True)]
                tops[beam] = [tuple(pair for pair in row if pair[1] > float("-inf")) for row in pairs]
        return tops

    def _advance(
        self,
        candidates: list[tuple[list[float], list[int], list[int]]],
        weights: Tensor,
        state: State,
        tops: Mapping[Beam, list[tuple[tuple[int, float], ...]]],
    ) -> None:
        """Advance each beam by its candidates, and reorder the rows by the hypotheses that were extended."""
        tokens: list[int] = []
        scores: list[float] = []
        rows: list[int] = []
        width = self.beam_size
        for index, (beam, (logprobs, parents, ids)) in enumerate(zip(self.beams, candidates, strict=True)):
            first = index * width
            attention = weights[first : first + width] if beam.config.keep_attention else None
            possible = [row for row in zip(logprobs, parents, ids, strict=True) if row[0] > float("-inf")]
            extended = beam.advance(possible, self.end_id, attention, tops.get(beam, ()))
            unused = width - len(extended)  # rows without a hypothesis: their scores are -inf
            rows += [first + parent for parent, _ in extended] + [first] * unused
            tokens += [token for _, token in extended] + [self.end_id] * unused
            scores += [logprob for logprob, *_ in beam.open] + [float("-inf")] * unused
        self._tokens, self._scores = tokens, scores
        self._state = state.rows(torch.tensor(rows))

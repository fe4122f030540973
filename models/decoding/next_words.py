"""What is the next word? Probabilities of pieces are summed up to those of whole words."""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from models.decoding.word_pieces import Vocabulary, decode_word, is_letter
from models.reductions import row_sums
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State, join
from models.text.tokenizers import lower

MAX_ROUND_QUERIES = 48
"""Unfinished words that a search extends in one round, at most."""
SPARE_QUERIES = 3
"""Queries of a round beyond the number of listed words. In most searches one round is enough then."""
MAX_ROUNDS = 12
MIN_WORD_STARTS = 128
"""How many of the likeliest pieces that start a word are considered, at least; or 4 for each listed word."""
MAX_WORD_BYTES = 120
NEGLIGIBLE = 1e-12
RARE = 1e-3
"""In the place of words that are withheld, others are searched for down to this share of the probability."""


@dataclass(frozen=True)
class Query:
    """A request for the model to read a token after row `row` of a state."""

    state: State
    row: int
    token: int


@dataclass(frozen=True)
class Scores:
    """The results of some queries, each a row.

    probabilities (R, V) are of the next token, continues (R,) their sum over pieces that continue a word. The
    states after the queries' tokens are the rows of `state` from `first` on.
    """

    probabilities: Tensor
    continues: Tensor
    state: State
    first: int = 0

    def rows(self, begin: int, end: int) -> "Scores":
        """Those of some of the queries. The state stays whole, so that queries that share it are gathered together."""
        some = slice(begin, end)
        return Scores(self.probabilities[some], self.continues[some], self.state, self.first + begin)


class Search(Protocol):
    """A search that alternates with the model, query by query, so that many searches share the model's steps."""

    @property
    def query_count(self) -> int:
        """The number of queries in the last round."""

    def queries(self) -> list[Query]:
        """The queries of the next round; none when the search is over."""

    def update(self, scores: Scores) -> None:
        """Continue with the scores of the last round's queries."""


class _Prefix(NamedTuple):
    """The beginning of a word, and the probability that the next word begins so, in these pieces, negative.

    Negative, because heapq pops the smallest; number makes all prefixes different, so that a heap compares no further.
    """

    improbability: float
    number: int
    word: bytes
    token: int
    row: int
    state: State

    @property
    def probability(self) -> float:
        return -self.improbability


class WordSearch:
    """Sums a language model's probabilities of pieces into those of words.

    A word is the piece that starts it and all pieces that continue it, up to a piece that starts
    another word, is punctuation, or ends the text; a punctuation mark is a word too. A word that
    can be spelled in several ways gets the sum over those that the search visits. The search is best-first:
    it extends the likeliest beginnings and stops when no unfinished one could still enter the list, or after
    MAX_ROUNDS: what is listed can be slightly too low.
    """

    def __init__(self, vocabulary: Vocabulary, probabilities: Tensor, state: State, row: int, listed: int, prefix: str):
        """probabilities (V,) of the next token, and the row of a state, are those after the text.

        With a prefix, the word begins with it, and probabilities are conditional on that.
        """
        self._vocabulary, self._listed = vocabulary, listed
        self._target = lower(prefix, vocabulary.tokenizer.lowercase).encode("utf-8")
        self._words: dict[bytes, float] = defaultdict(float)
        self._withheld: dict[bytes, float] = defaultdict(float)  # words that no text has
        self._open: list[_Prefix] = []  # a heap
        self._starts: list[tuple[float, int]] = []  # probability and index of pieces that start a word, ascending
        self._numbers = itertools.count()
        self._queried: list[_Prefix] = []
        self._prefix_probability = 0.0
        self._rounds = 0
        self._after = (row, state)
        self._begin(probabilities)

    def queries(self) -> list[Query]:
        self._queried = []
        if self._rounds < MAX_ROUNDS:
            threshold, size = self._threshold(), min(MAX_ROUND_QUERIES, self._listed + SPARE_QUERIES)
            while len(self._queried) < size and (prefix := self._pop(threshold)):
                self._queried.append(prefix)
        self._rounds += 1
        return [Query(prefix.state, prefix.row, prefix.token) for prefix in self._queried]

    @property
    def query_count(self) -> int:
        return len(self._queried)

    def update(self, scores: Scores) -> None:
        """Add the words that end here, and push the prefixes that continue."""
        for prefix, continues in zip(self._queried, scores.continues.tolist(), strict=True):
            if prefix.word and prefix.word.startswith(self._target):
                words = self._words if self._vocabulary.is_known(prefix.word) else self._withheld
                words[prefix.word] += prefix.probability * max(1.0 - continues, 0.0)
        shorter = [len(prefix.word) < len(self._target) for prefix in self._queried]
        for row, prefix in enumerate(self._queried):
            if shorter[row]:
                self._complete_target(prefix, scores, row)
        self._extend(scores, [row for row, short in enumerate(shorter) if not short])

    def result(self) -> "NextWords":
        """The likeliest words that were found."""
        total = self._total
        decoded = ((text, value) for word, value in self._words.items() if value and (text := decode_word(word)))
        ranked = heapq.nlargest(self._listed, decoded, key=lambda item: (item[1], item[0]))
        return NextWords([(text, min(value / total, 1.0)) for text, value in ranked], total)

    def _pop(self, threshold: float) -> _Prefix | None:
        """Remove the likeliest unfinished word, a start or a longer prefix, if it is likelier than the threshold."""
        if self._starts and (not self._open or self._starts[-1][0] > self._open[0].probability):
            value, index = self._starts[-1]
            if value <= threshold:
                return None
            self._starts.pop()
            word, token = self._vocabulary.word_starts[index]
            return _Prefix(-value, next(self._numbers), word, token, *self._after)
        return heapq.heappop(self._open) if self._open and self._open[0].probability > threshold else None

    def _threshold(self) -> float:
        """The probability that an unfinished word must exceed to change the list."""
        threshold = self._least_of(self._words.values())
        if self._withheld:
            with_unknown = self._least_of([*self._words.values(), *self._withheld.values()])
            threshold = max(threshold, min(with_unknown, RARE * self._total))
        return max(threshold, NEGLIGIBLE)

    def _least_of(self, values: Iterable[float]) -> float:
        """The least probability in a list of the likeliest; 0 where the list is not full."""
        listed = heapq.nlargest(self._listed, values)
        return listed[-1] if len(listed) == self._listed else 0.0

    @property
    def _total(self) -> float:
        """What probabilities are relative to: that of the prefix, if there is one."""
        return self._prefix_probability if self._target else 1.0

    def _begin(self, probabilities: Tensor) -> None:
        """Start from the pieces after the text: whole words are complete, word starts are the first prefixes."""
        vocabulary, target = self._vocabulary, self._target
        count = 4 * self._listed  # one punctuation mark can be several pieces
        for value, index in vocabulary.whole_words.likeliest(probabilities, target, count):
            word, _ = vocabulary.whole_words[index]
            if word.startswith(target):
                self._prefix_probability += value
                self._words[word] += value
        count = max(MIN_WORD_STARTS, count)
        self._starts = vocabulary.word_starts.likeliest(probabilities, target, count)[::-1]
        if target:
            covering = (value for value, index in self._starts if len(vocabulary.word_starts[index][0]) >= len(target))
            self._prefix_probability += sum(covering)

    def _complete_target(self, prefix: _Prefix, scores: Scores, row: int) -> None:
        """While the target is not spelled yet, any piece that matches it may continue it, however unlikely."""
        values = scores.probabilities[row].tolist()
        for index in self._vocabulary.continuations.matching(self._target[len(prefix.word) :]):
            piece, token = self._vocabulary.continuations[index]
            probability = prefix.probability * values[token]
            if len(prefix.word) + len(piece) >= len(self._target):
                self._prefix_probability += probability
            self._push(prefix, token, probability, scores, row)

    def _extend(self, scores: Scores, rows: list[int]) -> None:
        """Push the continuations that are likely enough to matter."""
        threshold, sums = self._threshold(), scores.continues.tolist()
        # no piece is likelier than the sum of all: in most rows of the last round there is nothing to look for
        rows = [row for row in rows if sums[row] * self._queried[row].probability > threshold]
        if not rows:
            return
        prior = torch.tensor([self._queried[row].probability for row in rows], device=scores.probabilities.device)
        probabilities = scores.probabilities[rows]
        selected = probabilities > (threshold / prior).unsqueeze(1)  # (R, V)
        selected &= self._vocabulary.continuation_mask.to(selected.device)
        indices, tokens = selected.nonzero(as_tuple=True)
        values = probabilities[indices, tokens] * prior[indices]
        if len(values) > 4 * MAX_ROUND_QUERIES:
            best = values.topk(4 * MAX_ROUND_QUERIES).indices
            indices, tokens, values = indices[best], tokens[best], values[best]
        for index, token, value in zip(indices.tolist(), tokens.tolist(), values.tolist(), strict=True):
            prefix = self._queried[rows[index]]
            self._push(prefix, token, value, scores, rows[index])

    def _push(self, prefix: _Prefix, token: int, probability: float, scores: Scores, row: int) -> None:
        word = prefix.word + self._vocabulary.surfaces[token]
        if len(prefix.word) <= MAX_WORD_BYTES and probability > NEGLIGIBLE:
            heapq.heappush(
                self._open, _Prefix(-probability, next(self._numbers), word, token, scores.first + row, scores.state)
            )


@dataclass(frozen=True)
class NextWords:
    """words with their probabilities, the likeliest first; total is the probability of the prefix."""

    words: list[tuple[str, float]]
    total: float


class SpellingSearch:
    """The probabilities of certain words after a text, each in its usual spelling by pieces."""

    def __init__(
        self, vocabulary: Vocabulary, probabilities: Tensor, state: State, row: int, words: Sequence[str]
    ) -> None:
        """probabilities (V,) of the next token, and the row of a state, are those after the text."""
        self._vocabulary = vocabulary
        self.probabilities = [0.0] * len(words)
        self._open: list[tuple[int, list[int], Query]] = []  # index of the word, its pieces still to read, the query
        values = probabilities.tolist()
        for index, word in enumerate(words):
            ids = self._pieces(word)
            self.probabilities[index] = values[ids[0]] if ids else self._punctuation(word, values)
            if ids:
                self._open.append((index, ids[1:], Query(state, row, ids[0])))

    def queries(self) -> list[Query]:
        return [query for _, _, query in self._open]

    @property
    def query_count(self) -> int:
        return len(self._open)

    def update(self, scores: Scores) -> None:
        continues = scores.continues.tolist()
        unfinished = []
        for row, (index, ids, _) in enumerate(self._open):
            if ids:
                self.probabilities[index] *= float(scores.probabilities[row, ids[0]])
                unfinished.append((index, ids[1:], Query(scores.state, scores.first + row, ids[0])))
            else:
                self.probabilities[index] *= max(1.0 - continues[row], 0.0)
        self._open = unfinished

    def _pieces(self, word: str) -> list[int]:
        """The pieces of a word; none for punctuation, nor for what can't be spelled."""
        tokenizer = self._vocabulary.tokenizer
        target = lower(word, tokenizer.lowercase)
        ids = tokenizer.encode(word)
        return ids if is_letter(target[0]) and tokenizer.decode(ids) == target else []

    def _punctuation(self, mark: str, values: list[float]) -> float:
        """The probability of a punctuation mark, with or without a space before it; 0 for anything else."""
        target = lower(mark, self._vocabulary.tokenizer.lowercase)
        if is_letter(target[0]):
            return 0.0
        pieces = self._vocabulary.whole_words
        matching = (pieces[index] for index in pieces.matching(target.encode()))
        return sum(values[token] for spelling, token in matching if spelling == target.encode())


def score_queries(
    runtime: LanguageRuntime, vocabulary: Vocabulary, queries: Sequence[Query], temperatures: Sequence[float] = ()
) -> Scores:
    """Score the queries of any number of searches in one step; temperatures, one a query, are 1 if left out."""
    parts: list[State] = []
    begin = 0
    while begin < len(queries):  # consecutive queries of one state are gathered together
        end = begin
        while end < len(queries) and queries[end].state is queries[begin].state:
            end += 1
        state, rows = queries[begin].state, [query.row for query in queries[begin:end]]
        parts.append(state if rows == list(range(len(state))) else state.rows(torch.tensor(rows)))
        begin = end
    logits, state = runtime.step(torch.tensor([query.token for query in queries]), join(parts))
    if any(temperature != 1 for temperature in temperatures):
        logits = logits / torch.tensor(temperatures, device=logits.device).unsqueeze(1)  # (R, V)
    probabilities = torch.softmax(logits, dim=1)
    continues = row_sums(probabilities * vocabulary.continuation_mask.to(probabilities.device))
    return Scores(probabilities, continues, state)


def run(runtime: LanguageRuntime, vocabulary: Vocabulary, search: Search) -> None:
    """Run one search to its end."""
    while queries := search.queries():
        search.update(score_queries(runtime, vocabulary, queries))

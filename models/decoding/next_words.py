"""What is the next word? Pieces of words are summed up to whole words."""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from models.decoding.word_pieces import Vocabulary, is_letter
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State, join
from models.sampling import row_sums
from models.text.tokenizers import lower

ROUND_SIZE = 48
"""Unfinished words that are extended together, at most."""
SPARE = 3
"""Of one round, beyond the words that are wanted. Mostly one round is enough."""
MAX_ROUNDS = 12
FEWEST_BEGINNINGS = 128
"""Pieces that begin a word are looked at up to this place in their ranking, or 4 for each word wanted."""
MAX_WORD_BYTES = 120
NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class Want:
    """A text to read on: the token after row `row` of state."""

    state: State
    row: int
    token: int


@dataclass(frozen=True)
class Answer:
    """What came of some wants, each a row: probabilities (R, V) of the next token, going_on (R,) their sum
    over pieces that go on with a word, and a state, in which theirs are the rows from `first` on.
    """

    probabilities: Tensor
    going_on: Tensor
    state: State
    first: int = 0

    def rows(self, begin: int, end: int) -> "Answer":
        """Those of some wants among them. The state stays whole, so that what shares it is gathered together."""
        some = slice(begin, end)
        return Answer(self.probabilities[some], self.going_on[some], self.state, self.first + begin)


class Search(Protocol):
    """A question to a language model that is answered step by step, so that many are asked side by side."""

    @property
    def asked(self) -> int:
        """How many wants there were last."""

    def wants(self) -> list[Want]:
        """What has to be read next; nothing when the search is over."""

    def take(self, answer: Answer) -> None:
        """Go on with the answer to the last wants."""


class _Prefix(NamedTuple):
    """The beginning of a word, and that the next word begins so, in these pieces, as a negative probability.

    number makes them all different: a heap compares no further.
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

    A word is the piece that begins it and all pieces that go on with it, up to a piece that begins
    another word, is punctuation, or ends the text; a mark of punctuation is a word too. A word that
    can be spelled in several ways gets the sum over those that are found. The search takes the
    likeliest beginnings first and stops when no unfinished one could still reach the list, or after
    MAX_ROUNDS: what is listed can be slightly too low.
    """

    def __init__(self, vocabulary: Vocabulary, probabilities: Tensor, state: State, row: int, listed: int, prefix: str):
        """probabilities (V,) of the next token, and the row of a state, are those after the text.

        With a prefix, the word begins with it, and probabilities are given that it does.
        """
        self._vocabulary, self._listed = vocabulary, listed
        self._wanted = lower(prefix, vocabulary.tokenizer.lowercase).encode("utf-8")
        self._words: dict[bytes, float] = defaultdict(float)
        self._open: list[_Prefix] = []  # a heap
        self._beginnings: list[tuple[float, int]] = []  # probability, and place among the pieces; the likeliest last
        self._numbers = itertools.count()
        self._asked: list[_Prefix] = []
        self._covered = 0.0
        self._rounds = 0
        self._after = (row, state)
        self._begin(probabilities)

    def wants(self) -> list[Want]:
        self._asked = []
        if self._rounds < MAX_ROUNDS:
            threshold, size = self._threshold(), min(ROUND_SIZE, self._listed + SPARE)
            while len(self._asked) < size and (prefix := self._likeliest(threshold)):
                self._asked.append(prefix)
        self._rounds += 1
        return [Want(prefix.state, prefix.row, prefix.token) for prefix in self._asked]

    @property
    def asked(self) -> int:
        return len(self._asked)

    def take(self, answer: Answer) -> None:
        """Close the words that end here, and open those that go on."""
        for prefix, going_on in zip(self._asked, answer.going_on.tolist(), strict=True):
            if prefix.word and prefix.word.startswith(self._wanted):
                self._words[prefix.word] += prefix.probability * max(1.0 - going_on, 0.0)
        shorter = [len(prefix.word) < len(self._wanted) for prefix in self._asked]
        if any(shorter):
            for row, prefix in enumerate(self._asked):
                if shorter[row]:
                    self._spell(prefix, answer, row)
        self._extend(answer, [row for row, short in enumerate(shorter) if not short])

    def result(self) -> "NextWords":
        """The likeliest words found."""
        total = self._covered if self._wanted else 1.0
        whole = ((text, value) for word, value in self._words.items() if value and (text := _decode(word)))
        ranked = heapq.nlargest(self._listed, whole, key=lambda item: (item[1], item[0]))
        return NextWords([(text, min(value / total, 1.0)) for text, value in ranked], total)

    def _likeliest(self, threshold: float) -> _Prefix | None:
        """Take out the likeliest unfinished word, a beginning or one that went on, if it is likelier than that."""
        if self._beginnings and (not self._open or self._beginnings[-1][0] > self._open[0].probability):
            value, place = self._beginnings[-1]
            if value <= threshold:
                return None
            self._beginnings.pop()
            word, token = self._vocabulary.begins[place]
            return _Prefix(-value, next(self._numbers), word, token, *self._after)
        return heapq.heappop(self._open) if self._open and self._open[0].probability > threshold else None

    def _threshold(self) -> float:
        """What an unfinished word must be likelier than to change the list."""
        listed = heapq.nlargest(self._listed, self._words.values())
        return max(listed[-1] if len(listed) == self._listed else 0.0, NEGLIGIBLE)

    def _begin(self, probabilities: Tensor) -> None:
        """Punctuation, which is whole at once; beginnings of words; and how much agrees with what is wanted."""
        vocabulary, wanted = self._vocabulary, self._wanted
        count = 4 * self._listed  # one mark can be several pieces
        for value, place in vocabulary.marks.likeliest(probabilities, wanted, count):
            word, _ = vocabulary.marks[place]
            if word.startswith(wanted):
                self._covered += value
                self._words[word] += value
        count = max(FEWEST_BEGINNINGS, count)
        self._beginnings = vocabulary.begins.likeliest(probabilities, wanted, count)[::-1]
        if wanted:
            whole = (value for value, place in self._beginnings if len(vocabulary.begins[place][0]) >= len(wanted))
            self._covered += sum(whole)

    def _spell(self, prefix: _Prefix, answer: Answer, row: int) -> None:
        """While what is wanted is not yet spelled, any piece may be the one that goes on with it."""
        values = answer.probabilities[row].tolist()
        for place in self._vocabulary.goes_on.agreeing(self._wanted[len(prefix.word) :]):
            piece, token = self._vocabulary.goes_on[place]
            probability = prefix.probability * values[token]
            if len(prefix.word) + len(piece) >= len(self._wanted):
                self._covered += probability
            self._push(prefix, token, probability, answer, row)

    def _extend(self, answer: Answer, rows: list[int]) -> None:
        """Open the continuations that are likely enough to matter."""
        if not rows:
            return
        likely = torch.tensor([self._asked[row].probability for row in rows], device=answer.probabilities.device)
        chosen = answer.probabilities if len(rows) == len(self._asked) else answer.probabilities[rows]
        enough = chosen > (self._threshold() / likely).unsqueeze(1)  # (R, V)
        enough &= self._vocabulary.goes_on_mask.to(enough.device)
        places, tokens = enough.nonzero(as_tuple=True)
        values = chosen[places, tokens] * likely[places]
        if len(values) > 4 * ROUND_SIZE:
            best = values.topk(4 * ROUND_SIZE).indices
            places, tokens, values = places[best], tokens[best], values[best]
        for place, token, value in zip(places.tolist(), tokens.tolist(), values.tolist(), strict=True):
            prefix = self._asked[rows[place]]
            self._push(prefix, token, value, answer, rows[place])

    def _push(self, prefix: _Prefix, token: int, probability: float, answer: Answer, row: int) -> None:
        word = prefix.word + self._vocabulary.surfaces[token]
        if len(prefix.word) <= MAX_WORD_BYTES and probability > NEGLIGIBLE:
            heapq.heappush(
                self._open, _Prefix(-probability, next(self._numbers), word, token, answer.first + row, answer.state)
            )


@dataclass(frozen=True)
class NextWords:
    """words with their probabilities, the likeliest first; total is the probability of the prefix."""

    words: list[tuple[str, float]]
    total: float


class SpellingSearch:
    """The probabilities of given words after a text, each in its usual spelling by pieces."""

    def __init__(
        self, vocabulary: Vocabulary, probabilities: Tensor, state: State, row: int, words: Sequence[str]
    ) -> None:
        """probabilities (V,) of the next token, and the row of a state, are those after the text."""
        self._vocabulary = vocabulary
        self.probabilities = [0.0] * len(words)
        self._open: list[tuple[int, list[int], Want]] = []  # place of the word, pieces still to read, what to read
        values = probabilities.tolist()
        for place, word in enumerate(words):
            ids = self._spelled(word)
            self.probabilities[place] = sum(values[index] for index in ids[:1]) if ids else self._mark(word, values)
            if ids:
                self._open.append((place, ids[1:], Want(state, row, ids[0])))

    def wants(self) -> list[Want]:
        return [want for _, _, want in self._open]

    @property
    def asked(self) -> int:
        return len(self._open)

    def take(self, answer: Answer) -> None:
        going_on = answer.going_on.tolist()
        following = []
        for row, (place, ids, _) in enumerate(self._open):
            if ids:
                self.probabilities[place] *= float(answer.probabilities[row, ids[0]])
                following.append((place, ids[1:], Want(answer.state, answer.first + row, ids[0])))
            else:
                self.probabilities[place] *= max(1.0 - going_on[row], 0.0)
        self._open = following

    def _spelled(self, word: str) -> list[int]:
        """The pieces of a word; none for punctuation, nor for what can't be spelled."""
        tokenizer = self._vocabulary.tokenizer
        wanted = lower(word, tokenizer.lowercase)
        ids = tokenizer.encode(word)
        return ids if is_letter(wanted[0]) and tokenizer.decode(ids) == wanted else []

    def _mark(self, word: str, values: list[float]) -> float:
        """Punctuation stands with or without a space before it."""
        wanted = lower(word, self._vocabulary.tokenizer.lowercase)
        if is_letter(wanted[0]):
            return 0.0
        agreeing = map(self._vocabulary.marks.__getitem__, self._vocabulary.marks.agreeing(wanted.encode()))
        return sum(values[index] for surface, index in agreeing if surface == wanted.encode())


def ask(
    runtime: LanguageRuntime, vocabulary: Vocabulary, wants: Sequence[Want], temperatures: Sequence[float] = ()
) -> Answer:
    """Read all wants in one step, whoever's they are; temperatures, a number each, are 1 where left out."""
    parts: list[State] = []
    begin = 0
    while begin < len(wants):  # runs of wants of one state are gathered together
        end = begin
        while end < len(wants) and wants[end].state is wants[begin].state:
            end += 1
        parts.append(wants[begin].state.rows(torch.tensor([want.row for want in wants[begin:end]])))
        begin = end
    logits, state = runtime.step(torch.tensor([want.token for want in wants]), join(parts))
    if any(temperature != 1 for temperature in temperatures):
        logits = logits / torch.tensor(temperatures, device=logits.device).unsqueeze(1)  # (R, V)
    probabilities = torch.softmax(logits, dim=1)
    going_on = row_sums(probabilities * vocabulary.goes_on_mask.to(probabilities.device))
    return Answer(probabilities, going_on, state)


def run(runtime: LanguageRuntime, vocabulary: Vocabulary, search: Search) -> None:
    """Ask until the search is over."""
    while wants := search.wants():
        search.take(ask(runtime, vocabulary, wants))


def _decode(word: bytes) -> str:
    """The word as text; nothing for bytes that break off inside a character."""
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        return ""

"""The next word where its first letters have been typed, perhaps with slips."""

from collections.abc import Iterator
from math import exp, inf

from torch import Tensor

from models.decoding.next_words import NEGLIGIBLE, RARE, Scores, WordSearch
from models.decoding.slips import EXPLAINED, Slips
from models.decoding.word_pieces import Pieces, Vocabulary, decode_word, is_letter, plain_bytes
from models.reductions import top
from models.runtime.state import State

STARTS = 1024
"""How many of the likeliest pieces that start a word are compared with what was typed, beside those that begin so."""
CONTINUATIONS = 64
"""The same of the pieces that continue a beginning, while not all that was typed is explained."""


class SlipSearch(WordSearch):
    """A WordSearch for P(word) P(typed | word), the second by `Slips`, relative to the sum of all that it has seen.

    Beginnings are weighted by what the letters say that they explain, and more for each of them (EXPLAINED): a long
    word that was typed without a slip would lie behind all those that may turn out to be short ones with a slip.
    """

    def __init__(
        self, vocabulary: Vocabulary, probabilities: Tensor, state: State, row: int, listed: int, slips: Slips
    ) -> None:
        """As of WordSearch; slips are those of the letters that were typed, at least one."""
        self._slips, self._gain = slips, exp(EXPLAINED * len(slips.letters))
        super().__init__(vocabulary, probabilities, state, row, listed, slips.letters)

    def update(self, scores: Scores) -> None:
        """Add the words that end here, and push the beginnings that continue."""
        final: list[int] = []
        others: list[int] = []
        for row, (prefix, continues) in enumerate(zip(self._queried, scores.continues.tolist(), strict=True)):
            alignment = self._slips.align(prefix.word)
            if prefix.word and (cost := self._slips.align(prefix.word, ended=True).done) < inf:
                whole = prefix.probability * exp(alignment.estimate - cost) * self._gain
                ended = whole * max(1.0 - continues, 0.0)
                words = self._words if self._vocabulary.is_known(prefix.word) else self._withheld
                words[prefix.word] += ended
                if not alignment.final:
                    self._prefix_probability += ended
            (final if alignment.final else others).append(row)
        self._explain(scores, others)
        self._extend(scores, final)

    def _threshold(self) -> float:
        """As without slips; and what is rare beside all that explains the letters is not looked for."""
        return max(super()._threshold(), RARE * self._total)

    def _begin(self, probabilities: Tensor) -> None:
        vocabulary = self._vocabulary
        for value, index in self._comparable(vocabulary.whole_words, probabilities):
            word, _ = vocabulary.whole_words[index]
            weight = value * exp(-self._slips.align(word, ended=True).done) * self._gain
            if weight > NEGLIGIBLE and is_letter(decode_word(word)[:1] or " "):
                self._words[word] += weight
                self._prefix_probability += weight
        for value, index in self._comparable(vocabulary.word_starts, probabilities):
            alignment = self._slips.align(vocabulary.word_starts[index][0])
            weight = value * exp(-alignment.estimate)
            if weight > NEGLIGIBLE:
                self._starts.append((weight, index))
                self._prefix_probability += weight * alignment.final
        self._starts.sort()

    def _comparable(self, pieces: Pieces, probabilities: Tensor) -> Iterator[tuple[float, int]]:
        """Probabilities and indices of pieces: those that begin as typed, then the likeliest that are not too rare."""
        values = probabilities.tolist()
        known = frozenset(self._as_typed(pieces, b""))
        yield from sorted(((values[pieces[index][1]], index) for index in known), reverse=True)
        for value, index in pieces.likeliest(probabilities, b"", STARTS):
            if value * self._gain <= RARE * self._prefix_probability:
                return
            if index not in known:
                yield value, index

    def _as_typed(self, pieces: Pieces, begun: bytes) -> Iterator[int]:
        """The indices of pieces that go on as typed where a word has begun; of a whole one, with or without marks.

        Of the beginning of a word the search reads those with marks in the order of what they may turn out to be.
        """
        whole = self._slips.whole
        typed, begun = (plain_bytes(word) if whole else word for word in (self._target, begun))
        if len(begun) < len(typed) and typed.startswith(begun):
            rest = typed[len(begun) :]
            yield from (pieces.plain[at][1] for at in pieces.plain.matching(rest)) if whole else pieces.matching(rest)

    def _explain(self, scores: Scores, rows: list[int]) -> None:
        """Push continuations of beginnings that have not explained all that was typed."""
        if not rows:
            return
        pieces = self._vocabulary.continuations
        probabilities = scores.probabilities[rows] * self._vocabulary.continuation_mask.to(scores.probabilities.device)
        likeliest = [values.tolist() for values in top(probabilities, CONTINUATIONS)]
        for index, (row, values, tokens) in enumerate(zip(rows, *likeliest, strict=True)):
            prefix = self._queried[row]
            probability = prefix.probability * exp(self._slips.align(prefix.word).estimate)  # without what was typed
            least = RARE * self._prefix_probability / (probability * self._gain)
            found = {token: value for token, value in zip(tokens, values, strict=True) if value > least}
            if exact := [pieces[at][1] for at in self._as_typed(pieces, prefix.word)]:  # counts however unlikely
                found |= dict(zip(exact, probabilities[index, exact].tolist(), strict=True))
            for token, value in found.items():
                alignment = self._slips.align(prefix.word + self._vocabulary.surfaces[token])
                weight = probability * value * exp(-alignment.estimate)
                if weight > NEGLIGIBLE:
                    self._push(prefix, token, weight, scores, row)
                    self._prefix_probability += weight * alignment.final

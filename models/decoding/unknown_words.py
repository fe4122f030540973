"""Unknown words of a source, put into its translation by alignment.

A vocabulary of pieces can spell any name, but a search may drop, change or repeat pieces of one that the model has
never read ("Yıldırmoğlu" for "Yıldırımoğlu"). So a word with a capital that the training text does not have is copied
into the place of the target word that attends to its pieces most (Luong et al. 2015, arXiv:1410.8206; Jean et al.
2015, arXiv:1412.2007). What follows an apostrophe stays the translation's: a suffix belongs to its language.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.decoding.spelled_words import Word, is_similar, spelled_words
from models.text.known_words import KnownWords
from models.text.tokenizers import Tokenizer

GARBLED, ALIKE = 0.7, 0.4
"""How similar a target word must be to a name to count as a garbled form of it: one that the training text has (Marcel
for Marcelo), and one that it has not."""


class UnknownWords:
    """Replaces garbled names in the translations of one direction."""

    def __init__(self, tokenizer: Tokenizer, known: KnownWords, source: str, target: str) -> None:
        """known has the words of the training text of both languages, source and target."""
        self._tokenizer = tokenizer
        self._has_suffixes = source == "tr"
        self._known = {"source": known.of_language(source), "target": known.of_language(target)}

    def any_in(self, source: Sequence[int]) -> bool:
        """Whether a source, its ids with the language's token and the end's, has such a word."""
        return any(self._is_name(word) for word in spelled_words(source[1:-1], self._tokenizer)[1])

    def replace(self, source: Sequence[int], ids: Sequence[int], attention: Tensor) -> str:
        """The text of a hypothesis, ids, for a source, with the unknown words of the source in it.

        source has the language's token and the end's; attention (T, S) has a row for each of ids, and may have the
        end's. Where no target word fits, nothing is replaced.
        """
        _, words = spelled_words(source[1:-1], self._tokenizer)
        if not any(map(self._is_name, words)):
            return self._tokenizer.decode(ids)
        text, targets = spelled_words(ids, self._tokenizer)
        inner = attention[: len(ids), 1 : len(source) - 1].cpu()
        weights = _membership(targets, len(ids)) @ inner @ _membership(words, len(source) - 2).T
        alignment = _Alignment(words, targets, weights.tolist())
        alignment.keep([self._is_name(word) for word in words])
        for index in alignment.missing():
            self._align(alignment, index)
        for index in alignment.missing():
            alignment.join(index)
        return alignment.render(text).encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")

    def _is_name(self, word: Word) -> bool:
        return word.has_capital and word.text not in self._known["source"]

    def _align(self, alignment: "_Alignment", index: int) -> None:
        """Align a name with the words that attend to it more than to any other."""
        word = alignment.words[index]
        name, first = word.text, index == 0 and not word.suffix
        fitting = [at for at in alignment.attending(index) if self._fits(alignment.targets[at], name, first)]
        alignment.align(index, fitting)

    def _fits(self, target: Word, name: str, first: bool) -> bool:
        """Whether a target word may be a garbled form of a name; first says whether a sentence begins with the name.

        The capital of a sentence's first word says nothing, nor do those of words that the training text has.
        """
        if first and self._has_suffixes and _is_stem(target.text, name):
            return False
        if target.text in self._known["target"]:
            return target.has_capital and is_similar(target.text, name, GARBLED)
        return (target.has_capital and not first) or is_similar(target.text, name, ALIKE)


def _is_stem(target: str, word: str) -> bool:
    """Whether a word of a language that adds suffixes is the target word, singular or plural, and suffixes."""
    return word.startswith((target, target.removesuffix("s")))


def _membership(words: Sequence[Word], tokens: int) -> Tensor:
    """(words, tokens): 1 where a token spells a word."""
    matrix = torch.zeros(len(words), tokens)
    for index, word in enumerate(words):
        matrix[index, list(word.tokens)] = 1.0
    return matrix


@dataclass
class _Alignment:
    """The words of a source and of a hypothesis, and weights (targets, words): how much one attends to the other."""

    words: Sequence[Word]
    targets: Sequence[Word]
    weights: Sequence[Sequence[float]]
    names: list[int] = field(default_factory=list)
    """The indices of the words that must be kept."""
    aligned: dict[int, list[int]] = field(default_factory=dict)
    """Of each of them that is kept or aligned, the indices of its target words."""
    kept: set[int] = field(default_factory=set)
    """Target words that are names of the source already."""
    joined: dict[int, list[int]] = field(default_factory=dict)
    """For a target word, the names that are put into it together, by their indices."""

    def keep(self, is_name: Sequence[bool]) -> None:
        """Find the names that the hypothesis has."""
        self.names = [index for index, name in enumerate(is_name) if name]
        for index in self.names:
            same = [
                at for at, target in enumerate(self.targets)
                if target.text == self.words[index].text and at not in self.kept
            ]  # fmt: skip
            if same:
                at = max(same, key=lambda at: self.weights[at][index])
                self.kept.add(at)
                self.aligned[index] = [at]

    def missing(self) -> list[int]:
        return [index for index in self.names if index not in self.aligned]

    def attending(self, index: int) -> list[int]:
        """The free target words that attend to a word more than to any other that is not aligned yet."""
        taken = {at for aligned in self.aligned.values() for at in aligned}
        others = [other for other in range(len(self.words)) if other not in self.aligned]
        return [
            at for at, row in enumerate(self.weights)
            if at not in taken and row[index] > 0.0 and row[index] == max(row[other] for other in others)
        ]  # fmt: skip

    def align(self, index: int, fitting: Sequence[int]) -> None:
        """Put a name into the one of some target words that attends to it most, and its neighbours among them."""
        if not fitting:
            return
        best = max(fitting, key=lambda at: self.weights[at][index])
        first = last = best
        while first - 1 in fitting and self.targets[first - 1].is_next(self.targets[first]):
            first -= 1
        while last + 1 in fitting and self.targets[last].is_next(self.targets[last + 1]):
            last += 1
        self.aligned[index] = list(range(first, last + 1))
        self.joined[first] = [index]

    def join(self, index: int) -> None:
        """Put a name beside the one that stands next to it in the source, if both went into one target word.

        Or if the name was dropped: no target word attends to it most. The first word of a sentence may be no name.
        """
        best = max(range(len(self.targets)), key=lambda at: self.weights[at][index], default=-1)
        dropped = index > 0 and not any(row[index] == max(row) for row in self.weights)
        for other in (index - 1, index + 1):
            aligned = self.aligned.get(other, [])
            left, right = sorted((index, other))
            if not aligned or not (dropped or best in aligned):
                continue
            if not self.words[left].suffix and self.words[left].is_next(self.words[right]):
                self.joined[aligned[0]] = sorted([*self.joined.get(aligned[0], [other]), index])
                self.aligned[index] = aligned
                return

    def render(self, text: str) -> str:
        """The text of the hypothesis with the names in it."""
        pieces: list[str] = []
        position = 0
        for first in sorted(self.joined):
            aligned = self.aligned[self.joined[first][0]]
            names = " ".join(self.words[index].text for index in self.joined[first])
            pieces += [text[position : self.targets[first].start], names, self.targets[aligned[-1]].suffix]
            position = self.targets[aligned[-1]].end
        return "".join([*pieces, text[position:]])

"""Texts as vectors, the way a first lecture has it: a vocabulary, one-hot vectors, bags of words."""

from collections.abc import Iterable, Sequence

from models.text.tokenizers.base import lower


def split_words(text: str, lowercase: str = "") -> list[str]:
    """The words between white space, in lower letters as a language (en, tr) has them where it is named."""
    return lower(text, lowercase).split()


def vocabulary_of(texts: Iterable[Sequence[str]]) -> list[str]:
    """The different words of texts, in the order in which they first appear."""
    return list(dict.fromkeys(word for text in texts for word in text))


def one_hot(indices: Sequence[int], size: int) -> list[list[int]]:
    """A vector of `size` numbers for each index: 1 there, 0 elsewhere."""
    return [[int(place == index) for place in range(size)] for index in indices]


def bag(indices: Sequence[int], size: int) -> list[int]:
    """How often each index is there: the sum of the one-hot vectors."""
    counts = [0] * size
    for index in indices:
        counts[index] += 1
    return counts

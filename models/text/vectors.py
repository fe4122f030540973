"""Texts as vectors, the introductory way: a vocabulary, one-hot vectors, bags of words."""

from collections.abc import Iterable, Sequence

from models.text.tokenizers.base import lower


def split_words(text: str, lowercase: str = "") -> list[str]:
    """The words between white space; lowercase is a language (en, tr) by whose rules they are lowered, or empty."""
    return lower(text, lowercase).split()


def vocabulary_of(texts: Iterable[Sequence[str]]) -> list[str]:
    """The distinct words of texts, in the order of their first appearance."""
    return list(dict.fromkeys(word for text in texts for word in text))


def one_hot(indices: Sequence[int], size: int) -> list[list[int]]:
    """A vector of `size` numbers for each index: 1 there, 0 elsewhere."""
    return [[int(column == index) for column in range(size)] for index in indices]


def bag_of_words(indices: Sequence[int], size: int) -> list[int]:
    """How often each index occurs: the sum of the one-hot vectors."""
    counts = [0] * size
    for index in indices:
        counts[index] += 1
    return counts

"""The words of a training text, counted for the filter that its checkpoint keeps."""

from collections import Counter
from collections.abc import Iterable, Sequence

from models.text.known_words import KnownWords, parts
from models.text.tokenizers import Tokenizer, lower

MAX_COUNTED = 4_000_000
"""Distinct words. Beyond, those seen once are dropped, so that memory does not grow with the text."""
MAX_UNKNOWN = 0.05
"""A filter to which more of the words of the validation text are unknown is not kept: the training text is too small to
tell which words exist, or its language is written without spaces."""


class WordCounts:
    """Counts the words of texts, and with stems what stands before their apostrophes: Tom where a text has "Tom'un"."""

    def __init__(self, tokenizer: Tokenizer, stems: bool = False) -> None:
        self._tokenizer, self._stems, self._limit = tokenizer, stems, MAX_COUNTED
        self._counts: Counter[str] = Counter()

    def add(self, text: str) -> None:
        words = list(words_of(text, self._tokenizer))
        self._counts.update(words)
        if self._stems:
            self._counts.update(word.partition("'")[0] for word in words if "'" in word)
        if len(self._counts) > self._limit:
            self._counts = Counter({word: count for word, count in self._counts.items() if count > 1})
            self._limit = max(self._limit, 2 * len(self._counts))

    def known(self, language: str) -> KnownWords:
        """The filter of all words that were counted."""
        return KnownWords.of(self._counts, language)


def words_of(text: str, tokenizer: Tokenizer) -> Iterable[str]:
    """The words of a text as the model reads it."""
    return parts(lower(tokenizer.normalize(text), tokenizer.lowercase))


def unknown_share(
    known: KnownWords, rows: Iterable[Sequence[str]], languages: Sequence[str], tokenizer: Tokenizer
) -> float | None:
    """How many of the words of some rows are unknown, from 0 to 1; None where they have no words.

    languages are those of a row's texts; what a row has beyond them is none.
    """
    known_by_language = [known.of_language(language) for language in languages]
    counts = Counter(
        word in known
        for row in rows
        for text, known in zip(row, known_by_language, strict=False)
        for word in words_of(text, tokenizer)
    )
    return counts[False] / counts.total() if counts else None


def has_spelled_words(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer spells words by pieces. Others have only words of their training text."""
    return tokenizer.kind == "subword"

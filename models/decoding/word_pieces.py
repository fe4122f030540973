"""A tokenizer's pieces as parts of words, and what a word is."""

import unicodedata
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from functools import cache, cached_property

import torch
from torch import Tensor

from models.reductions import top
from models.text.tokenizers import Tokenizer


class Vocabulary:
    """A tokenizer's pieces by what they do to a word: start it, continue it, or be one as they are.

    word_starts are the pieces that begin a word, continuations those that continue the word before them, and
    whole_words those after which the word is complete: punctuation, and every word of a tokenizer of whole words.
    """

    def __init__(self, tokenizer: Tokenizer, known: Container[str] | None = None) -> None:
        """known are the words that may be listed; None: all that the pieces can spell."""
        self.tokenizer, self.known = tokenizer, known
        self.surfaces = [tokenizer.surface(token) for token in range(tokenizer.size)]
        continues = [continues_word(surface) for surface in self.surfaces]
        self.continuations = Pieces((surface, token) for token, surface in enumerate(self.surfaces) if continues[token])
        end = tokenizer.end_id
        starts = [token for token, value in enumerate(continues) if not value and token != end]
        words = {token: self.surfaces[token].removeprefix(b" ") for token in starts}
        has_parts = any(continues)  # else every word is whole
        whole = {token for token in starts if words[token] and not (has_parts and _is_word(self.surfaces[token]))}
        self.whole_words = Pieces((words[token], token) for token in whole)
        self.word_starts = Pieces((words[token], token) for token in starts if token not in whole)
        self.continuation_mask = torch.tensor(continues)  # (V,) bool

    def is_known(self, word: bytes) -> bool:
        """Whether a word, in UTF-8, may be listed."""
        return self.known is None or decode_word(word) in self.known


class Pieces:
    """Pieces sorted by their spelling, so that those with a prefix are found by bisection."""

    def __init__(self, pieces: Iterable[tuple[bytes, int]]) -> None:
        self._sorted = sorted(pieces)
        self._spellings = [spelling for spelling, _ in self._sorted]
        self.ids = torch.tensor([token for _, token in self._sorted], dtype=torch.int64)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        """The spelling and id of the piece at an index."""
        return self._sorted[index]

    @cached_property
    def plain(self) -> "Pieces":
        """Spellings without capitals and marks, each with the index of its piece."""
        return Pieces((plain_bytes(spelling), index) for index, spelling in enumerate(self._spellings))

    def matching(self, prefix: bytes) -> Iterator[int]:
        """The indices of the pieces that begin with a prefix, and of those that it begins with."""
        for length in range(len(prefix)):
            yield from self._spelled(prefix[:length])
        index = bisect_left(self._spellings, prefix)
        while index < len(self._spellings) and self._spellings[index].startswith(prefix):
            yield index
            index += 1

    def likeliest(self, probabilities: Tensor, prefix: bytes, count: int) -> list[tuple[float, int]]:
        """Probabilities, of (V,), and indices of pieces, the likeliest first: all that match a prefix, or, without a
        prefix, `count` of all."""
        if prefix:
            values = probabilities.tolist()
            return sorted(((values[self._sorted[index][1]], index) for index in self.matching(prefix)), reverse=True)
        if not self._sorted:
            return []
        best, indices = top(
            probabilities.index_select(0, self.ids.to(probabilities.device)).unsqueeze(0), min(count, len(self._sorted))
        )
        return list(zip(best[0].tolist(), indices[0].tolist(), strict=True))

    def _spelled(self, spelling: bytes) -> Iterator[int]:
        index = bisect_left(self._spellings, spelling)
        while index < len(self._spellings) and self._spellings[index] == spelling:
            yield index
            index += 1


def split_partial(text: str) -> tuple[str, str]:
    """Cut a text before the unfinished word that it ends in: the text before, and the word's letters so far."""
    end = len(text)
    while end and is_letter(text[end - 1]):
        end -= 1
    return text[:end], text[end:]


def is_single_word(text: str) -> bool:
    """Whether a text is one word, or only punctuation."""
    letters = [is_letter(char) for char in text]
    return bool(text) and (all(letters) or not any(letters)) and not any(char.isspace() for char in text)


def decode_word(word: bytes) -> str:
    """The word as text; empty for bytes that break off inside a character."""
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def plain(letter: str) -> str:
    """A letter in lower case, without its marks: s for ş, and i for ı and İ."""
    return unicodedata.normalize("NFKD", letter)[0].lower().replace("ı", "i")


def plain_bytes(word: bytes) -> bytes:
    """A word in plain letters; bytes that break off inside a character stay as they are."""
    return "".join(map(plain, decode_word(word))).encode("utf-8") or word


def is_letter(char: str) -> bool:
    return char.isalnum() or char in "'’-"


def _is_word(surface: bytes) -> bool:
    """Whether a piece is (part of) a word rather than punctuation, white space or nothing."""
    text = surface.removeprefix(b" ").decode("utf-8", errors="replace")
    return bool(text) and (is_letter(text[0]) or text[0] == "\ufffd")


def continues_word(surface: bytes) -> bool:
    """Whether a piece continues the word before it."""
    return bool(surface) and not surface.startswith(b" ") and _is_word(surface)

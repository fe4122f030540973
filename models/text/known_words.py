"""The words of a training text, as a Bloom filter (Bloom 1970).

A vocabulary of pieces can spell words that no text has ("veryaked"): a list of next words has only known ones.
The filter says of every word of the training text that it is known, and of about 1% of all others too.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache

import numpy as np

from models.errors import ModelError
from models.json_text import dumps
from models.text.tokenizers.base import lower

FORMAT = 1
BITS_PER_WORD = 10
HASHES = 7
"""The best number for 10 bits a word: 0.8% of unknown words are taken for known ones."""
CACHED = 65_536
MAX_HASHES = 64
MAX_HEADER = 1_000
_PART = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_DIGIT = re.compile(r"\d")


def parts(text: str) -> Iterator[str]:
    """The words of a normalized text as a filter keeps them.

    Hyphens, and apostrophes at the ends, are between words here, because words are freely joined by hyphens. What has
    no letter is left out, and every digit is a 0: numbers are always known.
    """
    for part in _PART.findall(text):
        if any(map(str.isalpha, part)):
            yield _DIGIT.sub("0", part.replace("\u2019", "'"))


class KnownWords:
    """A set of words in a few bits each."""

    def __init__(self, bits: bytes, hashes: int, count: int, language: str) -> None:
        """bits, 8 a byte; count is the number of words in it, language the one by which capitals are lowered."""
        self._bits, self._hashes, self.count, self.language = bits, hashes, count, language
        self._is_known = lru_cache(CACHED)(self._look_up)

    @classmethod
    def of(cls, words: Collection[str], language: str) -> "KnownWords":
        """The filter of distinct words, each as `parts` gives it; the same bits whatever their order."""
        size = max(1, -(-len(words) * BITS_PER_WORD // 8))
        bits = np.zeros(size * 8, np.uint8)
        for word in words:
            bits[_positions(word, HASHES, size * 8)] = 1
        return cls(np.packbits(bits, bitorder="little").tobytes(), HASHES, len(words), language)

    def __contains__(self, word: object) -> bool:
        """Whether all parts of a word are in the filter; of one with a capital, in lower case or capitalised will do.

        Text without a letter is known.
        """
        return isinstance(word, str) and self._is_known(word)

    def of_language(self, language: str) -> "KnownWords":
        """The same words, whose capitals are lowered as another language does."""
        return KnownWords(self._bits, self._hashes, self.count, language)

    def to_bytes(self) -> bytes:
        """A line of JSON, and the bits."""
        header = {"format": FORMAT, "hashes": self._hashes, "words": self.count, "language": self.language}
        return dumps(header).encode("utf-8") + b"\n" + self._bits

    @classmethod
    def from_bytes(cls, content: bytes) -> "KnownWords":
        """Raise ModelError unless content is what `to_bytes` gives."""
        header, newline, bits = content.partition(b"\n")
        try:
            about = json.loads(header[:MAX_HEADER])
            known = cls(bits, int(about["hashes"]), int(about["words"]), str(about["language"]))
            whole = about["format"] == FORMAT and newline and bits and 0 < known._hashes <= MAX_HASHES
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise ModelError("not a filter of words that this version reads")
        return known

    def _look_up(self, word: str) -> bool:
        return all(any(map(self._has, self._forms(part))) for part in parts(word))

    def _forms(self, part: str) -> Iterator[str]:
        yield part
        if part != (low := lower(part, self.language)):
            yield low
            yield part[0] + low[1:]

    def _has(self, part: str) -> bool:
        return all(self._bits[at >> 3] >> (at & 7) & 1 for at in _positions(part, self._hashes, len(self._bits) * 8))


def _positions(word: str, hashes: int, size: int) -> list[int]:
    """The bits of a word, from two hashes (Kirsch and Mitzenmacher 2006), the same on every machine."""
    digest = hashlib.blake2b(word.encode("utf-8"), digest_size=16).digest()
    first, second = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little") | 1
    return [(first + index * second) % size for index in range(hashes)]

"""Whole words: between white space, as in Mikolov's Penn Treebank, or with each punctuation mark apart."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Self

from models.errors import TokenizerError
from models.text.normalization import QUOTES, align, normalize
from models.text.tokenizers.base import Token, checked, lower

MAX_COUNTED = 4_000_000  # distinct words


class WordTokenizer:
    """Words between white space; a word outside the vocabulary is `<unk>`. Lossy."""

    kind = "word"
    unit = "words"
    END, UNKNOWN = "</s>", "<unk>"
    _TOKEN = re.compile(r"\S+")
    symbol_ids: tuple[int, ...] = ()

    def __init__(self, words: Sequence[str], lowercase: str = "", emoji: str = "") -> None:
        """Raise TokenizerError unless words are distinct and start with the end token and `<unk>`."""
        if list(words[:2]) != [self.END, self.UNKNOWN] or len(set(words)) != len(words):
            raise TokenizerError(f"a word list begins with {self.END} and {self.UNKNOWN} and repeats nothing")
        self.lowercase, self.emoji = lowercase, emoji
        self._words = list(words)
        self._straight = not any(quote in word for word in words for quote in QUOTES)
        self._ids = {word: index for index, word in enumerate(words)}

    @classmethod
    def train(cls, texts: Iterable[str], size: int, lowercase: str = "", emoji: str = "") -> Self:
        """Keep the most frequent words of texts, up to `size` ids in all."""
        counts: Counter[str] = Counter()
        limit = MAX_COUNTED
        for text in texts:
            counts.update(cls.split(lower(normalize(text, emoji=emoji), lowercase)))
            if len(counts) > limit:  # words seen once are dropped, so that memory does not grow with the text
                counts = Counter({word: count for word, count in counts.items() if count > 1})
                limit = max(limit, 2 * len(counts))
        for special in (cls.END, cls.UNKNOWN):
            counts.pop(special, None)
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[: size - 2]
        return cls([cls.END, cls.UNKNOWN, *frequent], lowercase, emoji)

    @classmethod
    def from_bytes(cls, content: bytes, lowercase: str = "", emoji: str = "") -> Self:
        """Raise TokenizerError unless content is a JSON list of words."""
        try:
            words = json.loads(content)
        except ValueError as error:
            raise TokenizerError(f"not a JSON word list: {error}") from None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise TokenizerError("not a JSON list of words")
        return cls(words, lowercase, emoji)

    @classmethod
    def split(cls, text: str) -> list[str]:
        """The words of a text, known or not."""
        return cls._TOKEN.findall(text)

    @property
    def size(self) -> int:
        return len(self._words)

    @property
    def end_id(self) -> int:
        return 0

    def normalize(self, text: str) -> str:
        return normalize(text, self._straight, self.emoji)

    def encode(self, text: str) -> list[int]:
        return [
            self._ids.get(word, 1) or 1 for word in self.split(lower(self.normalize(checked(text)), self.lowercase))
        ]  # no text has an end

    def encode_continuation(self, text: str) -> list[int]:
        return self.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(self._words[index] for index in ids if index != self.end_id)

    def decode_continuation(self, ids: Sequence[int]) -> str:
        text = self.decode(ids)
        return " " + text if text else ""

    def tokens(self, text: str) -> list[Token]:
        normalized = align(text, self._straight, self.emoji)
        spans = (normalized.span(*match.span()) for match in self._TOKEN.finditer(normalized.text))
        return [
            Token(index, text[start:end], start, end)
            for index, (start, end) in zip(self.encode(text), spans, strict=True)
        ]

    def surface(self, token_id: int) -> bytes:
        return b"" if token_id == self.end_id else (" " + self._words[token_id]).encode("utf-8")

    def unknown(self, ids: Sequence[int]) -> int:
        return sum(index == 1 for index in ids)

    def to_bytes(self) -> bytes:
        return json.dumps(self._words, ensure_ascii=False, indent=0, allow_nan=False).encode("utf-8")


class WordPunctTokenizer(WordTokenizer):
    """Words, and each punctuation mark as a word of its own: "don't stop, Tom!" is don't, stop, a comma, Tom, a mark.

    Decoding writes closing marks without a space before them, and all else with one.
    """

    kind = "wordpunct"
    _TOKEN = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")
    _CLOSING = frozenset(".,;:!?)]}%\u2026")

    def decode(self, ids: Sequence[int]) -> str:
        return self.decode_continuation(ids).removeprefix(" ")

    def decode_continuation(self, ids: Sequence[int]) -> str:
        return b"".join(map(self.surface, ids)).decode("utf-8")

    def surface(self, token_id: int) -> bytes:
        word = self._words[token_id]
        return word.encode("utf-8") if word in self._CLOSING else super().surface(token_id)

"""Text to ids and back.

Two tokenizers behind one interface: `SubwordTokenizer` (SentencePiece, Kudo and Richardson 2018,
arXiv:1808.06226) loses nothing and has no unknown words; `WordTokenizer` (words between white
space, as in Mikolov's Penn Treebank) has a closed vocabulary and `<unk>`.
"""

import io
import json
import re
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Protocol

import sentencepiece

from models.errors import TokenizerError

SPACE = "\u2581"  # how SentencePiece writes a space; a real U+2581 in a text is spelled in bytes
CACHED_WORDS = 65_536
_WORD = re.compile(" [^ ]*|[^ ]+")
LONGEST_LINE_BYTES = 65_536  # SentencePiece skips longer lines when it learns a vocabulary
LONGEST_LINE = LONGEST_LINE_BYTES // 4 - 1  # in characters: so many and a space always fit
MOST_COUNTED = 4_000_000  # different words
SAMPLED_CHARACTERS = (
    40_000_000  # of text, at most, that a vocabulary is learned from: SentencePiece wants 20 bytes for each
)


@dataclass(frozen=True)
class Token:
    """A piece of a text: text[start:end] in characters.

    A character outside the vocabulary is several tokens, one a byte: they share its span.
    """

    id: int
    text: str
    start: int
    end: int


class Tokenizer(Protocol):
    """What models, trainer and service need of a tokenizer."""

    kind: str
    lowercase: str  # "" (case kept), "en" or "tr": how letters are lowered before encoding
    unit: str  # what it knows or doesn't: characters or words

    @property
    def size(self) -> int:
        """V, the number of ids."""

    @property
    def end_id(self) -> int:
        """The id that ends a document, and that stands before the first one."""

    def encode(self, text: str) -> list[int]:
        """Raise TokenizerError for a text with a lone surrogate, which is no text."""

    def encode_continuation(self, text: str) -> list[int]:
        """The ids of a text that follows another: no space is put before it.

        encode(text) is encode_continuation(" " + text), and a text may be cut before any of its spaces.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids from its beginning; bytes that are not UTF-8 become U+FFFD."""

    def decode_continuation(self, ids: Sequence[int]) -> str:
        """The text of ids that follow other ids: a space at its beginning is kept."""

    def tokens(self, text: str) -> list[Token]:
        """Encode, with each token's span in the text."""

    def surface(self, token_id: int) -> bytes:
        """What a token adds to a running text, in UTF-8; nothing for the end."""

    def unknown(self, ids: Sequence[int]) -> int:
        """How many of the units that ids stand for the vocabulary has not."""

    def to_bytes(self) -> bytes:
        """The tokenizer as the content of its file."""


def lower(text: str, language: str) -> str:
    """Lower letters one for one, so that character positions stay; Turkish has its own I and İ."""
    if not language:
        return text
    if language == "tr":
        text = text.replace("I", "ı").replace("İ", "i")
    if "İ" not in text and "Σ" not in text:  # the two whose lower letters depend on more than themselves
        return text.lower()
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def checked(text: str) -> str:
    """Return the text, or raise TokenizerError where it can't be written as UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TokenizerError(f"character {error.start} is a lone surrogate, not a character") from None
    return text


class SubwordTokenizer:
    """SentencePiece unigram pieces with byte fallback: encode, then decode, gives the text again.

    The model file is used as a plain vocabulary: text enters unnormalized with one space put
    before it (so that a word has the same piece at the start of a text as inside it), and decoding
    is done here, byte by byte. Case is kept unless the tokenizer was made with `lowercase`.
    """

    kind = "subword"
    unit = "characters"

    def __init__(self, model: bytes, lowercase: str = "") -> None:
        """Raise TokenizerError unless model is a SentencePiece model with byte fallback."""
        self.lowercase = lowercase
        self._model = model
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, TypeError) as error:
            raise TokenizerError(f"not a SentencePiece model: {error}") from None
        count = self._pieces.get_piece_size()
        self._byte_id = {self._pieces.piece_to_id(f"<0x{value:02X}>"): value for value in range(256)}
        if len(self._byte_id) != 256:
            raise TokenizerError("the SentencePiece model has no byte fallback")
        self._surfaces = [self._spell(index) for index in range(count)]
        self._encode_word = lru_cache(CACHED_WORDS)(self._pieces_of)
        self._first_bytes = {index for index, value in self._byte_id.items() if not 0x80 <= value < 0xC0}

    def __reduce__(self) -> tuple[type["SubwordTokenizer"], tuple[bytes, str]]:
        """It travels between processes without its cache."""
        return type(self), (self._model, self.lowercase)

    @classmethod
    def train(cls, texts: Iterable[str], size: int, lowercase: str = "") -> "SubwordTokenizer":
        """Learn `size` pieces from texts, or from an even sample of them where they are long.

        Raises TokenizerError where they have too few different ones.
        """
        output = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(_thinned(_lines(lower(text, lowercase) for text in texts), SAMPLED_CHARACTERS)),
                model_writer=output,
                vocab_size=size,
                model_type="unigram",
                byte_fallback=True,
                normalization_rule_name="identity",
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                split_digits=True,
                character_coverage=0.9999,
                input_sentence_size=400_000,
                shuffle_input_sentence=True,
                max_sentence_length=LONGEST_LINE_BYTES,
                num_threads=1,  # the same pieces each time
                pad_id=-1,
                bos_id=-1,
                unk_id=1,
                eos_id=0,
                hard_vocab_limit=False,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise TokenizerError(f"no vocabulary of {size} pieces can be learned: {error}") from None
        return cls(output.getvalue(), lowercase)

    @property
    def size(self) -> int:
        return len(self._surfaces)

    @property
    def end_id(self) -> int:
        return int(self._pieces.eos_id())

    def encode(self, text: str) -> list[int]:
        return self._encode(lower(" " + checked(text), self.lowercase)) if text else []

    def encode_continuation(self, text: str) -> list[int]:
        return self._encode(lower(checked(text), self.lowercase))

    def decode(self, ids: Sequence[int]) -> str:
        return self.decode_continuation(ids).removeprefix(" ")

    def decode_continuation(self, ids: Sequence[int]) -> str:
        return b"".join(self._surfaces[index] for index in ids).decode("utf-8", errors="replace")

    def tokens(self, text: str) -> list[Token]:
        ids = self.encode(text)
        spaced = lower(" " + text, self.lowercase)
        # the byte at which each character begins, and at which the last one ends
        begins = list(accumulate((len(char.encode("utf-8")) for char in spaced), initial=0))
        tokens, position = [], 0
        for index in ids:
            end_byte = position + len(self._surfaces[index])
            start = max(bisect_right(begins, position) - 2, 0)  # less the space put before
            end = bisect_right(begins, end_byte - 1) - 1
            tokens.append(Token(index, text[start:end], start, end))
            position = end_byte
        return tokens

    def surface(self, token_id: int) -> bytes:
        return self._surfaces[token_id]

    def unknown(self, ids: Sequence[int]) -> int:
        return sum(index in self._first_bytes for index in ids)

    def to_bytes(self) -> bytes:
        return self._model

    def words(self, ids: Sequence[int]) -> list[tuple[int, ...]]:
        """Cut ids before each piece that begins with a space, where any segmentation of a text has a cut too."""
        cuts = [place for place, index in enumerate(ids) if place and self._surfaces[index].startswith(b" ")]
        return [tuple(ids[begin:end]) for begin, end in pairwise([0, *cuts, len(ids)])]

    def segmentations(self, word: tuple[int, ...], count: int) -> list[tuple[tuple[int, ...], float]]:
        """The likeliest ways to write a word of `words`, `count` at most, with their log-probabilities.

        Itself alone, where it has bytes.
        """
        if any(index in self._byte_id for index in word):
            return [(word, 0.0)]
        found = self._pieces.nbest_encode(self.decode_continuation(word), nbest_size=count)
        return [(tuple(ids), sum(self._pieces.get_score(index) for index in ids)) for ids in found]

    def _encode(self, text: str) -> list[int]:
        """A word at a time, each with the space before it: SentencePiece adds up its scores over a whole string in
        single precision, so that at a near tie a word's pieces would depend on how much stands before it."""
        return [index for word in _WORD.findall(text) for index in self._encode_word(word)]

    def _pieces_of(self, word: str) -> tuple[int, ...]:
        ids: list[int] = []
        # SentencePiece ends a string at NUL and reads U+2581 as a space: both are spelled in bytes.
        for part in re.split(f"([\0{SPACE}])", word):
            if part in ("\0", SPACE):
                ids.extend(self._pieces.piece_to_id(f"<0x{value:02X}>") for value in part.encode("utf-8"))
            elif part:
                ids.extend(self._pieces.encode(part))
        return tuple(ids)

    def _spell(self, index: int) -> bytes:
        if index in self._byte_id:
            return bytes([self._byte_id[index]])
        if self._pieces.is_control(index) or self._pieces.is_unknown(index):
            return b""
        return str(self._pieces.id_to_piece(index)).replace(SPACE, " ").encode("utf-8")


class WordTokenizer:
    """Words between white space; a word outside the vocabulary is `<unk>`. Not reversible."""

    kind = "word"
    unit = "words"
    END, UNKNOWN = "</s>", "<unk>"

    def __init__(self, words: Sequence[str], lowercase: str = "") -> None:
        """Raise TokenizerError unless words start with the end, then `<unk>`, and are all different."""
        if list(words[:2]) != [self.END, self.UNKNOWN] or len(set(words)) != len(words):
            raise TokenizerError(f"a word list begins with {self.END} and {self.UNKNOWN} and repeats nothing")
        self.lowercase = lowercase
        self._words = list(words)
        self._ids = {word: index for index, word in enumerate(words)}

    @classmethod
    def train(cls, texts: Iterable[str], size: int, lowercase: str = "") -> "WordTokenizer":
        """Keep the most frequent words of texts, up to `size` ids in all."""
        counts: Counter[str] = Counter()
        most = MOST_COUNTED
        for text in texts:
            counts.update(lower(text, lowercase).split())
            if len(counts) > most:  # words seen once are forgotten, so that memory does not grow with the text
                counts = Counter({word: count for word, count in counts.items() if count > 1})
                most = max(most, 2 * len(counts))
        for special in (cls.END, cls.UNKNOWN):
            counts.pop(special, None)
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[: size - 2]
        return cls([cls.END, cls.UNKNOWN, *frequent], lowercase)

    @classmethod
    def from_bytes(cls, content: bytes, lowercase: str = "") -> "WordTokenizer":
        """Raise TokenizerError unless content is a JSON list of words."""
        try:
            words = json.loads(content)
        except ValueError as error:
            raise TokenizerError(f"not a JSON word list: {error}") from None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise TokenizerError("not a JSON list of words")
        return cls(words, lowercase)

    @property
    def size(self) -> int:
        return len(self._words)

    @property
    def end_id(self) -> int:
        return 0

    def encode(self, text: str) -> list[int]:
        return [
            self._ids.get(word, 1) or 1 for word in lower(checked(text), self.lowercase).split()
        ]  # no text has an end

    def encode_continuation(self, text: str) -> list[int]:
        return self.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(self._words[index] for index in ids if index != self.end_id)

    def decode_continuation(self, ids: Sequence[int]) -> str:
        text = self.decode(ids)
        return " " + text if text else ""

    def tokens(self, text: str) -> list[Token]:
        spans = (match.span() for match in re.finditer(r"\S+", text))
        return [
            Token(index, text[start:end], start, end)
            for index, (start, end) in zip(self.encode(text), spans, strict=True)
        ]

    def surface(self, token_id: int) -> bytes:
        return b"" if token_id == self.end_id else (" " + self._words[token_id]).encode("utf-8")

    def unknown(self, ids: Sequence[int]) -> int:
        return sum(index == 1 for index in ids)

    def to_bytes(self) -> bytes:
        return json.dumps(self._words, ensure_ascii=False, indent=0).encode("utf-8")


def load_tokenizer(kind: str, content: bytes, lowercase: str) -> Tokenizer:
    """Read what `to_bytes` wrote. Raises TokenizerError for damage or an unknown kind."""
    if kind == SubwordTokenizer.kind:
        return SubwordTokenizer(content, lowercase)
    if kind == WordTokenizer.kind:
        return WordTokenizer.from_bytes(content, lowercase)
    raise TokenizerError(f"unknown tokenizer kind {kind!r}; known: subword, word")


def _lines(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for line in text.splitlines():
            if "\0" in line:
                continue
            for begin in range(0, len(line), LONGEST_LINE):
                yield " " + line[begin : begin + LONGEST_LINE]


def _thinned(lines: Iterable[str], most: int) -> list[str]:
    """Lines of at most so many characters together: all, or of every 2, 4, 8 … the one that a checksum picks."""
    kept: list[str] = []
    size, share = 0, 1
    for line in lines:
        if _picked(line, share):
            kept.append(line)
            size += len(line)
        while size > most and len(kept) > 1:
            share *= 2
            kept = [line for line in kept if _picked(line, share)]
            size = sum(map(len, kept))
    return kept


def _picked(line: str, share: int) -> bool:
    return zlib.crc32(line.encode("utf-8")) % share == 0

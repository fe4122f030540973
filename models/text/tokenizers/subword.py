"""Subwords by SentencePiece (Kudo and Richardson 2018, arXiv:1808.06226)."""

import io
import re
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import accumulate, pairwise

import sentencepiece

from models.errors import TokenizerError
from models.text.normalization import QUOTES, align, normalize
from models.text.symbols import SYMBOLS
from models.text.tokenizers.base import Token, checked, lower

SPACE = "\u2581"  # how SentencePiece writes a space; a real U+2581 in a text is spelled in bytes
CACHED_WORDS = 65_536
_WORD = re.compile(" [^ ]*|[^ ]+")
MAX_LINE_BYTES = 65_536  # SentencePiece skips longer lines in training
MAX_LINE = MAX_LINE_BYTES // 4 - 1  # in characters, of four bytes at most, and a space
TRAINING_THREADS = 16  # on any machine: sums are added thread by thread, so that their number changes the result
COVERAGE = 0.9999  # share of the text whose characters have pieces; the others are spelled in bytes
SPECIAL_PIECES = 258  # the end of a text, the unknown, and 256 bytes
SAMPLED_CHARACTERS = 40_000_000  # of training text, at most: SentencePiece needs 20 bytes of memory for each


class SubwordTokenizer:
    """SentencePiece unigram pieces with byte fallback: decode(encode(text)) is the normalized text.

    One space is added before a text, so that a word has the same piece at its start as inside it. Decoding is done
    here, byte by byte. Typographic quotes are set straight where the vocabulary has none. Case is kept unless
    `lowercase` is set, and emoji unless `emoji` is.
    """

    kind = "subword"
    unit = "characters"

    def __init__(self, model: bytes, lowercase: str = "", emoji: str = "") -> None:
        """Raise TokenizerError unless model is a SentencePiece model with byte fallback."""
        self.lowercase, self.emoji = lowercase, emoji
        self._model = model
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, TypeError) as error:
            raise TokenizerError(f"not a SentencePiece model: {error}") from None
        count = self._pieces.get_piece_size()
        self._byte_id = {self._pieces.piece_to_id(f"<0x{value:02X}>"): value for value in range(256)}
        if len(self._byte_id) != 256:
            raise TokenizerError("the SentencePiece model has no byte fallback")
        self._surfaces = self._spell_all(count)
        together = b"\0".join(self._surfaces)
        self._straight = not any(quote.encode("utf-8") in together for quote in QUOTES)
        self.end_id = int(self._pieces.eos_id())
        # not a method of this object, which would then refer to itself and need the garbage collector
        self._encode_word = lru_cache(CACHED_WORDS)(partial(_pieces_of, self._pieces))
        by_surface = {surface: index for index, surface in enumerate(self._surfaces)}
        ids = [by_surface.get(symbol.encode("utf-8")) for symbol in SYMBOLS]
        self.symbol_ids = tuple(index for index in ids if index is not None)
        self._first_bytes = {index for index, value in self._byte_id.items() if not 0x80 <= value < 0xC0}

    def __reduce__(self) -> tuple[type["SubwordTokenizer"], tuple[bytes, str, str]]:
        """Pickled without its cache."""
        return type(self), (self._model, self.lowercase, self.emoji)

    @classmethod
    def train(
        cls, texts: Iterable[str], size: int, lowercase: str = "", symbols: Sequence[str] = (), emoji: str = ""
    ) -> "SubwordTokenizer":
        """Train `size` pieces on texts, or on a sample of their lines if they are long.

        Each of symbols is a piece of its own, wherever it stands (models/text/symbols.py). Raises TokenizerError if the
        texts have too few distinct pieces.
        """
        output = io.BytesIO()
        lines = _subsampled(
            _lines(lower(normalize(text, emoji=emoji), lowercase) for text in texts), SAMPLED_CHARACTERS
        )
        if not lines:
            raise TokenizerError("no vocabulary can be learned: no line of the text is free of NUL characters")
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=output,
                vocab_size=size,
                model_type="unigram",
                byte_fallback=True,
                normalization_rule_name="identity",
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                split_digits=True,
                character_coverage=COVERAGE,
                input_sentence_size=400_000,
                shuffle_input_sentence=True,
                max_sentence_length=MAX_LINE_BYTES,
                num_threads=TRAINING_THREADS,
                pad_id=-1,
                bos_id=-1,
                unk_id=1,
                eos_id=0,
                user_defined_symbols=list(symbols),
                hard_vocab_limit=False,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise _explained(lines, size, symbols) from error
        return cls(output.getvalue(), lowercase, emoji)

    @property
    def size(self) -> int:
        return len(self._surfaces)

    def normalize(self, text: str) -> str:
        return normalize(text, self._straight, self.emoji)

    def encode(self, text: str) -> list[int]:
        text = self.normalize(checked(text))
        return self._encode(lower(" " + text, self.lowercase)) if text else []

    def encode_continuation(self, text: str) -> list[int]:
        return self._encode(lower(self.normalize(checked(text)), self.lowercase))

    def decode(self, ids: Sequence[int]) -> str:
        return self.decode_continuation(ids).removeprefix(" ")

    def decode_continuation(self, ids: Sequence[int]) -> str:
        return b"".join(self._surfaces[index] for index in ids).decode("utf-8", errors="replace")

    def tokens(self, text: str) -> list[Token]:
        ids, normalized = self.encode(text), align(text, self._straight, self.emoji)
        spaced = lower(" " + normalized.text, self.lowercase)
        # the offset in bytes of each character, and of the end
        begins = list(accumulate((len(char.encode("utf-8")) for char in spaced), initial=0))
        tokens, position = [], 0
        for index in ids:
            end_byte = position + len(self._surfaces[index])
            first = max(bisect_right(begins, position) - 2, 0)  # without the added space
            start, end = normalized.span(first, bisect_right(begins, end_byte - 1) - 1)
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
        """Split ids before each piece that begins with a space: every segmentation of a text has boundaries there."""
        cuts = [index for index, token in enumerate(ids) if index and self._surfaces[token].startswith(b" ")]
        return [tuple(ids[begin:end]) for begin, end in pairwise([0, *cuts, len(ids)])]

    def segmentations(self, word: tuple[int, ...], count: int) -> list[tuple[tuple[int, ...], float]]:
        """The likeliest segmentations of a word of `words`, `count` at most, with their log-probabilities.

        Only the word itself if it has bytes, which have no alternative.
        """
        if any(index in self._byte_id for index in word):
            return [(word, 0.0)]
        segmentations = self._pieces.nbest_encode(self.decode_continuation(word), nbest_size=count)
        return [(tuple(ids), sum(self._pieces.get_score(index) for index in ids)) for ids in segmentations]

    def _encode(self, text: str) -> list[int]:
        """Encode word by word, each with the space before it.

        SentencePiece sums its scores over a whole string in single precision, so that at a near tie a word's pieces
        would depend on the length of the text before it.
        """
        return [index for word in _WORD.findall(text) for index in self._encode_word(word)]

    def _spell_all(self, count: int) -> list[bytes]:
        """The bytes of each piece; of a control piece and of the unknown one, none."""
        ids = list(range(count))
        # one call for all pieces: a call for each is most of the time to load a tokenizer
        pieces: list[str] = self._pieces.id_to_piece(ids)
        surfaces = [piece.replace(SPACE, " ").encode("utf-8") for piece in pieces]
        silent = zip(ids, self._pieces.is_control(ids), self._pieces.is_unknown(ids), strict=True)
        for index in [index for index, is_control, is_unknown in silent if is_control or is_unknown]:
            surfaces[index] = b""
        for index, value in self._byte_id.items():
            surfaces[index] = bytes([value])
        return surfaces


def _pieces_of(pieces: sentencepiece.SentencePieceProcessor, word: str) -> tuple[int, ...]:
    """The ids of a word's pieces."""
    ids: list[int] = []
    # SentencePiece ends a string at NUL and takes U+2581 for a space: both are encoded as bytes
    for part in re.split(f"([\0{SPACE}])", word):
        if part in ("\0", SPACE):
            ids.extend(pieces.piece_to_id(f"<0x{value:02X}>") for value in part.encode("utf-8"))
        elif part:
            ids.extend(pieces.encode(part))
    return tuple(ids)


def _explained(lines: Sequence[str], size: int, symbols: Sequence[str]) -> TokenizerError:
    """SentencePiece's error in the words of our settings: its own names options that nobody can set here."""
    special, characters = SPECIAL_PIECES + len(symbols), len(_covered(lines))
    if size < special + characters:
        return TokenizerError(
            f"vocabulary_size is {size}, and this text needs {special + characters} or more: {special} for bytes and "
            f"symbols, {characters} for its characters"
        )
    return TokenizerError(
        f"vocabulary_size is {size}: no such vocabulary can be learned from this text; try a smaller one, or more text"
    )


def _covered(lines: Iterable[str]) -> list[str]:
    """The characters that SentencePiece requires pieces for: the most frequent ones that cover the text."""
    counts = Counter(char for line in lines for char in line.replace(" ", SPACE))
    covered: list[str] = []
    total, seen = counts.total(), 0
    for char, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if seen / total >= COVERAGE:
            break
        covered.append(char)
        seen += count
    return covered


def _lines(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for line in text.splitlines():
            if "\0" in line:
                continue
            for begin in range(0, len(line), MAX_LINE):
                yield " " + line[begin : begin + MAX_LINE]


def _subsampled(lines: Iterable[str], max_characters: int) -> list[str]:
    """All lines, or, if they have more than max_characters, 1 in 2, 4, 8 … of them, selected by a checksum.

    In one pass, in memory of max_characters, and the same lines whatever their order.
    """
    sample: list[str] = []
    size, rate = 0, 1
    for line in lines:
        if _is_selected(line, rate):
            sample.append(line)
            size += len(line)
        while size > max_characters and len(sample) > 1:
            rate *= 2
            sample = [line for line in sample if _is_selected(line, rate)]
            size = sum(map(len, sample))
    return sample


def _is_selected(line: str, rate: int) -> bool:
    return zlib.crc32(line.encode("utf-8")) % rate == 0

"""What a tokenizer is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models.errors import TokenizerError


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

"""The tokenizers' interface, and what they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models.errors import TokenizerError

END_TEXT = "</s>"
"""How the end token is written where it needs a text; in a text that is encoded, these are four characters."""


@dataclass(frozen=True)
class Token:
    """A token and its span in a text, text[start:end] in characters.

    A character outside the vocabulary becomes several tokens, one a byte, which share its span.
    """

    id: int
    text: str
    start: int
    end: int


class Tokenizer(Protocol):
    """What models, trainer and service require of a tokenizer."""

    kind: str
    lowercase: str  # "" (case is kept), "en" or "tr": whose rules lower the letters before encoding
    emoji: str  # "" (they stay), "en" or "tr": in which language their names are read instead
    unit: str  # what `unknown` counts: characters or words
    symbol_ids: tuple[int, ...]  # of models/text/symbols.py, in their order; none where the vocabulary has no symbols

    @property
    def size(self) -> int:
        """V, the number of ids."""

    @property
    def end_id(self) -> int:
        """The id after each document, and before the first one."""

    def normalize(self, text: str) -> str:
        """The text that is encoded for a text: see models/text/normalization.py. Twice is the same as once."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text. Raises TokenizerError for a lone surrogate, which no UTF-8 can encode."""

    def encode_continuation(self, text: str) -> list[int]:
        """The ids of a text that follows another: no space is added before it.

        encode(text) equals encode_continuation(" " + text), and a text can be cut before any of its spaces.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """The (normalized) text of ids from its beginning; bytes that are not UTF-8 become U+FFFD."""

    def decode_continuation(self, ids: Sequence[int]) -> str:
        """The text of ids that follow other ids: a space at its beginning is kept."""

    def tokens(self, text: str) -> list[Token]:
        """Encode, with each token's span in the text as it was given."""

    def surface(self, token_id: int) -> bytes:
        """The bytes, UTF-8, that a token appends to a text; none for the end token."""

    def unknown(self, ids: Sequence[int]) -> int:
        """How many units of the text of ids are not in the vocabulary."""

    def to_bytes(self) -> bytes:
        """The tokenizer as the content of its file."""


def lower(text: str, language: str) -> str:
    """Lower letters one for one, so that character positions stay valid; Turkish has rules of its own for I and İ."""
    if not language:
        return text
    if language == "tr":
        text = text.replace("I", "ı").replace("İ", "i")
    if (
        "İ" not in text and "Σ" not in text
    ):  # the lower case of İ is two characters; that of Σ depends on its neighbours
        return text.lower()
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def checked(text: str) -> str:
    """Return the text, or raise TokenizerError if UTF-8 can't encode it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TokenizerError(f"character {error.start} is a lone surrogate, not a character") from None
    return text

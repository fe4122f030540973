"""The words that ids spell, with the tokens of each."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate

from models.text.normalization import without_excess_marks
from models.text.tokenizers import Tokenizer

_LETTERS = "(?:[^\\W\\d_][\u0300-\u036f]*)+"
_WORD = re.compile(rf"(?<!\w){_LETTERS}(?:[-'\u2019]{_LETTERS})*(?!\w)")
_ARTICLE = 3
"""Letters of the longest article that is joined to a name."""
_PART = re.compile(r"([-'\u2019]?)([^-'\u2019]+)")


@dataclass(frozen=True)
class Word:
    """A word of a text and what follows its apostrophe ("'dan", "'s"), together text[start:end].

    tokens are the indices of those that spell the word.
    """

    text: str
    suffix: str
    start: int
    end: int
    tokens: tuple[int, ...]

    @property
    def has_capital(self) -> bool:
        return any(map(str.isupper, self.text))

    def is_next(self, other: "Word") -> bool:
        """Whether another word follows, with one character between."""
        return self.end + 1 == other.start


def spelled_words(ids: Sequence[int], tokenizer: Tokenizer) -> tuple[str, list[Word]]:
    """The text of ids, as `Tokenizer.decode` gives it, and its words in order.

    A hyphen or an apostrophe before a capital stands within a word (Jean-Pierre, O'Brien); a small letter after an
    apostrophe begins a suffix.
    """
    surfaces = [tokenizer.surface(index) for index in ids]
    if surfaces:
        surfaces[0] = surfaces[0].removeprefix(b" ")
    # a byte that is no character is a surrogate here, so that every character has its bytes
    text = b"".join(surfaces).decode("utf-8", errors="surrogateescape")
    token_of = [index for index, surface in enumerate(surfaces) for _ in surface]
    sizes = (len(character.encode("utf-8", errors="surrogateescape")) for character in text)
    offsets = list(accumulate(sizes, initial=0))
    words = []
    for start, middle, end in _spans(text):
        tokens = tuple(dict.fromkeys(token_of[offsets[start] : offsets[middle]]))
        words.append(Word(text[start:middle], text[middle:end], start, end, tokens))
    return text, words


def is_similar(word: str, other: str, share: float) -> bool:
    """Whether words have at least a share of their letters in common, in order, whatever their case and accents."""
    return SequenceMatcher(None, _folded(word), _folded(other), autojunk=False).ratio() >= share


def _spans(text: str) -> Iterator[tuple[int, int, int]]:
    """Of each word where it begins, where its suffix does, and where that ends."""
    for match in _WORD.finditer(text):
        start = middle = end = match.start()
        for part in _PART.finditer(text, match.start(), match.end()):
            mark, letters = part.groups()
            if start == middle or (middle == end and letters[0].isupper() and _takes_more(text[start:middle])):
                middle = end = part.end()
            elif middle == end and mark != "-" and not letters[0].isupper():
                end = part.end()
            else:
                yield start, middle, end
                start, middle, end = part.start(2), part.end(), part.end()
        yield start, middle, end


def _takes_more(beginning: str) -> bool:
    """Whether a name goes on after its hyphen or apostrophe: O'Brien, al-Hassan, and not "although'Seven"."""
    return any(map(str.isupper, beginning)) or len(beginning) <= _ARTICLE


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", without_excess_marks(word).casefold().replace("ı", "i"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))

"""Which of a model's words a text says: words, digits as figures, and digits in any language of `digits`."""

import re
import unicodedata
from collections.abc import Collection

from models.errors import ModelError
from models.text.digits import DIGITS
from models.text.named_classes import spellings
from models.text.normalization import without_excess_marks

_WORD = re.compile(r"\w+")
_SILENT = ("P", "Z", "C")
"""First letters of Unicode's categories of characters that are not spoken: punctuation, white space, line ends."""


def spoken_words(text: str, known: Collection[str]) -> list[str]:
    """The words of a text as the model knows them: figures are spoken digit by digit, punctuation not at all.

    Raises ModelError for a text without words, and for one with others; it says where the first one is, and which
    words there are.
    """
    composed = unicodedata.normalize("NFC", without_excess_marks(text))
    words: list[str] = []
    covered = 0
    for match in _WORD.finditer(composed):
        _check_silent(composed, covered, match.start())
        covered = match.end()
        found = _known(match[0], known)
        if found is None:
            where = f"word {len(words) + 1}, characters {match.start() + 1} to {match.end()}"
            raise ModelError(f"{where}: it is none that the model says: {', '.join(sorted(known))}, or their figures")
        words += found
    _check_silent(composed, covered, len(composed))
    if not words:
        raise ModelError(f"it has no words; the model says {', '.join(sorted(known))}, or their figures")
    return words


def _known(word: str, known: Collection[str]) -> list[str] | None:
    """The model's words for a word of a text, or None."""
    if all(unicodedata.decimal(figure, None) is not None for figure in word):
        words = [DIGITS["en"][unicodedata.decimal(figure)] for figure in word]
        return words if set(words) <= set(known) else None
    for spelling in spellings(word):
        if spelling in known:
            return [spelling]
        for digits in DIGITS.values():
            if spelling in digits and (english := DIGITS["en"][digits.index(spelling)]) in known:
                return [english]
    return None


def _check_silent(text: str, start: int, end: int) -> None:
    """Raise ModelError for a character that is neither a word's nor silent, such as a plus sign."""
    for index in range(start, end):
        if not unicodedata.category(text[index]).startswith(_SILENT):
            raise ModelError(f"character {index + 1} is a symbol that the model does not say")

"""Which of a model's classes a text names: "a seven, please", "yedi", "7"."""

import re
import unicodedata
from collections.abc import Sequence

from models.errors import ModelError
from models.text.normalization import without_excess_marks

_WORD = re.compile(r"[^\W_]+")
_TURKISH_I = str.maketrans({"I": "ı", "İ": "i"})


def class_named(text: str, classes: Sequence[Sequence[str]]) -> int:
    """The index of the one class of which a word of the text is a name, whatever its capitals.

    Raises ModelError where none is named, or several are; it says which names there are.
    """
    words: set[str] = set()
    for word in _WORD.findall(unicodedata.normalize("NFC", without_excess_marks(text))):
        words |= spellings(word)
    named = [index for index, names in enumerate(classes) if words & {name.casefold() for name in names}]
    if len(named) == 1:
        return named[0]
    known = "; ".join(", ".join(names) for names in classes)
    if named:
        several = " and ".join(classes[index][0] for index in named[:3])
        raise ModelError(f"it names {several}; it must name one of these: {known}")
    raise ModelError(f"it names nothing that the model draws; it must name one of these: {known}")


def spellings(word: str) -> set[str]:
    """A word in small letters: of an I only the language says whether it is a capital i, so by the rules of both."""
    return {word.casefold(), word.translate(_TURKISH_I).lower()}

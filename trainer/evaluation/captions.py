"""Scores of a captioner on pictures of digits composed from held-back images."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.decoding.captions import describe
from models.networks.captioner import Captioner
from models.text.tokenizers import Tokenizer
from trainer.data.digit_lines import MEASURED, Lines, compose
from trainer.data.mnist import NAMES, MnistSource
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.config import EvaluationConfig

DIGITS = 5
PICTURES = 1000
BATCH = 32
SEED = 3


def held_back_lines(source: MnistSource, count: int) -> list[Lines]:
    """The first `count` pictures of five digits each, in batches, composed from a source's images: always the same."""
    generator = np.random.default_rng(SEED)
    sizes = [min(BATCH, count - first) for first in range(0, count, BATCH)]
    return [compose(source.images, source.labels, np.full(size, DIGITS), MEASURED, generator) for size in sizes]


def evaluate_captioner(
    model: Captioner, tokenizer: Tokenizer, source: MnistSource, config: EvaluationConfig, pictures: int = 0
) -> dict[str, Any]:
    """Word accuracy and the share of pictures without an error, in each language and in all; 0 pictures are PICTURES.

    Word accuracy is 1 less the edits for each word of the right captions: insertions can make it negative.
    """
    pictures = pictures or PICTURES
    lines = held_back_lines(source, pictures)
    everything: list[tuple[int, int]] = []
    scores: dict[str, Any] = {}
    for language in model.config.languages:
        counted = [pair for batch in lines for pair in _errors(model, tokenizer, batch, language)]
        everything += counted
        scores[language] = _scores(counted, config)
    return {"pictures": pictures, **_scores(everything, config), **scores}


def _errors(model: Captioner, tokenizer: Tokenizer, lines: Lines, language: str) -> list[tuple[int, int]]:
    """Of each picture: the edits from its caption to the right one, and the words of that."""
    captions = describe(model, lines.pictures, lines.widths, [language] * len(lines.digits), tokenizer.end_id)
    right = [[NAMES[language][digit] for digit in digits] for digits in lines.digits]
    return [
        (edit_distance(tokenizer.decode(caption.ids).split(), words), len(words))
        for caption, words in zip(captions, right, strict=True)
    ]


def _scores(counted: Sequence[tuple[int, int]], config: EvaluationConfig) -> dict[str, Any]:
    errors, words = (np.array(column) for column in zip(*counted, strict=True))
    scores: dict[str, Any] = {"word_accuracy": float(1 - errors.sum() / words.sum())}
    if config.resamples:
        scores["word_accuracy_95"] = interval(words - errors, words, config.resamples)
    scores["picture_accuracy"] = float((errors == 0).mean())
    return scores


def edit_distance(words: Sequence[str], others: Sequence[str]) -> int:
    """The fewest insertions, deletions and substitutions from one to the other (Levenshtein 1965)."""
    before = list(range(len(others) + 1))
    for row, word in enumerate(words, 1):
        now = [row]
        for column, other in enumerate(others, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (word != other)))
        before = now
    return before[-1]

"""Settings by the size of the training data, for those that nobody set: small data need a small model.

Between the two ends of a range, a setting grows as a power of the size; below and above it stays. What came of it is in
docs/training.md.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trainer.data.files import Row

Value = str | int | float
ENOUGH_CHARACTERS = 20_000_000
"""From here on more data change no setting."""
SPECIAL_PIECES = 300
"""Bytes, symbols and the space, which a vocabulary of subwords has beside its characters."""
CHARACTERS_PER_TOKEN = 3
"""Roughly, of subwords: only the number of steps depends on it."""


@dataclass(frozen=True)
class DataSize:
    """How much training data there is."""

    texts: int
    characters: int
    alphabet: int = 0
    """Different characters."""

    @classmethod
    def of(cls, rows: Iterable[Row], texts: int) -> "DataSize":
        """Count rows, whose first `texts` cells are texts, until there are enough."""
        count = characters = 0
        alphabet: set[str] = set()
        for row in rows:
            count += 1
            characters += sum(map(len, row[:texts]))
            alphabet.update(*row[:texts])
            if characters >= ENOUGH_CHARACTERS:
                break
        return cls(count, characters, len(alphabet))


def language_sizes(size: DataSize) -> dict[str, Value]:
    """Of a language model."""
    hidden = _between(size.characters, (30_000, 128), (10_000_000, 512), multiple=32)
    batch = _between(size.characters, (30_000, 4), (5_000_000, 32), multiple=4)
    steps_per_epoch = max(1, size.characters // (CHARACTERS_PER_TOKEN * batch * 64))
    small = size.characters < 1_000_000
    return {
        "vocabulary_size": _vocabulary(size),
        "embedding": hidden,
        "hidden": hidden,
        "layers": 1 if small else 2,
        "dropout": 0.5 if small else 0.3,
        "hidden_dropout": 0.5 if small else 0.3,
        "batch_size": batch,
        "learning_rate": _between(size.characters, (30_000, 40), (5_000_000, 10), multiple=1) / 10_000,
        "epochs": _epochs(steps_per_epoch),
    }


def classifier_sizes(size: DataSize) -> dict[str, Value]:
    """Of a classifier, whose own defaults are small already."""
    batch = _between(size.texts, (500, 8), (5_000, 32), multiple=8)
    return {
        "vocabulary_size": _vocabulary(size),
        "batch_size": batch,
        "epochs": _epochs(max(1, size.texts // batch)),
    }


def translator_sizes(size: DataSize) -> dict[str, Value]:
    """Of a translator; the characters are those of both sides."""
    hidden = _between(size.characters, (100_000, 128), (10_000_000, 512), multiple=32)
    batch_tokens = _between(size.characters, (100_000, 512), (5_000_000, 4096), multiple=256)
    return {
        "vocabulary_size": _vocabulary(size),
        "embedding": hidden // 2,
        "hidden": hidden,
        "batch_tokens": batch_tokens,
        "epochs": _epochs(max(1, size.characters // (2 * CHARACTERS_PER_TOKEN * batch_tokens))),
    }


def summarizer_sizes(size: DataSize) -> dict[str, Value]:
    """Of a summarizer: half a translator's widths, as its texts are long and its summaries short."""
    sizes = translator_sizes(size)
    hidden = int(sizes["hidden"]) // 2
    return {**sizes, "embedding": max(64, hidden // 2), "hidden": hidden}


def bag_sizes(size: DataSize) -> dict[str, Value]:
    return {"vocabulary_size": _vocabulary(size)}


def _vocabulary(size: DataSize) -> int:
    """Never too few for the characters that the text has."""
    return max(
        _between(size.characters, (30_000, 500), (8_000_000, 8000), multiple=100), SPECIAL_PIECES + size.alphabet
    )


def _epochs(steps_per_epoch: int) -> int:
    """As many passes as make 2,000 steps; early stopping ends them where they bring nothing."""
    return min(40, max(10, -(-2_000 // steps_per_epoch)))


def _between(value: int, low: tuple[int, int], high: tuple[int, int], multiple: int) -> int:
    """From low's second number at its first to high's, both scales logarithmic, rounded to a multiple."""
    (start, first), (end, last) = low, high
    share = min(1.0, max(0.0, math.log(max(value, 1) / start) / math.log(end / start)))
    between: float = first * (last / first) ** share
    return max(multiple, round(between / multiple) * multiple)

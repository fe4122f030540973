"""How far a score could be off because the data are but a sample."""

from collections.abc import Sequence

import numpy as np

from trainer.data.store import IdArray


def interval(numerators: IdArray, denominators: IdArray, resamples: int, seed: int = 1) -> list[float]:
    """The middle 95% of sum(numerators) / sum(denominators), when rows (R,) are drawn again and again.

    The percentile bootstrap (Efron 1979). Each row is what was drawn as a whole: a document, or a text.
    """
    draw = np.random.default_rng(seed)
    rows = len(numerators)
    found = np.empty(resamples)
    for number in range(resamples):
        chosen = draw.integers(0, rows, rows)
        found[number] = numerators[chosen].sum() / denominators[chosen].sum()
    return spread(found.tolist())


def spread(values: Sequence[float]) -> list[float]:
    """The 2.5th and the 97.5th percentile."""
    low, high = np.percentile(np.asarray(values), [2.5, 97.5])
    return [float(low), float(high)]

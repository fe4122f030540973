"""95% confidence intervals by the bootstrap (Efron 1979), over documents or texts."""

import numpy as np
from scipy import stats

from trainer.data.store import IdArray

BATCH_NUMBERS = 1 << 22  # resampled numbers that are in memory together


def interval(numerators: IdArray, denominators: IdArray, resamples: int, seed: int = 1) -> list[float]:
    """The percentile interval of sum(numerators) / sum(denominators), both (R,), when rows are resampled.

    A row is what was sampled as a whole: a document, or a text.
    """
    rows = len(numerators)
    if rows == 1:  # every resample is that row; SciPy wants two
        ratio = float(numerators[0] / denominators[0])
        return [ratio, ratio]
    result = stats.bootstrap(
        (numerators, denominators),
        lambda above, below, axis: above.sum(axis=axis) / below.sum(axis=axis),
        n_resamples=resamples,
        batch=max(1, BATCH_NUMBERS // rows),
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return [float(result.confidence_interval.low), float(result.confidence_interval.high)]

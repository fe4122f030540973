"""Sampling from some of the tokens only: top-k, top-p and typical_p (`SamplingConfig` says what they mean)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FIRST_RANKED = 1024
"""So many of a vocabulary's tokens most often are enough, and are ranked in a quarter of the time of all."""
NO_TOP_K, NO_TOP_P = 2**62, 2.0


@dataclass(frozen=True)
class Truncation:
    """The limits of a batch's rows: top_k (B,) int64, top_p (B,) float64, typical_p (B,) float64.

    NO_TOP_K, NO_TOP_P and a typical_p of 1 are no limits.
    """

    top_k: NDArray[np.int64]
    top_p: NDArray[np.float64]
    typical_p: NDArray[np.float64]

    @cached_property
    def limited(self) -> NDArray[np.int64]:
        """The indices (R,) of the rows that have a limit."""
        return np.flatnonzero((self.top_k < NO_TOP_K) | (self.top_p < NO_TOP_P) | (self.typical_p < 1))

    def rows(self, index: "NDArray[np.int64 | np.bool_] | Sequence[int] | slice") -> "Truncation":
        """Those of some rows."""
        return Truncation(self.top_k[index], self.top_p[index], self.typical_p[index])


def sample_truncated(
    probabilities: NDArray[np.float32],
    masses: NDArray[np.float64],
    uniform: NDArray[np.float64],
    truncation: Truncation,
) -> NDArray[np.int64]:
    """Sample an id a row, (B,), by inverting the cumulative distribution of the tokens that are kept, the likeliest
    first, equal ones in the order of their ids.

    probabilities (B, V) have masses (B,), of which top_p and typical_p are shares; uniform (B,) lies in [0, 1).
    """
    size = probabilities.shape[1]
    ids = np.empty(len(probabilities), np.int64)
    rows = np.arange(len(probabilities))
    for count in (min(FIRST_RANKED, size, truncation.top_k.max()), size):
        ranked = _greatest(probabilities, count)  # (B, count)
        cumulative = ranked.cumsum(axis=1, dtype=np.float64)
        kept = (cumulative - ranked < (truncation.top_p * masses)[:, None]) & (ranked > 0)
        kept &= np.arange(count) < truncation.top_k[:, None]
        last = np.maximum(kept.sum(axis=1) - 1, 0)
        target = cumulative[np.arange(len(rows)), last] * uniform
        rank = np.minimum((cumulative <= target[:, None]).sum(axis=1), last)
        complete = ~kept[:, -1] | (truncation.top_k <= count) | (count == size)
        for row in np.flatnonzero(complete & (truncation.typical_p < 1)):
            rank[row] = _sample_typical(ranked[row, : last[row] + 1], truncation.typical_p[row], uniform[row])
        ids[rows] = _columns(probabilities, ranked, rank)
        if complete.all():
            break
        rows, truncation = rows[~complete], truncation.rows(~complete)
        probabilities, masses, uniform = probabilities[~complete], masses[~complete], uniform[~complete]
    return ids


def _greatest(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The `count` greatest of each row of values (B, V), descending, (B, count).

    NumPy takes a fifth of the time of torch.topk, which finds their columns too.
    """
    size = values.shape[1]
    if count < size:
        values = np.partition(values, size - count, axis=1)[:, size - count :]
    return np.sort(values, axis=1)[:, ::-1]


def _columns(values: NDArray[np.float32], ranked: NDArray[np.float32], rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """The columns (B,) of values (B, V) that have a rank (B,), from the greatest of them, (B, count)."""
    chosen = ranked[np.arange(len(rank)), rank][:, None]
    equal = values == chosen
    columns: NDArray[np.int64] = equal.argmax(axis=1)
    among_equals = rank - (ranked > chosen).sum(axis=1)
    for row in np.flatnonzero(among_equals):
        columns[row] = np.flatnonzero(equal[row])[among_equals[row]]
    return columns


def _sample_typical(probabilities: NDArray[np.float32], mass: float, uniform: float) -> int:
    """Sample the index of one of some probabilities (K,), among the most typical that hold the mass."""
    shares = probabilities.astype(np.float64)
    shares /= shares.sum()
    information = -np.log(np.maximum(shares, np.finfo(np.float64).tiny))
    entropy = (shares * information).sum()
    order = np.abs(information - entropy).argsort(kind="stable")  # (K,)
    cumulative = shares[order].cumsum()
    last = min(int((cumulative < mass).sum()), len(order) - 1)  # the one that reaches the mass is kept too
    rank = min(int((cumulative <= cumulative[last] * uniform).sum()), last)
    return int(order[rank])

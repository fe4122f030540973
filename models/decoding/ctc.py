"""Words from CTC's log-probabilities.

The best path is the likeliest symbol of each step (Graves et al. 2006, "Connectionist temporal classification",
section 3.2). Symbols are whole words, so that no lexicon has to constrain it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLANK = 0
"""The id of CTC's blank: the end token, which no transcript has."""


@dataclass(frozen=True)
class Peak:
    """A symbol of the best path: its id, its steps from start to before end, and its highest probability in them."""

    id: int
    start: int
    end: int
    probability: float


def best_path(logs: NDArray[np.float32]) -> list[Peak]:
    """The symbols of log-probabilities (S, V): repetitions become one, blanks none."""
    if not len(logs):
        return []
    best = logs.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best)) + 1
    return [
        Peak(int(best[start]), int(start), int(end), float(np.exp(logs[start:end, best[start]].max())))
        for start, end in zip([0, *edges], [*edges, len(best)], strict=True)
        if best[start] != BLANK
    ]

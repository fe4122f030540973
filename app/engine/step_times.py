"""How long a step takes by the rows of its batch, learned from the steps that were run."""

from app.engine.pace import DECAY, ENOUGH

PRIOR_SPREAD = 0.1
"""Rows that differ by less than this share of their mean say little of the slope."""


class StepTimes:
    """A line through the recent steps, seconds = intercept + slope × rows, by least squares with decaying weights.

    The intercept and the slope are never negative. Where the batch has had one size only, the slope is unknown: a
    cautious prediction then lets larger batches take time in proportion to their rows, and smaller ones as long as the
    known one; a hopeful one lets all batches take the same time.
    """

    def __init__(self) -> None:
        self._weight = self._rows = self._seconds = self._rows_squared = self._product = 0.0

    @property
    def known(self) -> bool:
        """Whether any step has been recorded."""
        return self._weight > 0

    @property
    def settled(self) -> bool:
        """Whether so many were recorded that a single slow one does not decide."""
        return self._weight > ENOUGH

    def record(self, rows: int, seconds: float) -> None:
        self._weight = DECAY * self._weight + 1
        self._rows = DECAY * self._rows + rows
        self._seconds = DECAY * self._seconds + seconds
        self._rows_squared = DECAY * self._rows_squared + rows * rows
        self._product = DECAY * self._product + rows * seconds

    def predict_s(self, rows: float, cautious: bool = True) -> float:
        """Seconds of a step with so many rows; 0 as long as none was recorded."""
        if not self.known:
            return 0.0
        mean_rows, mean_s = self._rows / self._weight, self._seconds / self._weight
        steepest = mean_s / mean_rows
        prior = steepest if cautious == (rows > mean_rows) else 0.0
        prior_weight = (PRIOR_SPREAD * mean_rows) ** 2
        variance = max(0.0, self._rows_squared / self._weight - mean_rows**2)
        covariance = self._product / self._weight - mean_rows * mean_s
        slope = min(max((covariance + prior_weight * prior) / (variance + prior_weight), 0.0), steepest)
        return mean_s + slope * (rows - mean_rows)

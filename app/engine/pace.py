"""How fast work gets done, from which waiting times are predicted."""

DECAY = 0.98
"""The weight that the past keeps with each finished job."""


class Pace:
    """An exponentially decaying average of seconds per unit of cost."""

    def __init__(self) -> None:
        self._cost = 0.0
        self._seconds = 0.0

    def record(self, cost: float, busy_s: float) -> None:
        """Work of a cost has finished, busy_s seconds after the work before it."""
        self._cost = DECAY * self._cost + cost
        self._seconds = DECAY * self._seconds + busy_s

    def predict_s(self, cost: float) -> float:
        """How long work of a cost will take; 0 as long as nothing has finished."""
        return cost * self._seconds / self._cost if self._cost else 0.0

"""How fast work gets done, from which waiting times are predicted."""

DECAY = 0.98
"""The weight that the past keeps with each record."""
ENOUGH = 4.5
"""The weight of five records. The first one of a process can be a hundred times as slow as those that follow."""


class Pace:
    """An exponentially decaying average of seconds per unit of cost."""

    def __init__(self) -> None:
        self._weight = 0.0
        self._cost = 0.0
        self._seconds = 0.0

    @property
    def settled(self) -> bool:
        """Whether so much was recorded that a single slow piece of work does not decide."""
        return self._weight > ENOUGH

    def record(self, cost: float, busy_s: float) -> None:
        """Work of a cost has finished, busy_s seconds after the work before it."""
        self._weight = DECAY * self._weight + 1
        self._cost = DECAY * self._cost + cost
        self._seconds = DECAY * self._seconds + busy_s

    def predict_s(self, cost: float) -> float:
        """How long work of a cost will take; 0 as long as nothing has finished."""
        return cost * self._seconds / self._cost if self._cost else 0.0

"""Which lane runs next."""

from collections.abc import Callable, Sequence

from app.engine.lanes.lane import Lane, Work

QUANTUM_S = 0.005


class RoundRobin:
    """Deficit round-robin (Shreedhar and Varghese 1995), charged in measured seconds.

    A lane with an expensive step waits until the others have had as much time; an idle lane accumulates no credit.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._credit: dict[int, float] = {}

    def step(self, lanes: Sequence[Lane]) -> tuple[Lane, Work, float] | None:
        """Run a step of one busy lane, if there is any; return it, its work, and the seconds it took."""
        busy = [lane for lane in lanes if lane.busy]
        if not busy:
            self._credit.clear()
            return None
        self._credit = {id(lane): self._credit.get(id(lane), 0.0) for lane in busy}
        if (highest := max(self._credit.values())) <= 0:
            for key in self._credit:
                self._credit[key] += QUANTUM_S - highest
        lane = max(busy, key=lambda lane: self._credit[id(lane)])
        started = self._clock()
        try:
            work = lane.step(len(busy) == 1)
        finally:
            seconds = self._clock() - started
            self._credit[id(lane)] -= seconds
        return lane, work, seconds

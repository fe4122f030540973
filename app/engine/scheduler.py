"""Which lane runs next."""

from collections.abc import Callable, Sequence

from app.engine.lanes.lane import Lane, Work

LEAST_S = 1e-6
"""A step counts for no less, also where the clock is too coarse to see it."""


class FairTurns:
    """Start-time fair queueing of the lanes (Goyal et al. 1996), charged in measured seconds.

    A lane with an expensive step waits until the others have had as much time. A lane that comes back starts level with
    those that are served, and what it was served in excess still counts: one that is busy for a moment at a time, again
    and again, has no more than its share.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._served: dict[Lane, float] = {}
        self._level = 0.0

    def step(self, lanes: Sequence[Lane]) -> tuple[Lane, Work, float] | None:
        """Run a step of one busy lane, if there is any; return it, its work, and the seconds it took."""
        busy = [lane for lane in lanes if lane.busy]
        if not busy:
            self._served.clear()
            self._level = 0.0
            return None
        self._served = {lane: self._served.get(lane, 0.0) for lane in lanes}
        for lane in busy:
            self._served[lane] = max(self._served[lane], self._level)
        lane = min(busy, key=lambda lane: self._served[lane])
        self._level = self._served[lane]
        started = self._clock()
        try:
            work = lane.step(len(busy) == 1)
        finally:
            seconds = self._clock() - started
            self._served[lane] += max(seconds, LEAST_S)
        return lane, work, seconds

"""Fair shares of what callers use together."""


class Shares:
    """How much each caller has been served: start-time fair queueing (Goyal et al. 1996).

    A caller that is new, or comes back, starts level with those that are served, so that being away earns no credit.
    """

    def __init__(self) -> None:
        self._served: dict[str, float] = {}
        self._level = 0.0

    def join(self, caller: str) -> None:
        """A caller has something to be served, and had nothing."""
        self._served[caller] = max(self._served.get(caller, 0.0), self._level)

    def charge(self, caller: str, cost: float) -> None:
        served = self._served.get(caller, self._level)
        self._level = max(self._level, served)
        self._served[caller] = served + cost

    def of(self, caller: str) -> float:
        """Whoever has the least is next."""
        return self._served.get(caller, self._level)

    def clear(self) -> None:
        """Nobody has anything to be served."""
        self._served.clear()
        self._level = 0.0

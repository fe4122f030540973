"""What each client uses: tokens in a window of time, and requests at once."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.errors import InvalidRequest, LimitExceeded

UNIT = "tokens"


class Counters(Protocol):
    """Counts what clients use, for one process or for several."""

    async def enter(self, client: str) -> None:
        """Start a request; `leave` ends it. Raises LimitExceeded where the client has its maximum already."""

    def leave(self, client: str) -> None:
        """End a request of a client."""

    async def charge(self, client: str, cost: float, commit: bool = True) -> Mapping[str, str]:
        """Charge a client, or only check whether it can be charged; return rate-limit headers.

        Raises LimitExceeded where the client has too little left, and InvalidRequest where the cost exceeds its limit.
        """


class LocalCounters:
    """Counters in the memory of this process."""

    def __init__(
        self, rate: RateLimitItem | None, max_concurrent: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        """rate is in tokens; max_concurrent of 0 is no limit."""
        self._rate, self._max_concurrent, self._clock = rate, max_concurrent, clock
        self._storage = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._running: Counter[str] = Counter()

    async def enter(self, client: str) -> None:
        if self._max_concurrent and self._running[client] >= self._max_concurrent:
            raise LimitExceeded(
                f"{self._max_concurrent} requests of this client are running, and no more may at once", 1
            )
        self.enter_unchecked(client)

    def enter_unchecked(self, client: str) -> None:
        """Count a request that was allowed before."""
        self._running[client] += 1

    def leave(self, client: str) -> None:
        self._running[client] -= 1
        if not self._running[client]:
            del self._running[client]

    async def charge(self, client: str, cost: float, commit: bool = True) -> Mapping[str, str]:
        if self._rate is None:
            return {}
        tokens, quota = max(1, math.ceil(cost)), self._rate.amount
        if tokens > quota:
            raise InvalidRequest(f"it costs {tokens} tokens, and a client may use {quota} in {self._window_s} s")
        use = self._limiter.hit if commit else self._limiter.test
        allowed = await use(self._rate, client, cost=tokens)
        if allowed and not commit:
            return {}  # the headers come with the charge itself
        window = await self._limiter.get_window_stats(self._rate, client)
        wait_s = max(1, math.ceil(window.reset_time - self._clock()))
        headers = {
            "RateLimit-Policy": f'"{UNIT}";q={quota};w={self._window_s}',
            "RateLimit": f'"{UNIT}";r={window.remaining};t={wait_s}',
        }
        if not allowed:
            detail = f"it costs {tokens} tokens, and {window.remaining} of {quota} in {self._window_s} s are left"
            raise LimitExceeded(detail, await self._affordable_in_s(client, tokens), headers)
        return headers

    async def _affordable_in_s(self, client: str, tokens: int) -> float:
        """When a client that uses nothing until then can afford a cost, at most its quota.

        Of the window before the current one, the part counts that a window which ends now still covers.
        """
        assert self._rate
        window_s, left = float(self._window_s), self._rate.amount - tokens
        stored = await self._storage.get_sliding_window(self._rate.key_for(client), self._window_s)
        previous, _, current, current_ttl_s = stored
        ends_in_s = current_ttl_s - window_s  # what is counted now becomes the window before
        if current <= left:
            return max(0.0, ends_in_s - (left + 1 - current) * window_s / previous) if previous else 0.0
        return ends_in_s + max(0.0, window_s * (1 - (left + 1) / current))

    @property
    def _window_s(self) -> int:
        return self._rate.get_expiry() if self._rate else 0

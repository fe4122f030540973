"""Who may ask, how much, and how many things at once."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.access.keys import KeyRing
from app.errors import InvalidRequest, LimitExceeded, Unauthorized

UNIT = "tokens"
BEARER = "bearer "


class Guard:
    """Keys and limits of a service. Limits are each client's own: a key's, or an address's where there are no keys."""

    def __init__(
        self,
        keys: KeyRing,
        rate: RateLimitItem | None = None,
        most_at_once: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """rate is in tokens; most_at_once of 0 is no limit."""
        self._keys, self._rate, self._most_at_once, self._clock = keys, rate, most_at_once, clock
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._busy: Counter[str] = Counter()

    @property
    def closed(self) -> bool:
        """Whether an API key is needed."""
        return self._keys.closed

    def identify(self, authorization: str) -> str:
        """The id of the key in an Authorization header; empty where none is needed. Raises Unauthorized."""
        scheme, secret = authorization[: len(BEARER)], authorization[len(BEARER) :].strip()
        return self.check(secret if scheme.lower() == BEARER else "")

    def check(self, secret: str) -> str:
        """As identify, of the secret itself."""
        if not self.closed:
            return ""
        key = self._keys.find(secret) if secret else None
        if key is None:
            detail = "the API key is not known" if secret else "an API key is needed: Authorization: Bearer …"
            raise Unauthorized(detail)
        return key.id

    def enter(self, client: str) -> None:
        """Begin a request; `leave` ends it. Raises LimitExceeded where the client has as many as it may."""
        if self._most_at_once and self._busy[client] >= self._most_at_once:
            raise LimitExceeded(f"{self._most_at_once} requests of this client are running, and no more may at once", 1)
        self._busy[client] += 1

    def leave(self, client: str) -> None:
        self._busy[client] -= 1
        if not self._busy[client]:
            del self._busy[client]

    async def charge(self, client: str, cost: float, take: bool = True) -> Mapping[str, str]:
        """Charge a client for work, or only look whether that could be; return headers that say what is left.

        Raises LimitExceeded where that is too little, and InvalidRequest where it would always be.
        """
        if self._rate is None:
            return {}
        tokens, most = max(1, math.ceil(cost)), self._rate.amount
        if tokens > most:
            raise InvalidRequest(f"it costs {tokens} tokens, and a client may use {most} in {self._window_s} s")
        ask = self._limiter.hit if take else self._limiter.test
        enough = await ask(self._rate, client, cost=tokens)
        if enough and not take:
            return {}  # what is left will be told when it is taken
        window = await self._limiter.get_window_stats(self._rate, client)
        wait_s = max(1, math.ceil(window.reset_time - self._clock()))
        headers = {
            "RateLimit-Policy": f'"{UNIT}";q={most};w={self._window_s}',
            "RateLimit": f'"{UNIT}";r={window.remaining};t={wait_s}',
        }
        if not enough:
            detail = f"it costs {tokens} tokens, and {window.remaining} of {most} in {self._window_s} s are left"
            raise LimitExceeded(detail, wait_s, headers)
        return headers

    @property
    def _window_s(self) -> int:
        return self._rate.get_expiry() if self._rate else 0

"""Authentication, the rate limit, and the limit of concurrent requests."""

import time
from collections.abc import Callable, Mapping

from limits import RateLimitItem

from app.access.counters import Counters, LocalCounters
from app.access.keys import KeyRing
from app.errors import Unauthorized

BEARER = "bearer "


class Guard:
    """Keys and limits of a service. A limit applies to each client: a key, or an address where no key is needed."""

    def __init__(
        self,
        keys: KeyRing,
        rate: RateLimitItem | None = None,
        max_concurrent: int = 0,
        clock: Callable[[], float] = time.time,
        counters: Counters | None = None,
    ) -> None:
        """rate is in tokens; max_concurrent of 0 is no limit. Other counters replace both."""
        self._keys = keys
        self._counters = counters or LocalCounters(rate, max_concurrent, clock)

    @property
    def closed(self) -> bool:
        """Whether an API key is needed."""
        return self._keys.closed

    def identify(self, authorization: str) -> str:
        """The id of the key in an Authorization header; empty if no key is needed. Raises Unauthorized."""
        scheme, secret = authorization[: len(BEARER)], authorization[len(BEARER) :].strip()
        return self.check(secret if scheme.lower() == BEARER else "")

    def check(self, secret: str) -> str:
        """As identify, for the secret itself."""
        if not self.closed:
            return ""
        key = self._keys.find(secret) if secret else None
        if key is None:
            detail = "the API key is not known" if secret else "an API key is needed: Authorization: Bearer …"
            raise Unauthorized(detail)
        return key.id

    async def enter(self, client: str) -> None:
        """Start a request; `leave` ends it. Raises LimitExceeded where the client has its maximum already."""
        await self._counters.enter(client)

    def leave(self, client: str) -> None:
        self._counters.leave(client)

    async def charge(self, client: str, cost: float, commit: bool = True) -> Mapping[str, str]:
        """As `Counters.charge`."""
        return await self._counters.charge(client, cost, commit)

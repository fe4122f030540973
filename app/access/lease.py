"""What one request takes of its client's limits."""

from app.access.limits import Guard


class Lease:
    """Counts a request among those of its client until it ends, and charges it. headers go into the reply."""

    def __init__(self, guard: Guard) -> None:
        self.guard, self.headers = guard, dict[str, str]()
        self._client: str | None = None

    async def acquire(self, client: str) -> None:
        """Raise LimitExceeded where the client has its maximum of concurrent requests."""
        if self._client is None:
            await self.guard.enter(client)
            self._client = client

    async def charge(self, cost: float, commit: bool = True) -> None:
        """Charge a cost in tokens, or only check whether it can be charged.

        Raises LimitExceeded where the client has too little left, and InvalidRequest where the cost is always too high.
        """
        assert self._client is not None
        self.headers.update(await self.guard.charge(self._client, cost, commit))

    def release(self) -> None:
        if self._client is not None:
            self.guard.leave(self._client)

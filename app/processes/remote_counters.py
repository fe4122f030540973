"""What clients use, counted in the engine's process for all HTTP processes."""

from collections import defaultdict
from collections.abc import Mapping

from app.processes.messages import Charge, Counted, Enter, Leave
from app.processes.remote_engine import RemoteEngine
from app.processes.values import decode_error


class RemoteCounters:
    """Asks the engine's process; where a limit is not set, nothing is sent.

    Raises EngineStopped where there is no engine.
    """

    def __init__(self, engine: RemoteEngine, has_rate: bool, has_maximum: bool) -> None:
        """has_maximum: whether a client may have only so many requests at once."""
        self._engine, self._has_rate, self._has_maximum = engine, has_rate, has_maximum
        self._numbers: dict[str, list[int]] = defaultdict(list)

    async def enter(self, client: str) -> None:
        if not self._has_maximum:
            return
        number = self._engine.next_number()
        try:
            _check(await self._engine.ask(Enter(number, client)))
        except BaseException:
            self._engine.send(Leave(number))  # it may have been counted after the wait was cancelled
            raise
        self._engine.entered[number] = client
        self._numbers[client].append(number)

    def leave(self, client: str) -> None:
        if not self._has_maximum:
            return
        numbers = self._numbers[client]
        number = numbers.pop()
        if not numbers:
            del self._numbers[client]
        del self._engine.entered[number]
        self._engine.send(Leave(number))

    async def charge(self, client: str, cost: float, commit: bool = True) -> Mapping[str, str]:
        if not self._has_rate:
            return {}
        return _check(await self._engine.ask(Charge(self._engine.next_number(), client, cost, commit)))


def _check(answer: Counted) -> Mapping[str, str]:
    if answer.error is not None:
        raise decode_error(answer.error)
    return answer.headers

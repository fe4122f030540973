"""Long texts become ids in other threads: one text of a caller at a time, so that none waits for another's many."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TypeVar

ResultT = TypeVar("ResultT")


@dataclass(eq=False)
class _Turn:
    """Of one caller on one event loop; users are the calls that have it or wait for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Readers:
    """Calls functions in the event loop's threads, in turn for each caller.

    A caller's next call queues for a thread when the one before it has ended, behind those of others that came in
    between: callers take turns, however many calls each of them has.
    """

    def __init__(self) -> None:
        self._turns: dict[tuple[asyncio.AbstractEventLoop, str], _Turn] = {}

    @property
    def callers(self) -> int:
        """How many have calls."""
        return len(self._turns)

    async def call(self, caller: str, function: Callable[[], ResultT]) -> ResultT:
        """The function's result, or what it raises.

        A call that is cancelled while it waits is never made. One that runs keeps the caller's turn to its end: who
        hangs up frees no thread.
        """
        loop = asyncio.get_running_loop()
        key = (loop, caller)
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1

        def leave() -> None:
            turn.users -= 1
            if not turn.users:
                del self._turns[key]

        try:
            await turn.lock.acquire()
        except BaseException:
            leave()
            raise
        future = loop.run_in_executor(None, copy_context().run, function)

        def end(_: object) -> None:
            future.cancelled() or future.exception()  # read here, in case nobody waits any more
            turn.lock.release()
            leave()

        future.add_done_callback(end)
        return await asyncio.shield(future)

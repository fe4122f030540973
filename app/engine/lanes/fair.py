"""A lane that takes one job a step, in turns of its callers."""

from typing import Generic, Protocol, TypeVar

from app.engine.lanes.lane import Lane
from app.engine.shares import Shares
from app.engine.ticket import Ticket


class FairTask(Protocol):
    """What a FairLane requires of a task."""

    ticket: Ticket


TaskT = TypeVar("TaskT", bound=FairTask)


class FairLane(Lane, Generic[TaskT]):
    """Its queue: the next task is that which has waited longest, of the caller that has been served least."""

    def __init__(self) -> None:
        self._queue: list[TaskT] = []
        self._shares = Shares()

    @property
    def slots(self) -> int:
        return len(self._queue)

    @property
    def busy(self) -> bool:
        return bool(self._queue)

    def add(self, task: TaskT) -> None:
        caller = task.ticket.caller.name
        if all(other.ticket.caller.name != caller for other in self._queue):
            self._shares.join(caller)
        self._queue.append(task)

    def sweep(self) -> None:
        self._queue = [task for task in self._queue if not task.ticket.closed]

    def next_task(self) -> TaskT:
        """The task of the next step; it stays in the queue."""
        return min(self._queue, key=lambda task: self._shares.of(task.ticket.caller.name))

    def charge(self, task: TaskT, cost: float) -> None:
        """Count a step's cost for the task's caller."""
        self._shares.charge(task.ticket.caller.name, cost)

    def remove(self, task: TaskT) -> None:
        """Take a task out of the queue."""
        self._queue.remove(task)
        if not self._queue:
            self._shares.clear()

"""What the rest of the service uses of an engine, whether it is a thread of this process or in another one."""

from typing import Protocol

from app.catalog.registry import Registry, Served
from app.engine.engine import EngineConfig
from app.engine.jobs import Job
from app.engine.ticket import Caller, Ticket


class EngineInterface(Protocol):
    """Runs jobs. Its methods are called on an event loop, and none but `submit` and `stop` waits."""

    @property
    def registry(self) -> Registry:
        """The models for which jobs can be submitted."""

    @property
    def config(self) -> EngineConfig: ...

    async def submit(self, job: Job, served: Served, caller: Caller | None = None) -> Ticket:
        """Queue a job for a model; its ticket gets the events and the result.

        The model need not be served any longer: it may have been swapped since the request was resolved to it.
        Raises QueueFull at once where the queue is full, or the wait would be longer than the job may take;
        EngineStopped while shutting down, or where there is no engine; TokenizerError, InvalidRequest, NoModel or
        Conflict for a job that can't be done.
        """

    @property
    def takes_work(self) -> bool:
        """Whether jobs should be submitted, as far as the engine's state goes."""

    @property
    def stopping(self) -> bool:
        """Whether it is retired, or draining."""

    @property
    def outage(self) -> str:
        """Why it takes no work although it is not stopping."""

    @property
    def running(self) -> int:
        """Running requests: those with slots."""

    def is_moving(self, patience_s: float) -> bool:
        """Whether the engine lives, and its current step has not taken longer than patience_s."""

    def retire(self) -> None:
        """Say that no work should be sent any more; what still comes is done, until `drain`."""

    def drain(self, timeout_s: float) -> None:
        """Refuse new jobs, and finish the others within the timeout. Of several calls, the earliest deadline holds."""

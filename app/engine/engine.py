"""One thread that owns every tensor, and the queue before it.

A request waits until what runs is done; then all that wait for the same work on the same model run
as one batch.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, overload

import torch

from app.engine.classification import classify
from app.engine.generation import generate
from app.engine.jobs import (
    ClassifyJob,
    GenerateJob,
    Generation,
    Job,
    Prediction,
    PredictJob,
    TranslateJob,
    Translation,
    Verdict,
)  # fmt: skip
from app.engine.prediction import predict
from app.engine.registry import Registry
from app.engine.translation import translate_jobs
from app.errors import EngineStopped, QueueFull, ServiceError
from app.logs import get_logger, request_id
from models.checkpoint import Checkpoint
from models.errors import ModelError

Work = Callable[[Checkpoint, Sequence[Any]], Sequence[Any]]
WORK: dict[type[Any], Work] = {
    GenerateJob: generate,
    PredictJob: predict,
    ClassifyJob: classify,
    TranslateJob: translate_jobs,
}
BATCHED = (GenerateJob, ClassifyJob)
"""Work that takes several jobs in the time of about one; other jobs run one after the other."""
log = get_logger(__name__)


@dataclass
class _Ticket:
    job: Job
    request_id: str
    future: "Future[Any]" = field(default_factory=Future)


class Engine:
    """Runs jobs. `submit` may be called from any thread; everything else happens in the engine's own."""

    def __init__(
        self,
        registry: Registry,
        max_queued: int = 512,
        max_batch: int = 64,
        threads: int = 0,
        work: dict[type[Any], Work] | None = None,
    ) -> None:
        self.registry = registry
        self._max_queued, self._max_batch, self._threads = max_queued, max_batch, threads
        self._work = work or WORK
        self._waiting: deque[_Ticket] = deque()
        self._condition = threading.Condition()
        self._stopping = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Refuse what comes, end what runs and waits within the time, and fail the rest with EngineStopped."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join(timeout_s)
        with self._condition:
            left, self._waiting = list(self._waiting), deque()
        for ticket in left:
            if ticket.future.set_running_or_notify_cancel():
                ticket.future.set_exception(EngineStopped("the service is shutting down"))

    @overload
    def submit(self, job: GenerateJob) -> "Future[Generation]": ...
    @overload
    def submit(self, job: PredictJob) -> "Future[Prediction]": ...
    @overload
    def submit(self, job: ClassifyJob) -> "Future[list[Verdict]]": ...
    @overload
    def submit(self, job: TranslateJob) -> "Future[list[Translation]]": ...
    def submit(self, job: Job) -> "Future[Any]":
        """Queue a job; its future gets the result, or the error. A cancelled future is never run.

        Raises QueueFull at once where too much is waiting, EngineStopped while shutting down.
        """
        ticket = _Ticket(job, request_id.get())
        with self._condition:
            if not self.takes_work:
                raise EngineStopped("the service is shutting down")
            if len(self._waiting) >= self._max_queued:
                raise QueueFull(f"{len(self._waiting)} requests are waiting, and no more may")
            self._waiting.append(ticket)
            self._condition.notify()
        return ticket.future

    @property
    def takes_work(self) -> bool:
        """Whether a job submitted now would be run."""
        return self._thread.is_alive() and not self._stopping

    def is_moving(self, patience_s: float) -> bool:
        """Whether the thread lives and its batch has not been running for longer than patience_s."""
        since = self._busy_since
        return self._thread.is_alive() and (since is None or time.monotonic() - since < patience_s)

    def _run(self) -> None:
        if self._threads:
            torch.set_num_threads(self._threads)  # counts only when called in the thread that computes
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._stopping)
                if not self._waiting:
                    return
                batch = self._take()
            live = [ticket for ticket in batch if ticket.future.set_running_or_notify_cancel()]
            if live:
                self._busy_since = time.monotonic()
                with torch.inference_mode():
                    self._serve(live)
                self._busy_since = None

    def _take(self) -> list[_Ticket]:
        """The first that waits, and others of its kind and model where that kind is batched."""
        first = self._waiting[0].job
        most = self._max_batch if isinstance(first, BATCHED) else 1
        batch: list[_Ticket] = []
        rest: deque[_Ticket] = deque()
        for ticket in self._waiting:
            alike = type(ticket.job) is type(first) and ticket.job.model == first.model
            (batch if alike and len(batch) < most else rest).append(ticket)
        self._waiting = rest
        return batch

    def _serve(self, batch: list[_Ticket]) -> None:
        """Run a batch; where it fails, run each job alone, so that only the guilty one fails."""
        started = time.monotonic()
        job = batch[0].job
        try:
            results = self._work[type(job)](self.registry.get(job.model), [ticket.job for ticket in batch])
        except Exception as error:
            if len(batch) == 1 and isinstance(error, ServiceError | ModelError):
                batch[0].future.set_exception(error)
                return
            if len(batch) == 1:
                log.exception("job_failed", kind=type(job).__name__, model=job.model, request_id=batch[0].request_id)
                batch[0].future.set_exception(error)
                return
            for ticket in batch:
                self._serve([ticket])
            return
        for ticket, result in zip(batch, results, strict=True):
            ticket.future.set_result(result)
        duration_ms = round(1000 * (time.monotonic() - started), 1)
        log.info("batch_done", kind=type(job).__name__, model=job.model, jobs=len(batch), duration_ms=duration_ms)

"""The engine: one thread that owns every tensor and runs the batches.

submit   on an event loop: tokenizes the text and queues the job, or refuses it at once
inbox    submitted jobs on their way to the thread
queue    queued jobs of a model, scheduled fairly between callers
lanes    running jobs of a model: each step of the engine is one step of one lane
outbox   the events of a step, sent to the event loop in one callback
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch

from app.catalog.registry import Registry, Served
from app.engine.admission import Admission
from app.engine.bounds import Bounds
from app.engine.jobs import Job
from app.engine.lanes.translate_task import TranslateTask
from app.engine.lanes.wiring import ModelLanes, Task, make_lanes, prepare
from app.engine.meter import Meter
from app.engine.outbox import Outbox
from app.engine.progress import Progress
from app.engine.queue import FairQueue
from app.engine.reading import Readers
from app.engine.scheduler import FairTurns
from app.engine.ticket import Caller, Ticket
from app.errors import DeadlineExceeded, EngineStopped
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics

LONG_TEXT = 2_000
"""Longer texts, in characters, are tokenized in other threads, so as not to block the event loop."""
REVIEW_S = 0.5
"""How often it is checked whether what is queued will still end in time."""
SWITCH_S = 0.0005
"""The GIL's switch interval where an event loop runs beside. Python's default of 5 ms is as long as two steps."""
IDLE_SWEEP_S = 0.1
"""An idle engine looks this often whether parked streams or a shutdown need something."""
log = get_logger(__name__)


@dataclass(frozen=True)
class EngineConfig:
    """max_rows are the slots of a model. Batching by request admits only when nothing runs: a baseline for benchmarks.

    torch_threads are PyTorch's threads in the engine's thread; int8 runtimes have their own threads.
    """

    max_queued: int = 1024
    max_rows: int = 256
    torch_threads: int = 1
    timeout_s: float = 60.0
    batching: Literal["step", "request"] = "step"
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(eq=False)
class _Entry:
    """A queued task and its model."""

    task: Task
    served: Served

    @property
    def ticket(self) -> Ticket:
        return self.task.ticket


class Engine:
    """Runs jobs. submit is called on an event loop, of which there may be several; all else runs in its own thread."""

    def __init__(
        self,
        registry: Registry,
        config: EngineConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
        metrics: Metrics | None = None,
    ) -> None:
        self.registry = registry
        self.config = config or EngineConfig()
        self._clock = clock
        self._condition = threading.Condition()
        self._inbox: deque[_Entry] = deque()
        self._queues: dict[Served, FairQueue[_Entry]] = {}
        self._lanes: dict[Served, ModelLanes] = {}
        self._running: dict[Ticket, _Entry] = {}
        self._callers: Counter[str] = Counter()
        """The running requests of each caller."""
        self._readers = Readers()
        self._outbox = Outbox()
        self._scheduler = FairTurns(clock)
        self._meter = Meter(metrics or Metrics(), clock)
        self._admission = Admission(self.config.max_queued)
        self._progress = Progress(self._admission, self.config.max_rows, clock)
        self._review_at = clock()
        self._stop_by: float | None = None
        self._retired = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def retire(self) -> None:
        """Say that no work should be sent any more; what still comes is done, until `drain`."""
        self._retired = True

    def drain(self, timeout_s: float) -> None:
        """Refuse new jobs, and finish the others within the timeout.

        Then interrupt those that can continue in another process, and fail the rest with EngineStopped. Returns at
        once. Of several calls, the earliest deadline holds.
        """
        with self._condition:
            self._stop_by = min(self._clock() + timeout_s, self._stop_by or math.inf)
            self._condition.notify()

    def stop(self, timeout_s: float) -> None:
        """Drain, and wait until the thread has ended."""
        self.drain(timeout_s)
        self._thread.join(timeout_s + 1)

    async def submit(self, job: Job, served: Served, caller: Caller | None = None) -> Ticket:
        """Queue a job for a model; its ticket gets the events and the result.

        The model need not be served any longer: it may have been swapped since the request was resolved to it.
        Raises QueueFull at once where the queue is full, or the wait would be longer than the job may take;
        TooMuchWork for a translation that takes longer than it may also if it is alone; EngineStopped while shutting
        down; TokenizerError, InvalidRequest, NoModel or Conflict for a job that can't be done.
        """
        ticket = Ticket(job, caller or Caller(), self.config.timeout_s, self._clock(), on_read=self._wake)
        self._enqueue(ticket, served)
        try:
            if job.characters > LONG_TEXT:
                task = await self._readers.call(
                    ticket.caller.name, partial(prepare, ticket, served, self.config.bounds)
                )
            else:
                task = prepare(ticket, served, self.config.bounds)
            if isinstance(task, TranslateTask):
                self._admission.check_search(task.work, served.name, ticket, self._clock())
        except BaseException:
            self._admission.leave(ticket, served.name)
            self._admission.end(ticket)
            raise
        ticket.score_count = task.score_count
        with self._condition:
            self._inbox.append(_Entry(task, served))
            self._condition.notify()
        return ticket

    @property
    def takes_work(self) -> bool:
        """Whether jobs should be submitted, as far as the engine's state goes."""
        return self._accepts and not self._retired

    @property
    def _accepts(self) -> bool:
        """Whether a job submitted now is accepted."""
        started = self._thread.ident is not None
        return self._stop_by is None and (self._thread.is_alive() or not started)

    @property
    def stopping(self) -> bool:
        """Whether it is retired, or draining."""
        return self._retired or self._stop_by is not None

    @property
    def outage(self) -> str:
        """Why it takes no work although it is not stopping."""
        return "the engine's thread has died"

    @property
    def queued(self) -> int:
        """Queued requests: submitted, and without a slot yet."""
        return self._admission.queued

    @property
    def running(self) -> int:
        """Running requests: those with slots."""
        return len(self._running)

    @property
    def empty(self) -> bool:
        """Whether nothing is left of any job: no ticket, no slot, no state that is set aside."""
        lanes_empty = all(lanes.empty and lanes.free_slots == self.config.max_rows for lanes in self._lanes.values())
        return lanes_empty and not (self.queued or self._running)

    def is_moving(self, patience_s: float) -> bool:
        """Whether the thread is alive and its current step has not taken longer than patience_s."""
        since = self._busy_since
        return self._thread.is_alive() and (since is None or self._clock() - since < patience_s)

    def predicted_wait_s(self) -> float:
        """How long the last of the queued requests will wait for a slot."""
        return self._admission.predicted_wait_s()

    def _enqueue(self, ticket: Ticket, served: Served) -> None:
        with self._condition:  # a drain comes before or after both, so that the thread does not end in between
            if not self._accepts:
                raise EngineStopped("the service is shutting down")
            self._admission.enter(ticket, served.name)

    def _wake(self) -> None:
        """A client has read its events: its rows may be parked, with the thread asleep."""
        if self._busy_since is None:
            with self._condition:
                self._condition.notify()

    def _run(self) -> None:
        torch.set_num_threads(self.config.torch_threads)  # counts only when called in the thread that computes
        with torch.inference_mode():
            while self._wait():
                self._busy_since = self._clock()
                self.step()
                self._busy_since = None
            for lanes in self._lanes.values():
                lanes.interrupt()
        self._fail_all(EngineStopped("the service is shutting down"))
        self._outbox.send()

    def step(self) -> None:
        """Expire, review and admit requests, run one step of one lane, and send its events.

        For the engine's own thread. Tests that control each step start no thread, and call it.
        """
        try:
            self._fetch()
            self._expire()
            self._review()
            self._drop_closed()
            for lanes in self._lanes.values():
                lanes.sweep()
            self._account()
            self._admit()
            self._run_lane()
        except Exception:
            log.exception("step_failed")
            self._fail_all(RuntimeError("the engine failed"))
        self._outbox.send()

    def _run_lane(self) -> None:
        models = {lane: served for served, lanes in self._lanes.items() for lane in lanes.lanes}
        done = self._scheduler.step(list(models))
        if done:
            lane, work, seconds = done
            self._meter.stepped(models[lane].name, lane, work, seconds)
            self._progress.stepped(models[lane].name, lane, work, seconds)

    def _fetch(self) -> None:
        with self._condition:
            entries, self._inbox = self._inbox, deque()
        for entry in entries:
            self._queues.setdefault(entry.served, FairQueue()).add(entry)

    def _wait(self) -> bool:
        """Wait for work if there is none. Returns whether to continue."""
        with self._condition:
            if not self._inbox and self._idle():
                # parked streams and a shutdown need another look after a while
                restless = self._running or self._queues or self._stop_by is not None
                self._condition.wait(IDLE_SWEEP_S if restless else None)
            stop_by = self._stop_by
        if stop_by is None:
            return True
        return self._clock() < stop_by and bool(self._running or self.queued)

    def _idle(self) -> bool:
        for lanes in self._lanes.values():
            if lanes.busy or lanes.has_aside:
                return False
        return bool(self._running) or not self._queues

    def _expire(self) -> None:
        now = self._clock()
        for ticket in self._tickets():
            if now > ticket.deadline and not ticket.closed:
                if ticket.alone and not ticket.posted:  # a stream that has begun can be resumed
                    self._outbox.fail(ticket, self._progress.unfinished(ticket, now))
                else:
                    self._outbox.fail(ticket, DeadlineExceeded(f"no answer within {ticket.timeout_s:g} s"))

    def _review(self) -> None:
        """Refuse, after all, what is queued or begun and will not end in time: its client learns it now."""
        now = self._clock()
        if now < self._review_at:
            return
        self._review_at = now + REVIEW_S
        for served, queue in self._queues.items():
            for line in queue.lines():
                for ticket, error in self._admission.late([entry.ticket for entry in line], served.name, now):
                    self._outbox.fail(ticket, error)
        if not self.stopping:  # a drain has a time of its own, and its clients learn of that
            for ticket, reason in self._progress.late(now):
                self._outbox.fail(ticket, reason)

    def _drop_closed(self) -> None:
        """Remove the queued tickets that have ended."""
        for queue in self._queues.values():
            for entry in [entry for entry in queue if entry.ticket.closed]:
                queue.remove(entry)
                self._admission.leave(entry.ticket, entry.served.name)
                self._admission.end(entry.ticket)
                self._meter.ended(entry.ticket)

    def _account(self) -> None:
        """Record finished tickets; drop the lanes of a model that was swapped out and has no task left."""
        ended = [entry for ticket, entry in self._running.items() if ticket.closed]
        for entry in ended:
            caller = entry.ticket.caller.name
            del self._running[entry.ticket]
            self._admission.end(entry.ticket)
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]
            self._meter.ended(entry.ticket)
        by_name = {served.name: lanes for served, lanes in self._lanes.items()}
        self._progress.end([entry.task for entry in ended], by_name)
        swapped_out = [served for served in self._lanes if self.registry.models.get(served.name) is not served]
        for served in swapped_out:
            if self._lanes[served].empty:
                del self._lanes[served]

    def _admit(self) -> None:
        """Start queued tasks, of the least served caller first, while there are slots for the next one."""
        if self.config.batching == "request" and self._running:
            return
        for served, queue in list(self._queues.items()):
            lanes = self._lanes.get(served)
            if lanes is None:
                lanes = self._lanes[served] = make_lanes(served, self.config.max_rows, self._outbox)
            while entry := self._next(lanes, queue):
                queue.take(entry)
                self._admission.leave(entry.ticket, served.name)
                self._running[entry.ticket] = entry
                self._callers[entry.ticket.caller.name] += 1
                self._meter.admitted(entry.ticket)
                self._progress.start(served.name, entry.task)
                lanes.start(entry.task)
            if queue.next() is None:
                del self._queues[served]
        for served, lanes in self._lanes.items():
            if served not in self._queues:
                lanes.bring_back(None)

    def _next(self, lanes: ModelLanes, queue: FairQueue[_Entry]) -> _Entry | None:
        """The queued task that can start now, if any: the next one, or one of a caller with less than its share.

        Tasks of callers with more than their share of the slots are set aside for it. None starts that would make
        others late.
        """
        entry = queue.next()
        if entry is None:
            return None
        free = lanes.bring_back(entry.task)
        fits = self._progress.fits(entry.served.name, entry.task)
        if free and fits and (lanes.free_slots >= entry.task.slots or lanes.empty):
            return entry
        if self._callers.keys() <= {entry.ticket.caller.name} and queue.callers == 1:
            return None
        held = lanes.held()
        for other in [entry, *queue.others()] if fits else queue.others():
            if not self._progress.fits(other.served.name, other.task):
                continue
            if (not fits and lanes.free_slots >= other.task.slots) or lanes.make_room(other.task, held):
                return other
        return None

    def _tickets(self) -> Iterator[Ticket]:
        yield from self._running
        yield from (entry.ticket for queue in self._queues.values() for entry in queue)

    def _fail_all(self, error: Exception) -> None:
        """Fail all queued and running jobs."""
        with self._condition:
            entries, self._inbox = self._inbox, deque()
        for ticket in [*self._tickets(), *(entry.ticket for entry in entries)]:
            if not ticket.closed:
                self._outbox.fail(ticket, error)
        for entry in [*entries, *(entry for queue in self._queues.values() for entry in queue)]:
            self._admission.leave(entry.ticket, entry.served.name)
            self._admission.end(entry.ticket)
        for ticket in self._running:
            self._admission.end(ticket)
        self._queues.clear()
        self._running.clear()
        self._callers.clear()
        self._lanes.clear()
        self._progress.clear()

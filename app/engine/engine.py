"""The engine: one thread that owns every tensor and runs the batches.

submit   on an event loop: tokenizes the text and queues the job, or refuses it at once
inbox    submitted jobs on their way to the thread
queue    queued jobs of a model, scheduled fairly between callers
lanes    running jobs of a model: each step of the engine is one step of one lane
outbox   the events of a step, sent to the event loop in one callback
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from app.catalog.registry import Registry, Served
from app.engine.jobs import Job
from app.engine.lanes.wiring import ModelLanes, Task, make_lanes, prepare
from app.engine.meter import Meter
from app.engine.queue import FairQueue, Pace
from app.engine.scheduler import RoundRobin
from app.engine.ticket import Caller, Outbox, Ticket
from app.errors import DeadlineExceeded, EngineStopped, QueueFull
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics

LONG_TEXT = 2_000
"""Characters from which on a text becomes ids in another thread, so that the event loop goes on."""
IDLE_SWEEP_S = 0.1
log = get_logger(__name__)


@dataclass(frozen=True)
class EngineConfig:
    """max_rows are the slots of a model. Batching by request admits only when nothing runs: a baseline for benchmarks.

    torch_threads are those of PyTorch in the engine's thread: runtimes in int8 bring threads of their own.
    """

    max_queued: int = 1024
    max_rows: int = 256
    torch_threads: int = 1
    timeout_s: float = 60.0
    batching: Literal["step", "request"] = "step"


@dataclass(eq=False)
class _Entry:
    """A queued task and its model."""

    task: Task
    served: Served

    @property
    def ticket(self) -> Ticket:
        return self.task.ticket


class Engine:
    """Runs jobs. submit is called on an event loop, of which there may be several; all else happens in its thread."""

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
        self._running: set[Ticket] = set()
        self._outbox = Outbox()
        self._round = RoundRobin(clock)
        self._meter = Meter(metrics or Metrics(), clock)
        self._pace = Pace()
        self._ended = clock()
        self._reserved = 0  # requests between submit and a slot
        self._waiting_cost = 0.0
        self._stop_by: float | None = None
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def drain(self, timeout_s: float) -> None:
        """Refuse what comes, end what runs and waits within the time; then interrupt what can go on elsewhere, and
        fail the rest with EngineStopped. Returns at once; a time that was set before and is shorter holds."""
        with self._condition:
            self._stop_by = min(self._clock() + timeout_s, self._stop_by or math.inf)
            self._condition.notify()

    def stop(self, timeout_s: float) -> None:
        """Drain, and wait for the end of it."""
        self.drain(timeout_s)
        self._thread.join(timeout_s + 1)

    async def submit(self, job: Job, served: Served, caller: Caller | None = None) -> Ticket:
        """Queue a job for a model; its ticket gets the events and the result.

        The model need not be served any longer: it may have been swapped since the request was resolved to it.
        Raises QueueFull at once where the queue is full, or the wait would be longer than the job may take;
        EngineStopped while shutting down; TokenizerError, InvalidRequest, NoModel or Conflict for a job that can't
        be done.
        """
        ticket = Ticket(job, caller or Caller(), self.config.timeout_s, self._clock(), on_room=self._wake)
        self._reserve(ticket)
        try:
            if job.characters > LONG_TEXT:
                task = await asyncio.to_thread(prepare, ticket, served)
            else:
                task = prepare(ticket, served)
        except BaseException:
            self._release(ticket)
            raise
        with self._condition:
            self._inbox.append(_Entry(task, served))
            self._condition.notify()
        return ticket

    @property
    def takes_work(self) -> bool:
        """Whether a job submitted now would be run."""
        started = self._thread.ident is not None
        return self._stop_by is None and (self._thread.is_alive() or not started)

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop_by is not None

    @property
    def waiting(self) -> int:
        """How many requests have been let in and have no slot yet."""
        return self._reserved

    @property
    def running(self) -> int:
        """How many requests have slots."""
        return len(self._running)

    def is_moving(self, patience_s: float) -> bool:
        """Whether the thread lives and its step has not been running for longer than patience_s."""
        since = self._busy_since
        return self._thread.is_alive() and (since is None or self._clock() - since < patience_s)

    def predicted_wait_s(self) -> float:
        """How long a request that came now would wait for a slot."""
        return self._pace.seconds(self._waiting_cost)

    def _reserve(self, ticket: Ticket) -> None:
        with self._condition:
            if not self.takes_work:
                raise EngineStopped("the service is shutting down")
            wait_s = self.predicted_wait_s()
            if self._reserved >= self.config.max_queued:
                raise QueueFull(f"{self._reserved} requests are waiting, and no more may", retry_after_s=wait_s)
            if wait_s > ticket.timeout_s:
                detail = f"it would wait about {wait_s:.0f} s, and may take {ticket.timeout_s:g} s"
                raise QueueFull(detail, retry_after_s=wait_s - ticket.timeout_s / 2)
            self._reserved += 1
            self._waiting_cost += ticket.cost

    def _release(self, ticket: Ticket) -> None:
        with self._condition:
            self._reserved -= 1
            self._waiting_cost -= ticket.cost

    def _wake(self) -> None:
        """A reader has caught up: its stream may have been set aside, with the thread asleep."""
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
        """Expire and admit requests, run one step of one lane, and send its events.

        For the engine's own thread. Tests that control each step start no thread, and call it.
        """
        try:
            self._fetch()
            self._expire()
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
        owners = {lane: served for served, lanes in self._lanes.items() for lane in lanes.lanes}
        done = self._round.step(list(owners))
        if done:
            lane, work, seconds = done
            self._meter.stepped(owners[lane].name, lane, work, seconds)

    def _fetch(self) -> None:
        with self._condition:
            entries, self._inbox = self._inbox, deque()
        for entry in entries:
            self._queues.setdefault(entry.served, FairQueue()).add(entry)

    def _wait(self) -> bool:
        """Wait for work where there is none. Returns whether to go on."""
        with self._condition:
            if not self._inbox and self._idle():
                # streams that are set aside, and a stop, are looked at again after a while
                restless = self._running or self._queues or self._stop_by is not None
                self._condition.wait(IDLE_SWEEP_S if restless else None)
            stop_by = self._stop_by
        if stop_by is None:
            return True
        return self._clock() < stop_by and bool(self._running or self._reserved)

    def _idle(self) -> bool:
        if self._queues and not self._running:
            return False
        return not any(lane.busy for lanes in self._lanes.values() for lane in lanes.lanes)

    def _expire(self) -> None:
        now = self._clock()
        for ticket in self._tickets():
            if now > ticket.deadline and not ticket.gone:
                self._outbox.fail(ticket, DeadlineExceeded(f"no answer within {ticket.timeout_s:g} s"))
        for queue in self._queues.values():
            for entry in [entry for entry in queue if entry.ticket.gone]:
                queue.remove(entry)
                self._release(entry.ticket)
                self._meter.over(entry.ticket)

    def _account(self) -> None:
        """Note who has ended, for the pace; forget the lanes of a model that was swapped and has nothing left."""
        ended = [ticket for ticket in self._running if ticket.gone]
        if ended:
            now = self._clock()
            since = max(self._ended, min(ticket.made for ticket in ended))
            self._pace.ended(sum(ticket.cost for ticket in ended), now - since)
            self._ended = now
            self._running.difference_update(ended)
            for ticket in ended:
                self._meter.over(ticket)
        for served in [served for served, lanes in self._lanes.items() if lanes.empty]:
            if self.registry.models.get(served.name) is not served:
                del self._lanes[served]

    def _admit(self) -> None:
        """Start queued tasks, of the least served caller first, while the slots suffice for the next one."""
        if self.config.batching == "request" and self._running:
            return
        for served, queue in list(self._queues.items()):
            lanes = self._lanes.get(served)
            if lanes is None:
                lanes = self._lanes[served] = make_lanes(served, self.config.max_rows, self._outbox)
            while (entry := queue.next()) and (lanes.free_slots >= entry.task.slots or lanes.empty):
                queue.take(entry)
                self._release(entry.ticket)
                self._running.add(entry.ticket)
                self._meter.admitted(entry.ticket)
                lanes.start(entry.task)
            if entry is None:
                del self._queues[served]

    def _tickets(self) -> Iterator[Ticket]:
        yield from self._running
        yield from (entry.ticket for queue in self._queues.values() for entry in queue)

    def _fail_all(self, error: Exception) -> None:
        """Fail whatever is left, and forget what ran."""
        with self._condition:
            entries, self._inbox = self._inbox, deque()
        for ticket in [*self._tickets(), *(entry.ticket for entry in entries)]:
            if not ticket.gone:
                self._outbox.fail(ticket, error)
        for entry in [*entries, *(entry for queue in self._queues.values() for entry in queue)]:
            self._release(entry.ticket)
        self._queues.clear()
        self._running.clear()
        self._lanes.clear()

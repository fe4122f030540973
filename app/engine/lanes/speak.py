"""Speech: a step is a word of one job, so that its samples depend on no other job, and a long text blocks nobody."""

import numpy as np

from app.engine.jobs import SpeakJob, Speech
from app.engine.lanes.lane import Lane, Work
from app.engine.outbox import Outbox
from app.engine.shares import Shares
from app.engine.ticket import Ticket
from models.runtime.speaker import PAUSE_S, FloatSpeaker
from models.sound import Wave


class SpeakTask:
    """A SpeakJob, and the samples of its words so far."""

    slots = 1
    score_count = 0

    def __init__(self, ticket: Ticket) -> None:
        assert isinstance(ticket.job, SpeakJob)
        self.ticket, self.job = ticket, ticket.job
        self.parts: list[Wave] = []

    @property
    def progress(self) -> float:
        return len(self.parts) / len(self.job.words)


class SpeakLane(Lane):
    """Speaks the next word of the job that has waited longest, of the caller that has been served least, by words."""

    name = "speak"

    def __init__(self, runtime: FloatSpeaker, outbox: Outbox) -> None:
        self._runtime, self._outbox = runtime, outbox
        self._queue: list[SpeakTask] = []
        self._shares = Shares()

    @property
    def slots(self) -> int:
        return len(self._queue)

    @property
    def busy(self) -> bool:
        return bool(self._queue)

    def add(self, task: SpeakTask) -> None:
        caller = task.ticket.caller.name
        if not any(other.ticket.caller.name == caller for other in self._queue):
            self._shares.join(caller)
        self._queue.append(task)

    def sweep(self) -> None:
        self._queue = [task for task in self._queue if not task.ticket.closed]

    def step(self, _alone: bool, /) -> Work:
        task = min(self._queue, key=lambda task: self._shares.of(task.ticket.caller.name))
        self._shares.charge(task.ticket.caller.name, 1.0)
        job, index = task.job, len(task.parts)
        work = Work(1, prompt_tokens=1)
        try:
            task.parts.append(self._runtime.speak(job.words[index], job.voice, job.seed, index, job.speed))
        except Exception as error:
            self._outbox.fail(task.ticket, error)
        else:
            if len(task.parts) == len(job.words):
                self._outbox.finish(task.ticket, Speech(self._joined(task).tobytes()))
        if task.ticket.closed or len(task.parts) == len(job.words):
            self._queue.remove(task)
        if not self._queue:
            self._shares.clear()
        return work

    def _joined(self, task: SpeakTask) -> Wave:
        """All words, with pauses before, between and after them."""
        pause = self._runtime.silence(PAUSE_S / task.job.speed)
        return np.concatenate([pause, *(part for word in task.parts for part in (word, pause))])

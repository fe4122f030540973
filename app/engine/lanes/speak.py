"""Speech: a step is a word of one job, so that its samples depend on no other job, and a long text blocks nobody."""

import numpy as np

from app.engine.jobs import SpeakJob, Speech
from app.engine.lanes.fair import FairLane
from app.engine.lanes.lane import Work
from app.engine.outbox import Outbox
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


class SpeakLane(FairLane[SpeakTask]):
    """Speaks the next word of the job that has waited longest, of the caller that has been served least, by words."""

    name = "speak"

    def __init__(self, runtime: FloatSpeaker, outbox: Outbox) -> None:
        super().__init__()
        self._runtime, self._outbox = runtime, outbox

    def step(self, _alone: bool, /) -> Work:
        task = self.next_task()
        self.charge(task, 1.0)
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
            self.remove(task)
        return work

    def _joined(self, task: SpeakTask) -> Wave:
        """All words, with pauses before, between and after them."""
        pause = self._runtime.silence(PAUSE_S / task.job.speed)
        return np.concatenate([pause, *(part for word in task.parts for part in (word, pause))])

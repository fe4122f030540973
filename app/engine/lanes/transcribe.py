"""Recognition of the words in recordings, one recording a step: its numbers then depend on no other recording."""

import numpy as np

from app.engine.jobs import HeardWord, TranscribeJob, Transcription
from app.engine.lanes.lane import Lane, Work
from app.engine.outbox import Outbox
from app.engine.shares import Shares
from app.engine.ticket import Ticket
from models.runtime.recognizer import FloatRecognizer
from models.text.tokenizers import Tokenizer


class TranscribeTask:
    """A TranscribeJob."""

    slots = 1
    score_count = 0

    def __init__(self, ticket: Ticket) -> None:
        assert isinstance(ticket.job, TranscribeJob)
        self.ticket, self.job = ticket, ticket.job

    @property
    def progress(self) -> float:
        """Whether it is done, as 0 or 1."""
        return float(self.ticket.closed)


class TranscribeLane(Lane):
    """Reads the recording that has waited longest, of the caller that has been served least, by seconds."""

    name = "transcribe"

    def __init__(self, runtime: FloatRecognizer, tokenizer: Tokenizer, outbox: Outbox) -> None:
        self._runtime, self._tokenizer, self._outbox = runtime, tokenizer, outbox
        self._queue: list[TranscribeTask] = []
        self._shares = Shares()

    @property
    def slots(self) -> int:
        return len(self._queue)

    @property
    def busy(self) -> bool:
        return bool(self._queue)

    def add(self, task: TranscribeTask) -> None:
        caller = task.ticket.caller.name
        if all(other.ticket.caller.name != caller for other in self._queue):
            self._shares.join(caller)
        self._queue.append(task)

    def sweep(self) -> None:
        self._queue = [task for task in self._queue if not task.ticket.closed]

    def step(self, _alone: bool, /) -> Work:
        task = min(self._queue, key=lambda task: self._shares.of(task.ticket.caller.name))
        self._queue.remove(task)
        self._shares.charge(task.ticket.caller.name, task.job.cost)
        if not self._queue:
            self._shares.clear()
        try:
            self._outbox.finish(task.ticket, self._transcription(task.job))
        except Exception as error:
            self._outbox.fail(task.ticket, error)
        return Work(1, prompt_tokens=round(task.job.cost))

    def _transcription(self, job: TranscribeJob) -> Transcription:
        words = self._runtime.recognize(np.frombuffer(job.samples, np.float32).copy())
        return Transcription(
            tuple(
                HeardWord(self._tokenizer.decode([word.id]), word.start, word.end, word.peak, word.probability)
                for word in words
            )
        )

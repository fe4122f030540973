"""Recognition of the words in recordings, one recording a step: its numbers then depend on no other recording."""

import numpy as np

from app.engine.jobs import HeardWord, TranscribeJob, Transcription
from app.engine.lanes.fair import FairLane
from app.engine.lanes.lane import Work
from app.engine.outbox import Outbox
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


class TranscribeLane(FairLane[TranscribeTask]):
    """Reads the recording that has waited longest, of the caller that has been served least, by seconds."""

    name = "transcribe"

    def __init__(self, runtime: FloatRecognizer, tokenizer: Tokenizer, outbox: Outbox) -> None:
        super().__init__()
        self._runtime, self._tokenizer, self._outbox = runtime, tokenizer, outbox

    def step(self, _alone: bool, /) -> Work:
        task = self.next_task()
        self.charge(task, task.job.cost)
        self.remove(task)
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

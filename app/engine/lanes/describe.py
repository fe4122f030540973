"""Descriptions of pictures, one picture a step: its numbers then depend on no other picture."""

import numpy as np
import torch

from app.engine.jobs import Caption, DescribeJob
from app.engine.lanes.fair import FairLane
from app.engine.lanes.lane import Work
from app.engine.outbox import Outbox
from app.engine.ticket import Ticket
from models.decoding.captions import MAX_WORDS
from models.pictures import HEIGHT
from models.runtime.captioner import FloatCaptioner
from models.text.tokenizers import Tokenizer


class DescribeTask:
    """A DescribeJob."""

    slots = 1
    progress = 0.0

    def __init__(self, ticket: Ticket) -> None:
        assert isinstance(ticket.job, DescribeJob)
        self.ticket, self.job = ticket, ticket.job
        self.score_count = MAX_WORDS * self.job.steps if self.job.attention else 0


class DescribeLane(FairLane[DescribeTask]):
    """Reads the picture that has waited longest, of the caller that has been served least, by columns."""

    name = "describe"

    def __init__(self, runtime: FloatCaptioner, tokenizer: Tokenizer, outbox: Outbox) -> None:
        super().__init__()
        self._runtime, self._tokenizer, self._outbox = runtime, tokenizer, outbox

    def step(self, _alone: bool, /) -> Work:
        task = self.next_task()
        self.charge(task, task.job.steps)
        self.remove(task)
        try:
            caption = self._describe(task.job)
        except Exception as error:
            self._outbox.fail(task.ticket, error)
            return Work(1, prompt_tokens=task.job.steps)
        self._outbox.finish(task.ticket, caption)
        return Work(1, prompt_tokens=task.job.steps, generation_tokens=len(caption.words))

    def _describe(self, job: DescribeJob) -> Caption:
        pixels = np.frombuffer(job.pixels, np.uint8).reshape(HEIGHT, -1).astype(np.float32) / 255
        decoded = self._runtime.describe(torch.from_numpy(pixels), job.language, self._tokenizer.end_id)
        words = tuple(self._tokenizer.decode([index]) for index in decoded.ids)
        return Caption(words, decoded.probabilities, decoded.attention if job.attention else ())

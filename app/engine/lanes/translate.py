"""Beam search in the engine: the sentences, or texts, of all requests are encoded and decoded in batches."""

from collections import deque
from collections.abc import Iterable, Sequence

import torch

from app.engine.lanes.lane import Lane, Work, run_isolated
from app.engine.lanes.summarize_task import SummarizeTask
from app.engine.lanes.translate_task import TranslateTask
from app.engine.outbox import Outbox
from models.decoding.beam_search import Beam, BeamBatch, encode
from models.networks.encoder_output import EncoderOutput
from models.runtime.interface import TranslatorRuntime
from models.runtime.state import State
from models.text.tokenizers import Tokenizer

SearchTask = TranslateTask | SummarizeTask
ENCODE_TOKENS = 1024
"""Source tokens, padding included, that a step encodes."""


class EncodeQueue:
    """The beams that are not encoded yet, of each task in order; the tasks take turns."""

    def __init__(self) -> None:
        self._beams: dict[SearchTask, deque[Beam]] = {}  # the task whose turn is next stands first

    def __len__(self) -> int:
        """The tasks in it."""
        return len(self._beams)

    def add(self, task: SearchTask, beams: Iterable[Beam]) -> None:
        """Add beams of a task, which keeps its turn where it has one."""
        if beams := deque(beams):
            self._beams.setdefault(task, deque()).extend(beams)

    def sweep(self) -> None:
        """Drop the tasks whose ticket has ended."""
        self._beams = {task: beams for task, beams in self._beams.items() if not task.ticket.closed}

    @property
    def next(self) -> tuple[SearchTask, Beam]:
        """The next beam, with its task."""
        task, beams = next(iter(self._beams.items()))
        return task, beams[0]

    def take(self) -> tuple[SearchTask, Beam]:
        """Remove the next beam."""
        task, beam = self.next
        beams = self._beams.pop(task)
        beams.popleft()
        if beams:
            self._beams[task] = beams
        return task, beam


class EncodeLane(Lane):
    """Encodes queued sentences, round-robin over the requests, as long as there are rows to decode them."""

    name = "encode"

    def __init__(self, runtime: TranslatorRuntime, queue: EncodeQueue, beams: "BeamLane", outbox: Outbox) -> None:
        self._runtime, self._queue, self._beams, self._outbox = runtime, queue, beams, outbox

    @property
    def slots(self) -> int:
        return len(self._queue)

    @property
    def busy(self) -> bool:
        return bool(self._queue) and self._beams.accepts

    @property
    def empty(self) -> bool:
        return not self._queue

    def add(self, task: SearchTask) -> None:
        if beams := task.start():
            self._queue.add(task, beams)
        else:
            self._beams.post(task)  # no text of it has letters

    def sweep(self) -> None:
        self._queue.sweep()

    def step(self, _alone: bool, /) -> Work:
        batch = self._take_batch()
        for entries, result in run_isolated(batch, lambda some: encode(self._runtime, [beam for _, beam in some])):
            if isinstance(result, Exception):
                self._outbox.fail(entries[0][0].ticket, result)
            else:
                self._beams.join(entries, *result)
        search_work = sum(len(beam.source) * task.job.beam_size for task, beam in batch)
        return Work(len(batch), prompt_tokens=sum(len(beam.source) for _, beam in batch), search_work=search_work)

    def _take_batch(self) -> list[tuple[SearchTask, Beam]]:
        batch: list[tuple[SearchTask, Beam]] = []
        longest, rows = 0, self._beams.free_rows
        while self._queue:
            task, beam = self._queue.next
            longest = max(longest, len(beam.source))
            rows -= task.job.beam_size
            if batch and (rows < 0 or (len(batch) + 1) * longest > ENCODE_TOKENS):
                break
            batch.append(self._queue.take())
        return batch


class BeamLane(Lane):
    """Beam search: the sentences with the same beam size are one batch."""

    name = "beam"

    def __init__(
        self, runtime: TranslatorRuntime, tokenizer: Tokenizer, max_rows: int, queue: EncodeQueue, outbox: Outbox
    ) -> None:
        """queue is where the beams go that a sentence needs only when it can't be translated as a whole."""
        self._runtime, self._tokenizer, self._max_rows = runtime, tokenizer, max_rows
        self._queue, self._outbox = queue, outbox
        self._batches: deque[BeamBatch] = deque()
        self._tasks: dict[Beam, SearchTask] = {}

    @property
    def slots(self) -> int:
        return sum(len(batch) * batch.beam_size for batch in self._batches)

    @property
    def busy(self) -> bool:
        return bool(self._batches)

    @property
    def free_rows(self) -> int:
        return self._max_rows - self.slots

    @property
    def accepts(self) -> bool:
        """Whether more sentences should be encoded. Not for each row that is freed: larger batches are cheaper."""
        return not self._batches or self.free_rows >= self._max_rows // 4

    def join(self, entries: Sequence[tuple[SearchTask, Beam]], encoded: EncoderOutput, state: State) -> None:
        """Add encoded sentences to the batches of their beam sizes."""
        for beam_size in {task.job.beam_size for task, _ in entries}:
            indices = [index for index, (task, _) in enumerate(entries) if task.job.beam_size == beam_size]
            rows = torch.tensor(indices)
            self._batch(beam_size).add([entries[index][1] for index in indices], encoded.rows(rows), state.rows(rows))
        self._tasks |= {beam: task for task, beam in entries}

    def sweep(self) -> None:
        gone = {beam for beam, task in self._tasks.items() if task.ticket.closed}
        if gone:
            for batch in self._batches:
                batch.remove(gone)
            self._tasks = {beam: task for beam, task in self._tasks.items() if beam not in gone}
            self._batches = deque(batch for batch in self._batches if len(batch))

    def step(self, _alone: bool, /) -> Work:
        batch = self._batches.popleft()  # the next step is another batch's
        rows = len(batch) * batch.beam_size
        try:
            done = batch.step()
        except Exception as error:
            # nothing has changed: the halves step alone, down to the sentence that is the cause
            if len(batch) == 1:
                self._outbox.fail(self._tasks.pop(batch.beams[0]).ticket, error)
            else:
                self._batches += [batch.split(), batch]
            return Work(rows)
        if len(batch):
            self._batches.append(batch)
        for beam in done:
            self._end(beam)
        return Work(rows, generation_tokens=rows)

    def _batch(self, beam_size: int) -> BeamBatch:
        for batch in self._batches:
            if batch.beam_size == beam_size:
                return batch
        self._batches.append(BeamBatch(self._runtime, self._tokenizer.end_id, beam_size, self._tokenizer.symbol_ids))
        return self._batches[-1]

    def _end(self, beam: Beam) -> None:
        """Queue what the sentence of a beam that is done needs in its place, or post what has become ready."""
        task = self._tasks.pop(beam)
        if task.ticket.closed:
            return
        try:
            more = task.end(beam)
        except Exception as error:
            self._outbox.fail(task.ticket, error)
            return
        if more:
            self._queue.add(task, more)
        else:
            self.post(task)

    def post(self, task: SearchTask) -> None:
        """Post what has become ready with the end of a sentence."""
        if task.ticket.closed:
            return
        try:
            if isinstance(task, TranslateTask) and task.job.stream:
                for event in task.new_events():
                    self._outbox.post(task.ticket, event)
            if task.done:
                self._outbox.finish(task.ticket, task.result())
        except Exception as error:
            self._outbox.fail(task.ticket, error)

"""Translation: texts are split into sentences; the sentences of all requests are encoded and decoded in batches."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import torch

from app.engine.jobs import AttentionMap, SentenceEvent, TranslateJob, Translation
from app.engine.lanes.lane import Lane, Work, run_isolated
from app.engine.outbox import Outbox
from app.engine.ticket import Ticket
from app.errors import InvalidRequest
from models.decoding.beam_search import Beam, BeamBatch, Hypothesis, SearchConfig, encode, source_ids
from models.networks.encoder_output import EncoderOutput
from models.networks.translator import Translator
from models.runtime.interface import TranslatorRuntime
from models.runtime.state import State
from models.text.sentences import Sentence, match_capitalization, split_sentences
from models.text.tokenizers import Tokenizer

MAX_ATTENTION_TOKENS = 512  # the map grows with the square of it
ENCODE_TOKENS = 1024
"""Source tokens, padding included, that a step encodes."""


class TranslateTask:
    """A TranslateJob as beams, one a sentence.

    Raises InvalidRequest where attention is requested for more than MAX_ATTENTION_TOKENS.
    """

    def __init__(self, ticket: Ticket, model: Translator, tokenizer: Tokenizer) -> None:
        assert isinstance(ticket.job, TranslateJob)
        self.ticket, self.job, self._tokenizer = ticket, ticket.job, tokenizer
        # a text of white space only is one sentence, so that every text has one
        self._split = [split_sentences(text) or [Sentence(text, 0, len(text))] for text in self.job.texts]
        config = SearchConfig(self.job.beam_size, self.job.length_penalty, keep_attention=self.job.attention)
        self._texts = [sentence.text for sentences in self._split for sentence in sentences]
        self.beams = [Beam(source_ids(model, tokenizer, text, self.job.target), config) for text in self._texts]
        source_tokens = sum(len(beam.source) for beam in self.beams)
        if self.job.attention and source_tokens > MAX_ATTENTION_TOKENS:
            detail = f"attention is given for at most {MAX_ATTENTION_TOKENS} source tokens; given: {source_tokens}"
            raise InvalidRequest(detail, "attention")
        self.slots = self.job.beam_size
        self._sent = 0  # sentences whose event has been returned
        self._positions = [  # of each sentence, its text and its index in it
            (index, position) for index, sentences in enumerate(self._split) for position in range(len(sentences))
        ]

    @property
    def done(self) -> bool:
        return all(beam.done for beam in self.beams)

    def new_events(self) -> list[SentenceEvent]:
        """Events of the sentences, in order, that have become ready since the last call."""
        events = []
        while self._sent < len(self.beams) and self.beams[self._sent].done:
            index, position = self._positions[self._sent]
            text = self._text(self._sent, 0) + self._gaps(index)[position]
            events.append(SentenceEvent(index, text))
            self._sent += 1
        return events

    def result(self) -> list[Translation]:
        results, begin = [], 0
        for index, sentences in enumerate(self._split):
            results.append(self._join(index, range(begin, begin + len(sentences))))
            begin += len(sentences)
        return results

    def _join(self, index: int, numbers: range) -> Translation:
        """Join the sentences of a text, which have these numbers, with the white space between them."""
        gaps = self._gaps(index)

        def text_of(rank: int) -> str:
            return "".join(self._text(number, rank) + gap for number, gap in zip(numbers, gaps, strict=True))

        best = text_of(0)
        others = [text for rank in range(1, self.job.beam_size) if (text := text_of(rank)) != best]
        score = sum(self.beams[number].results()[0].score for number in numbers) / len(numbers)
        attention = self._attention(numbers) if self.job.attention else None
        return Translation(best, score, tuple(dict.fromkeys(others))[: self.job.alternatives], attention)

    def _text(self, number: int, rank: int) -> str:
        """The translation of a sentence, by its rank among the hypotheses."""
        hypotheses = self.beams[number].results()
        chosen = hypotheses[min(rank, len(hypotheses) - 1)]
        return match_capitalization(self._tokenizer.decode(chosen.ids), self._texts[number], self.job.target)

    def _gaps(self, index: int) -> list[str]:
        """The white space after each sentence of a text; none after the last."""
        text = self.job.texts[index]
        return [*(text[left.end : right.start] for left, right in pairwise(self._split[index])), ""]

    def _attention(self, numbers: range) -> AttentionMap:
        """A block-diagonal map of the sentences: none attends to another."""
        source_tokens: list[str] = []
        target_tokens: list[str] = []
        blocks: list[tuple[int, list[list[float]]]] = []
        for number in numbers:
            source, best = self.beams[number].source, self.beams[number].results()[0]
            blocks.append((len(source_tokens), best.attention.tolist() if best.attention is not None else []))
            source_tokens += [f"<{self.job.target}>", *self._names(source[1:])]
            target_tokens += self._names(_with_end(best, self._tokenizer.end_id))
        width = len(source_tokens)
        weights = [
            (*[0.0] * offset, *row, *[0.0] * (width - offset - len(row))) for offset, rows in blocks for row in rows
        ]
        return AttentionMap(tuple(source_tokens), tuple(target_tokens), tuple(weights))

    def _names(self, ids: Sequence[int]) -> list[str]:
        return [self._tokenizer.surface(index).decode("utf-8", errors="replace") or "</s>" for index in ids]


def _with_end(hypothesis: Hypothesis, end_id: int) -> list[int]:
    return [*hypothesis.ids, *([end_id] if hypothesis.finished else [])]


class EncodeLane(Lane):
    """Encodes queued sentences, round-robin over the requests, as long as there are rows to decode them."""

    name = "encode"

    def __init__(self, runtime: TranslatorRuntime, beams: "BeamLane", outbox: Outbox) -> None:
        self._runtime, self._beams, self._outbox = runtime, beams, outbox
        self._queue: deque[tuple[TranslateTask, deque[Beam]]] = deque()

    @property
    def slots(self) -> int:
        return len(self._queue)

    @property
    def busy(self) -> bool:
        return bool(self._queue) and self._beams.accepts

    @property
    def empty(self) -> bool:
        return not self._queue

    def add(self, task: TranslateTask) -> None:
        self._queue.append((task, deque(task.beams)))

    def sweep(self) -> None:
        self._queue = deque(entry for entry in self._queue if not entry[0].ticket.gone)

    def step(self, _alone: bool, /) -> Work:
        batch = self._take_batch()
        for entries, result in run_isolated(batch, lambda some: encode(self._runtime, [beam for _, beam in some])):
            if isinstance(result, Exception):
                self._outbox.fail(entries[0][0].ticket, result)
            else:
                self._beams.join(entries, *result)
        return Work(len(batch), prompt_tokens=sum(len(beam.source) for _, beam in batch))

    def _take_batch(self) -> list[tuple[TranslateTask, Beam]]:
        batch: list[tuple[TranslateTask, Beam]] = []
        longest, rows = 0, self._beams.free_rows
        while self._queue:
            task, beams = self._queue[0]
            longest = max(longest, len(beams[0].source))
            rows -= task.job.beam_size
            if batch and (rows < 0 or (len(batch) + 1) * longest > ENCODE_TOKENS):
                break
            batch.append((task, beams.popleft()))
            self._queue.popleft()
            if beams:
                self._queue.append((task, beams))
        return batch


class BeamLane(Lane):
    """Beam search: the sentences with the same beam size are one batch."""

    name = "beam"

    def __init__(self, runtime: TranslatorRuntime, end_id: int, max_rows: int, outbox: Outbox) -> None:
        self._runtime, self._end_id, self._max_rows, self._outbox = runtime, end_id, max_rows, outbox
        self._batches: deque[BeamBatch] = deque()
        self._tasks: dict[Beam, TranslateTask] = {}

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

    def join(self, entries: Sequence[tuple[TranslateTask, Beam]], encoded: EncoderOutput, state: State) -> None:
        """Add encoded sentences to the batches of their beam sizes."""
        for beam_size in {task.job.beam_size for task, _ in entries}:
            indices = [index for index, (task, _) in enumerate(entries) if task.job.beam_size == beam_size]
            rows = torch.tensor(indices)
            self._batch(beam_size).add([entries[index][1] for index in indices], encoded.rows(rows), state.rows(rows))
        self._tasks |= {beam: task for task, beam in entries}

    def sweep(self) -> None:
        gone = {beam for beam, task in self._tasks.items() if task.ticket.gone}
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
            self._post(self._tasks.pop(beam))
        return Work(rows, generation_tokens=rows)

    def _batch(self, beam_size: int) -> BeamBatch:
        for batch in self._batches:
            if batch.beam_size == beam_size:
                return batch
        self._batches.append(BeamBatch(self._runtime, self._end_id, beam_size))
        return self._batches[-1]

    def _post(self, task: TranslateTask) -> None:
        """Post what has become ready with the end of a sentence."""
        if task.ticket.gone:
            return
        try:
            if task.job.stream:
                for event in task.new_events():
                    self._outbox.post(task.ticket, event)
            if task.done:
                self._outbox.finish(task.ticket, task.result())
        except Exception as error:
            self._outbox.fail(task.ticket, error)

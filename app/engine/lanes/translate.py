"""Translation: texts are split into sentences; the sentences of all requests are encoded and decoded in batches."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
from models.text.front import Sentence, prepare
from models.text.html import prepare_html
from models.text.tokenizers import Tokenizer

MAX_ATTENTION_TOKENS = 512  # the map grows with the square of it
ENCODE_TOKENS = 1024
"""Source tokens, padding included, that a step encodes."""


@dataclass(frozen=True)
class _Unit:
    """A sentence of a text with its beams, or a text that has none, and what stands around it."""

    index: int
    """Of its text."""
    before: str
    sentence: Sentence | None
    beams: slice
    after: str


class TranslateTask:
    """A TranslateJob as beams: one a sentence, and more where a sentence may have to be translated in parts.

    Raises InvalidRequest where attention is requested for more than MAX_ATTENTION_TOKENS.
    """

    def __init__(self, ticket: Ticket, model: Translator, tokenizer: Tokenizer) -> None:
        assert isinstance(ticket.job, TranslateJob)
        self.ticket, self.job, self._tokenizer = ticket, ticket.job, tokenizer
        source = next(language for language in model.config.languages if language != self.job.target)
        config = SearchConfig(self.job.beam_size, self.job.length_penalty, keep_attention=self.job.attention)
        self.beams: list[Beam] = []
        self._units: list[_Unit] = []
        for index, text in enumerate(self.job.texts):
            make = prepare_html if self.job.format == "html" else prepare
            passage = make(text, source, bool(tokenizer.symbol_ids))
            for before, sentence, after in _units(passage.parts):
                inputs = sentence.inputs() if sentence else ()
                first = len(self.beams)
                self.beams += [Beam(source_ids(model, tokenizer, text, self.job.target), config) for text in inputs]
                self._units.append(_Unit(index, before, sentence, slice(first, len(self.beams)), after))
        source_tokens = sum(len(beam.source) for beam in self.beams)
        if self.job.attention and source_tokens > MAX_ATTENTION_TOKENS:
            detail = f"attention is given for at most {MAX_ATTENTION_TOKENS} source tokens; given: {source_tokens}"
            raise InvalidRequest(detail, "attention")
        self.slots = self.job.beam_size
        self._sent = 0

    @property
    def done(self) -> bool:
        return all(beam.done for beam in self.beams)

    def new_events(self) -> list[SentenceEvent]:
        """The sentences that are translated, all before them too, and were not sent yet."""
        events = []
        while self._sent < len(self._units) and all(beam.done for beam in self.beams[self._units[self._sent].beams]):
            unit = self._units[self._sent]
            events.append(SentenceEvent(unit.index, self._text(unit, 0)))
            self._sent += 1
        return events

    def result(self) -> list[Translation]:
        return [
            self._join([unit for unit in self._units if unit.index == index]) for index in range(len(self.job.texts))
        ]

    def _join(self, units: Sequence[_Unit]) -> Translation:
        """Put the sentences of a text together again, with what stood between them."""

        def text_of(rank: int) -> str:
            return "".join(self._text(unit, rank) for unit in units)

        best = text_of(0)
        others = [text for rank in range(1, self.job.beam_size) if (text := text_of(rank)) != best]
        used = [beam for unit in units for beam in self._used(unit)]
        score = sum(beam.results()[0].score for beam in used) / len(used) if used else 0.0
        attention = self._attention(used) if self.job.attention else None
        return Translation(best, score, tuple(dict.fromkeys(others))[: self.job.alternatives], attention)

    def _text(self, unit: _Unit, rank: int) -> str:
        """A sentence's translation, by its rank among the hypotheses, with what stands around it."""
        translation = unit.sentence.render(self._hypotheses(unit), self.job.target, rank) if unit.sentence else ""
        return unit.before + translation + unit.after

    def _used(self, unit: _Unit) -> list[Beam]:
        """The beams that a unit's translation comes from."""
        beams = self.beams[unit.beams]
        if unit.sentence is None or not unit.sentence.text:
            return beams
        return beams[:1] if unit.sentence.keeps_whole(self._hypotheses(unit)) else beams[1:]

    def _hypotheses(self, unit: _Unit) -> list[list[str]]:
        return [
            [self._tokenizer.decode(hypothesis.ids) for hypothesis in beam.results()] for beam in self.beams[unit.beams]
        ]

    def _attention(self, beams: Sequence[Beam]) -> AttentionMap:
        """A block-diagonal map of the sentences: none attends to another."""
        source_tokens: list[str] = []
        target_tokens: list[str] = []
        blocks: list[tuple[int, list[list[float]]]] = []
        for beam in beams:
            source, best = beam.source, beam.results()[0]
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


def _units(parts: Sequence[str | Sentence]) -> Iterator[tuple[str, Sentence | None, str]]:
    """The sentences of a passage, each with the text before it (of the first) and after it."""
    before, sentence, after = "", None, ""
    for part in parts:
        if isinstance(part, str):
            before, after = (before, after + part) if sentence else (before + part, after)
        else:
            if sentence:
                yield before, sentence, after
                before = ""
            sentence, after = part, ""
    yield before, sentence, after


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
        if task.beams:
            self._queue.append((task, deque(task.beams)))
        else:
            self._beams.post(task)  # no text of it has letters

    def sweep(self) -> None:
        self._queue = deque(entry for entry in self._queue if not entry[0].ticket.closed)

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

    def __init__(self, runtime: TranslatorRuntime, tokenizer: Tokenizer, max_rows: int, outbox: Outbox) -> None:
        self._runtime, self._tokenizer, self._max_rows, self._outbox = runtime, tokenizer, max_rows, outbox
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
            self.post(self._tasks.pop(beam))
        return Work(rows, generation_tokens=rows)

    def _batch(self, beam_size: int) -> BeamBatch:
        for batch in self._batches:
            if batch.beam_size == beam_size:
                return batch
        self._batches.append(BeamBatch(self._runtime, self._tokenizer.end_id, beam_size, self._tokenizer.symbol_ids))
        return self._batches[-1]

    def post(self, task: TranslateTask) -> None:
        """Post what has become ready with the end of a sentence."""
        if task.ticket.closed:
            return
        try:
            if task.job.stream:
                for event in task.new_events():
                    self._outbox.post(task.ticket, event)
            if task.done:
                self._outbox.finish(task.ticket, task.result())
        except Exception as error:
            self._outbox.fail(task.ticket, error)

"""Translating: texts are cut into sentences, and sentences of all requests are encoded and searched side by side."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import torch

from app.engine.jobs import AttentionMap, SentencePiece, TranslateJob, Translation
from app.engine.scheduler import Lane, Work, isolated
from app.engine.ticket import Outbox, Ticket
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
"""Source tokens, padding included, that are encoded in a turn."""


class TranslateTask:
    """A TranslateJob as beams, one a sentence.

    Raises InvalidRequest where attention is wanted for more than MAX_ATTENTION_TOKENS.
    """

    def __init__(self, ticket: Ticket, model: Translator, tokenizer: Tokenizer) -> None:
        assert isinstance(ticket.job, TranslateJob)
        self.ticket, self.job, self._tokenizer = ticket, ticket.job, tokenizer
        # a text of what Python takes for white space is one sentence: there is something to translate in every text
        self._split = [split_sentences(text) or [Sentence(text, 0, len(text))] for text in self.job.texts]
        config = SearchConfig(self.job.beam_size, self.job.length_penalty, keep_attention=self.job.attention)
        self._texts = [sentence.text for sentences in self._split for sentence in sentences]
        self.beams = [Beam(source_ids(model, tokenizer, text, self.job.target), config) for text in self._texts]
        source_tokens = sum(len(beam.source) for beam in self.beams)
        if self.job.attention and source_tokens > MAX_ATTENTION_TOKENS:
            detail = f"attention is given for at most {MAX_ATTENTION_TOKENS} source tokens; given: {source_tokens}"
            raise InvalidRequest(detail, "attention")
        self.slots = self.job.beam_size
        self._told = 0
        self._places = [
            (index, place) for index, sentences in enumerate(self._split) for place in range(len(sentences))
        ]

    @property
    def done(self) -> bool:
        return all(beam.done for beam in self.beams)

    def pieces(self) -> list[SentencePiece]:
        """The sentences, in order, that can be told now and were not yet."""
        found = []
        while self._told < len(self.beams) and self.beams[self._told].done:
            index, place = self._places[self._told]
            text = self._text(self._told, 0) + self._gaps(index)[place]
            found.append(SentencePiece(index, text))
            self._told += 1
        return found

    def result(self) -> list[Translation]:
        results, position = [], 0
        for index, sentences in enumerate(self._split):
            own = range(position, position + len(sentences))
            position += len(sentences)
            results.append(self._join(index, own))
        return results

    def _join(self, index: int, own: range) -> Translation:
        """Put the sentences of a text together again, with the white space that stood between them."""
        gaps = self._gaps(index)

        def text_of(rank: int) -> str:
            return "".join(self._text(number, rank) + gap for number, gap in zip(own, gaps, strict=True))

        best = text_of(0)
        others = [text for rank in range(1, self.job.beam_size) if (text := text_of(rank)) != best]
        score = sum(self.beams[number].results()[0].score for number in own) / len(own)
        attention = self._attention(own) if self.job.attention else None
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

    def _attention(self, own: range) -> AttentionMap:
        """The maps of all sentences as blocks of one: no sentence looks into another."""
        source_tokens: list[str] = []
        target_tokens: list[str] = []
        blocks: list[tuple[int, list[list[float]]]] = []
        for number in own:
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
    """Encodes the sentences that wait, one of each request in turn, as many as there are rows for."""

    name = "encode"

    def __init__(self, runtime: TranslatorRuntime, beams: "BeamLane", outbox: Outbox) -> None:
        self._runtime, self._beams, self._outbox = runtime, beams, outbox
        self._waiting: deque[tuple[TranslateTask, deque[Beam]]] = deque()

    @property
    def slots(self) -> int:
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        return bool(self._waiting) and self._beams.has_room

    @property
    def empty(self) -> bool:
        return not self._waiting

    def add(self, task: TranslateTask) -> None:
        self._waiting.append((task, deque(task.beams)))

    def sweep(self) -> None:
        self._waiting = deque(entry for entry in self._waiting if not entry[0].ticket.gone)

    def step(self, _alone: bool, /) -> Work:
        chosen = self._choose()
        for entries, result in isolated(chosen, lambda some: encode(self._runtime, [beam for _, beam in some])):
            if isinstance(result, Exception):
                self._outbox.fail(entries[0][0].ticket, result)
            else:
                self._beams.join(entries, *result)
        return Work(len(chosen), read=sum(len(beam.source) for _, beam in chosen))

    def _choose(self) -> list[tuple[TranslateTask, Beam]]:
        chosen: list[tuple[TranslateTask, Beam]] = []
        longest, rows = 0, self._beams.room
        while self._waiting:
            task, beams = self._waiting[0]
            longest = max(longest, len(beams[0].source))
            rows -= task.job.beam_size
            if chosen and (rows < 0 or (len(chosen) + 1) * longest > ENCODE_TOKENS):
                break
            chosen.append((task, beams.popleft()))
            self._waiting.popleft()
            if beams:
                self._waiting.append((task, beams))
        return chosen


class BeamLane(Lane):
    """Searches: all sentences with the same width of beam take a step together."""

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
    def room(self) -> int:
        """How many more rows may join."""
        return self._max_rows - self.slots

    @property
    def has_room(self) -> bool:
        """Whether it is worth encoding more: not for each row that comes free, but for a good many together."""
        return not self._batches or self.room >= self._max_rows // 4

    def join(self, entries: Sequence[tuple[TranslateTask, Beam]], encoded: EncoderOutput, state: State) -> None:
        """Let encoded sentences join those whose beams are as wide."""
        for width in {task.job.beam_size for task, _ in entries}:
            places = [place for place, (task, _) in enumerate(entries) if task.job.beam_size == width]
            index = torch.tensor(places)
            own = [entries[place][1] for place in places]
            self._batch(width).add(own, encoded.rows(index), state.rows(index))
        self._tasks |= {beam: task for task, beam in entries}

    def sweep(self) -> None:
        gone = {beam for beam, task in self._tasks.items() if task.ticket.gone}
        if gone:
            for batch in self._batches:
                batch.remove(gone)
            self._tasks = {beam: task for beam, task in self._tasks.items() if beam not in gone}
            self._batches = deque(batch for batch in self._batches if len(batch))

    def step(self, _alone: bool, /) -> Work:
        batch = self._batches.popleft()  # the next turn is another's
        rows = len(batch) * batch.beam_size
        try:
            done = batch.step()
        except Exception as error:
            # it changed nothing: the halves take their turns alone, down to the one that is to blame
            if len(batch) == 1:
                self._outbox.fail(self._tasks.pop(batch.beams[0]).ticket, error)
            else:
                self._batches += [batch.split(), batch]
            return Work(rows)
        if len(batch):
            self._batches.append(batch)
        for beam in done:
            self._tell(self._tasks.pop(beam))
        return Work(rows, written=rows)

    def _batch(self, width: int) -> BeamBatch:
        for batch in self._batches:
            if batch.beam_size == width:
                return batch
        self._batches.append(BeamBatch(self._runtime, self._end_id, width))
        return self._batches[-1]

    def _tell(self, task: TranslateTask) -> None:
        """Hand on what the end of a sentence has made ready."""
        if task.ticket.gone:
            return
        try:
            if task.job.stream:
                for piece in task.pieces():
                    self._outbox.post(task.ticket, piece)
            if task.done:
                self._outbox.finish(task.ticket, task.result())
        except Exception as error:
            self._outbox.fail(task.ticket, error)

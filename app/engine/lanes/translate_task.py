"""A translation job as sentences, each with its beams, and its result."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from app.engine.jobs import AttentionMap, SentenceEvent, TargetToken, TranslateJob, Translation
from app.engine.lanes.target_tokens import token_names, unit_tokens
from app.engine.ticket import Ticket
from app.errors import InvalidRequest
from models.decoding.beam_search import Beam, Hypothesis, SearchConfig, searched, shown_text, source_ids
from models.decoding.prefix import Prefix
from models.decoding.unknown_words import UnknownWords
from models.networks.translator import Translator
from models.quality import Quality, Searched, features, of_text
from models.text.alignment import Alignment, shown_spans, token_spans
from models.text.begun import Beginning, begun, cut_beginning
from models.text.front import Piece, Sentence, prepare
from models.text.html import prepare_html
from models.text.known_words import KnownWords
from models.text.tokenizers import Tokenizer
from models.text.tokenizers.base import lower

MAX_ATTENTION_TOKENS = 512
"""Of a source: the map grows with the square of it, and a list of likeliest tokens is a hundred times the text."""


@dataclass(eq=False)
class _Unit:
    """A sentence of a text with a beam for each of its inputs, or a text without any, and what stands around it."""

    index: int
    """Of its text."""
    before: str
    sentence: Sentence | None
    after: str
    beams: Sequence[Beam]
    tokenizer: Tokenizer
    unknown: UnknownWords | None
    beginning: Beginning | None = None
    """What its translation begins with."""
    written: str = ""
    """The same as its model writes it."""
    searched: list[Beam] = field(default_factory=list)
    """The beams that are searched, or have been."""
    done: bool = False
    """Whether all that are used have been."""
    _decoded: dict[Beam, list[str]] = field(default_factory=dict)
    _translations: dict[int, str] = field(default_factory=dict)
    """By their ranks."""

    def next_beams(self) -> list[Beam]:
        """The beams to search now: that of the whole sentence, and those of its parts where it comes to them."""
        if not all(beam.done for beam in self.searched):
            return []
        beams = [beam for beam, _ in self.used() if beam not in self.searched]
        self.searched += beams
        self.done = not beams
        return beams

    def used(self) -> list[tuple[Beam, int]]:
        """The beams that its translation comes from, as far as is known, and the rank of the hypothesis of each."""
        if self.sentence is None:
            return []
        texts = [self._texts(beam) if beam.done else None for beam in self.beams]
        return [(self.beams[index], rank) for index, rank in self.sentence.used(texts)]

    def searched_inputs(self) -> list[Searched]:
        """What the estimate of quality takes into account."""
        used = [(beam.source, beam.results()[rank]) for beam, rank in self.used()]
        return [searched(source, shown, self.tokenizer.decode(shown.ids)) for source, shown in used]

    def translation(self, target: str, rank: int) -> str:
        """By its rank among the hypotheses, with what stands around it; once it is done."""
        if rank not in self._translations:
            self._translations[rank] = self._translation(target, rank)
        return self._translations[rank]

    def _translation(self, target: str, rank: int) -> str:
        hypotheses = [self._texts(beam) for beam in self.beams]
        translation = self.sentence.render(hypotheses, target, rank, self._align) if self.sentence else ""
        if self.sentence and self.beginning:
            chosen = self.beams[0].results()[self.sentence.chosen(hypotheses[0], rank)]
            hypothesis = self.tokenizer.decode(chosen.ids)
            translation = self.beginning.put_before(translation, hypothesis, self.sentence, self.written)
        return self.before + translation + self.after

    def _align(self, piece: Piece) -> Alignment:
        """Which words of a piece of the translation come from which of its source: by attention."""
        assert piece.sentence
        beam = self.beams[piece.input]
        hypothesis = beam.results()[piece.hypothesis]
        assert hypothesis.attention is not None
        read, written = piece.sentence.text, self.tokenizer.decode(hypothesis.ids)
        sources = [(token.start, token.end) for token in self.tokenizer.tokens(read)]
        targets = token_spans(hypothesis.ids, written, self.tokenizer)
        weights = hypothesis.attention[: len(targets), 1 : len(beam.source) - 1]
        return Alignment(
            shown_spans(sources, read, piece.source), shown_spans(targets, written, piece.text), weights.tolist()
        )

    def _texts(self, beam: Beam) -> list[str]:
        if beam not in self._decoded:
            self._decoded[beam] = [
                shown_text(beam.source, hypothesis, self.tokenizer, self.unknown) for hypothesis in beam.results()
            ]
        return self._decoded[beam]


class TranslateTask:
    """A TranslateJob as beams: one a sentence, and more for a sentence that has to be translated in parts.

    quality estimates how good a translation is; without it, no translation has a quality. known has the words of
    the model's training text; without it, no unknown word is put right. rows are those of all sentences together, work
    is that of SearchForecast; what parts of sentences need is known later, and in neither.
    Raises InvalidRequest where attention is requested for more than MAX_ATTENTION_TOKENS.
    """

    def __init__(
        self,
        ticket: Ticket,
        model: Translator,
        tokenizer: Tokenizer,
        quality: Quality | None = None,
        known: KnownWords | None = None,
    ) -> None:
        assert isinstance(ticket.job, TranslateJob)
        self.ticket, self.job, self._tokenizer = ticket, ticket.job, tokenizer
        source = next(language for language in model.config.languages if language != self.job.target)
        self._quality, self._direction = quality, f"{source}-{self.job.target}"
        unknown = UnknownWords(tokenizer, known, source, self.job.target) if known else None

        def beam(text: str, prefix: Prefix | None = None, aligned: bool = False) -> Beam:
            ids = source_ids(model, tokenizer, text, self.job.target)
            needed = self.job.attention or aligned or bool(unknown and unknown.any_in(ids))
            size, penalty, top_tokens = self.job.beam_size, self.job.length_penalty, self.job.top_tokens
            config = SearchConfig(size, penalty, keep_attention=needed, prefix=prefix, top_tokens=top_tokens)
            return Beam(ids, config)

        self._units: list[_Unit] = []
        for index, text in enumerate(self.job.texts):
            make = prepare_html if self.job.format == "html" else prepare
            parts = [text] if self.job.unchanged else make(text, source, bool(tokenizer.symbol_ids)).parts
            units = list(_units(parts))
            for (before, sentence, after), beginning in zip(units, self._beginnings(units), strict=True):
                if sentence and beginning:
                    self._units.append(self._begun_unit(beam, (before, sentence, after), beginning, unknown))
                    continue
                beams = [beam(text, aligned=sentence.needs_alignment) for text in sentence.inputs()] if sentence else []
                self._units.append(_Unit(index, before, sentence, after, beams, tokenizer, unknown))
        self._unit_of = {beam: unit for unit in self._units for beam in unit.beams}
        source_tokens = sum(len(beam.source) for beam in self._unit_of)
        for name, requested in (("attention", self.job.attention), ("top_tokens", self.job.top_tokens)):
            if requested and source_tokens > MAX_ATTENTION_TOKENS:
                detail = f"{name} is given for at most {MAX_ATTENTION_TOKENS} source tokens; given: {source_tokens}"
                raise InvalidRequest(detail, name)
        self.slots, self.score_count = self.job.beam_size, 0
        first = [len(unit.beams[0].source) for unit in self._units if unit.beams]
        self.rows, self.work = self.job.beam_size * len(first), self.job.beam_size * sum(first)
        self._sent = 0

    def _beginnings(self, units: Sequence[tuple[str, Sentence | None, str]]) -> list[Beginning | None]:
        """What the translation of each unit begins with."""
        if not self.job.prefix:
            return [None] * len(units)
        if self._tokenizer.kind != "subword":
            raise InvalidRequest("a vocabulary of whole words can't write every prefix", "prefix")
        try:
            return cut_beginning(self.job.prefix, units)
        except ValueError as error:
            raise InvalidRequest(f"no translation begins with this prefix: {error}", "prefix") from None

    def _begun_unit(
        self,
        make_beam: Callable[[str, Prefix | None], Beam],
        unit: tuple[str, Sentence, str],
        beginning: Beginning,
        unknown: UnknownWords | None,
    ) -> _Unit:
        """A sentence whose translation has a beginning: it is searched as a whole, and never in parts."""
        before, sentence, after = unit
        tokenizer = self._tokenizer
        texts = beginning.written(sentence, self.job.target)
        written = [lower(tokenizer.normalize(text), tokenizer.lowercase) for text in texts]
        # a translation begins with a space, which may be left out
        spellings, ends = (
            [space + text.encode("utf-8") for text in some for space in (b" ", b"")]
            for some in (filter(None, written), [beginning.without_end(text, sentence) for text in written])
        )
        prefix = Prefix(tokenizer, spellings, beginning.whole, ends) if spellings else None
        beam = make_beam(sentence.text, prefix)
        if written and (tokens := len(tokenizer.encode_continuation(written[0]))) > beam.limit:
            detail = f"prefix has {tokens} tokens in a sentence whose translation has at most {beam.limit}"
            raise InvalidRequest(detail, "prefix")
        first = written[0] if written else ""
        return _Unit(0, before, begun(sentence), after, [beam], tokenizer, unknown, beginning, first)

    def start(self) -> list[Beam]:
        """The beams to search first."""
        return [beam for unit in self._units for beam in unit.next_beams()]

    def end(self, beam: Beam) -> list[Beam]:
        """The beams to search now that one is done: those of a sentence's parts, where no hypothesis of it counts."""
        return self._unit_of[beam].next_beams()

    @property
    def progress(self) -> float:
        """The share of its sentences that are translated, of 1."""
        return sum(unit.done for unit in self._units) / max(1, len(self._units))

    def work_left(self, max_rows: int) -> float:
        """At least so much of its work is left: what a batch of max_rows may have begun counts as done."""
        return self.work * max(0.0, 1 - self.progress - max_rows / max(1, self.rows))

    @property
    def done(self) -> bool:
        return all(unit.done for unit in self._units)

    def new_events(self) -> list[SentenceEvent]:
        """The sentences that are translated, all before them too, and were not sent yet."""
        events = []
        while self._sent < len(self._units) and (unit := self._units[self._sent]).done:
            events.append(SentenceEvent(unit.index, unit.translation(self.job.target, 0)))
            self._sent += 1
        return events

    def result(self) -> list[Translation]:
        return [
            self._join([unit for unit in self._units if unit.index == index]) for index in range(len(self.job.texts))
        ]

    def _join(self, units: Sequence[_Unit]) -> Translation:
        """Put the sentences of a text together again, with what stood between them."""

        def text_of(rank: int) -> str:
            return "".join(unit.translation(self.job.target, rank) for unit in units)

        best = text_of(0)
        ranks = range(1, self.job.beam_size if self.job.alternatives else 1)
        others = [text for rank in ranks if (text := text_of(rank)) != best]
        used = [(beam.source, beam.results()[rank]) for unit in units for beam, rank in unit.used()]
        score = sum(hypothesis.score for _, hypothesis in used) / len(used) if used else 0.0
        attention = self._attention(used) if self.job.attention else None
        alternatives = tuple(dict.fromkeys(others))[: self.job.alternatives]
        tokens = self._target_tokens(units) if self.job.top_tokens else ()
        return Translation(best, score, alternatives, attention, self._quality_of(units), tokens)

    def _target_tokens(self, units: Sequence[_Unit]) -> tuple[TargetToken, ...]:
        """The tokens of a translation, as those of its attention, with their spans in it."""
        tokens: list[TargetToken] = []
        position = 0
        for unit in units:
            text = unit.translation(self.job.target, 0)
            hypotheses = [beam.results()[rank] for beam, rank in unit.used()]
            if unit.sentence and hypotheses:
                shown = text[len(unit.before) : len(text) - len(unit.after)]
                start, items = position + len(unit.before), unit.sentence.items
                tokens += unit_tokens(hypotheses, self._tokenizer, shown, start, items)
            position += len(text)
        return tuple(tokens)

    def _quality_of(self, units: Sequence[_Unit]) -> float | None:
        """The estimate for a text."""
        if self._quality is None:
            return None
        return of_text(
            (self._quality.estimate(self._direction, features(unit.searched_inputs())), len(unit.sentence.source))
            for unit in units
            if unit.sentence and unit.beams
        )

    def _attention(self, used: Sequence[tuple[Sequence[int], Hypothesis]]) -> AttentionMap:
        """A block-diagonal map of the sentences: none attends to another."""
        source_tokens: list[str] = []
        target_tokens: list[str] = []
        blocks: list[tuple[int, list[list[float]]]] = []
        for source, shown in used:
            blocks.append((len(source_tokens), shown.attention.tolist() if shown.attention is not None else []))
            source_tokens += [f"<{self.job.target}>", *token_names(self._tokenizer, source[1:])]
            target_tokens += token_names(self._tokenizer, _with_end(shown, self._tokenizer.end_id))
        width = len(source_tokens)
        weights = [
            (*[0.0] * offset, *row, *[0.0] * (width - offset - len(row))) for offset, rows in blocks for row in rows
        ]
        return AttentionMap(tuple(source_tokens), tuple(target_tokens), tuple(weights))


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

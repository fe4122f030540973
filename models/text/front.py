"""A text made ready for a translator, and its translation put together again.

A translator was trained on sentences, one at a time, in ordinary letters. So a text is cut into sentences; lines, list
marks and the white space between sentences stay as they are; text in capitals is lowered and raised again. What
is no language (models/text/reserved.py) comes through exactly: the model reads a symbol for it
(models/text/symbols.py), and a translation without just these symbols does not count. Where none is left, or the
vocabulary has no symbols, the text between is translated in parts. A sentence without letters is its own
translation. How a sentence ends is how its translation ends.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from models.text.alignment import Alignment
from models.text.normalization import align, normalize
from models.text.reserved import Reserved, find_hard, invented, numbers, with_numbers_of, without_invented
from models.text.sentences import match_capitalization, split_sentences
from models.text.symbols import SYMBOLS, find_items, find_numbers, first_spans, remove_symbols, replace_spans, restore
from models.text.tokenizers.base import lower

_LIST_MARK = re.compile(r"[ \t]*(?:(?:[-*+•·‣▪●○◦–—>]|#{1,6}|\(?\d{1,3}[.)]|\(?[a-z]\))[ \t]+)+")
_ENDING = re.compile(r"\s*([.!?…:;,]*)([\"'”’»)\]]*)$")
"""Marks, and the quotes and brackets that close around them."""
_BEFORE = re.compile(r"[\s.,;:!?…)\]}]*")
_WITH_DIGITS = re.compile(r"\S*\d\S*\s*")
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "”": "”"}
Part = "str | Sentence"


@dataclass(frozen=True)
class Piece:
    """A part of a translation: what a part of the source has become.

    sentence is what it is the translation of, input the index of that among the inputs, and hypothesis the index of
    the hypothesis that it comes from. Without a sentence, text is the source's own.
    """

    source: str
    text: str
    sentence: "Sentence | None" = None
    input: int = 0
    hypothesis: int = 0


Aligner = Callable[[Piece], Alignment]
"""Of a piece that has a sentence."""


@dataclass(frozen=True)
class Sentence:
    """What is translated as one.

    text is what the model reads; where it is empty, the parts are translated instead. Where the source has numbers or
    items, a hypothesis must have them too; parts are then what to fall back on.
    """

    source: str
    text: str
    parts: "tuple[str | Sentence, ...]" = ()
    capitals: bool = False
    fragment: bool = False
    """Whether other parts of the same sentence stand before it."""
    items: tuple[str, ...] = ()
    """What the symbols of text stand for."""
    symbolic: str = ""
    """The source with symbols for its items, if it has any."""
    free: ClassVar[frozenset[str]] = frozenset({"symbol", "abbreviation"})
    """Kinds of what is reserved that a translation may have although its source has not: & stands for "and"."""

    def inputs(self) -> Iterator[str]:
        """All that the model has to read for it, in the order that `render` takes their translations."""
        if self.text:
            yield self.text
        for part in self.parts:
            if isinstance(part, Sentence):
                yield from part.inputs()

    def used(self, hypotheses: Sequence[Sequence[str] | None]) -> Iterator[tuple[int, int]]:
        """The indices of the inputs that its translation is made of, and of each one's hypothesis, as far as is known.

        hypotheses has None for an input that is not translated yet. If its index is yielded, translate it, and see:
        with its hypotheses, it may be the parts that are used.
        """
        if self.text:
            whole = hypotheses[0]
            if whole is None or self.keeps_whole([whole]):
                yield 0, next(iter(self._numbered(whole or ()).values()), 0)
                return
        begin = int(bool(self.text))
        for part in self.parts:
            if isinstance(part, Sentence):
                end = begin + sum(1 for _ in part.inputs())
                yield from ((begin + index, chosen) for index, chosen in part.used(hypotheses[begin:end]))
                begin = end

    def keeps_whole(self, hypotheses: Sequence[Sequence[str]]) -> bool:
        """Whether it is translated as a whole: where some hypothesis has its numbers, or there are no parts."""
        return bool(self.text) and (not self.parts or bool(self._numbered(hypotheses[0])))

    def render(
        self,
        hypotheses: Sequence[Sequence[str]],
        target: str,
        rank: int = 0,
        align: Aligner | None = None,  # noqa: ARG002
    ) -> str:
        """Its translation into a language from those of its inputs, the best of each first.

        Of inputs that are not `used` the hypotheses may be left empty.
        Of those that keep the numbers, the one of a rank, or the last; where none does, the parts put together. Where
        there are no parts either, what a hypothesis has invented is left out. align is for sentences of HTML.
        """
        return "".join(piece.text for piece in self.pieces(hypotheses, target, rank))

    def pieces(self, hypotheses: Sequence[Sequence[str]], target: str, rank: int = 0) -> Iterator[Piece]:
        """What `render` puts together; the sources of all pieces together are the sentence's."""
        if self.keeps_whole(hypotheses):
            texts = list(self._numbered(hypotheses[0])) or [
                without_invented(text, self.source, self.free) for text in hypotheses[0]
            ]
            whole = self._restore(texts[min(rank, len(texts) - 1)], target)
            yield Piece(self.source, whole, self, 0, self.chosen(hypotheses[0], rank))
            return
        begin = int(bool(self.text))
        for part in self.parts:
            if isinstance(part, str):
                yield Piece(part, part)
                continue
            end = begin + sum(1 for _ in part.inputs())
            for piece in part.pieces(hypotheses[begin:end], target, rank):
                yield replace(piece, input=piece.input + begin) if piece.sentence else piece
            begin = end

    @property
    def needs_alignment(self) -> bool:
        """Whether `render` takes an aligner into account."""
        return False

    def chosen(self, hypotheses: Sequence[str], rank: int) -> int:
        """The index of the hypothesis that `render` takes for a rank, where it is translated as a whole."""
        indices = list(self._numbered(hypotheses).values()) or list(range(len(hypotheses)))
        return indices[min(rank, len(indices) - 1)]

    def _numbered(self, hypotheses: Sequence[str]) -> dict[str, int]:
        """The different hypotheses that have the items and numbers of the source, or can be given the numbers.

        Each with the index of the first that it comes from.
        """
        numbered: dict[str, int] = {}
        for index, hypothesis in enumerate(hypotheses):
            text = with_numbers_of(hypothesis, self.symbolic or self.source)
            if text is not None and self.accepts(text):
                numbered.setdefault(text, index)
        return numbered

    def accepts(self, hypothesis: str) -> bool:
        """Whether a hypothesis has every item once, and none that the source has not."""
        if self.items and restore(hypothesis, self.items) is None:
            return False
        return not invented(*self._without_symbols(hypothesis), self.free)

    def _without_symbols(self, hypothesis: str) -> tuple[str, str]:
        """A hypothesis and its source, both without the symbols of items."""
        if not self.items:
            return hypothesis, self.source
        return remove_symbols(hypothesis), remove_symbols(self.symbolic)

    def _restore(self, translation: str, target: str) -> str:
        """With the beginning, the end and the capitals of the source."""
        opening, core, closing = unquoted(self.symbolic or self.source)
        if self.fragment and not numbers(core):  # the numbers stand beside it already
            translation = _WITH_DIGITS.sub("", translation) or core
        text = unquoted(translation)[1] if opening else translation
        text = _with_ending_of(text.rstrip(), core)
        text = upper(text, target) if self.capitals else match_capitalization(text, core, target)
        if self.fragment and core[:1].islower() and text[:1].isupper():
            text = lower(text[0], target) + text[1:]
        whole = opening + text + closing
        return (restore(whole, self.items) or self.source) if self.items else whole


@dataclass(frozen=True)
class Passage:
    """A text as what stays and what is translated, in order."""

    parts: "tuple[str | Sentence, ...]"

    @property
    def sentences(self) -> "list[Sentence]":
        return [part for part in self.parts if isinstance(part, Sentence)]


def prepare(text: str, language: str, symbols: bool = False) -> Passage:
    """A text in a language, made ready; symbols says whether the vocabulary has those of models/text/symbols.py."""
    normal = align(text)
    parts: list[str | Sentence] = []
    position = 0
    for start, end in sentence_spans(normal.text):
        parts.append(visible(text[position : (left := normal.span(start, end)[0])]))
        parts.append(make_sentence(normal.text[start:end], language, symbols))
        position = normal.span(start, end)[1]
        assert left <= position
    parts.append(visible(text[position:]))
    return Passage(tuple(part for part in parts if part))


def upper(text: str, language: str) -> str:
    """Raise letters as a language does: Turkish i is İ."""
    return (text.replace("i", "İ") if language == "tr" else text).upper()


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a normalized text stand, line by line, without list marks."""
    begin = 0
    for line in text.split("\n"):
        mark = _LIST_MARK.match(line)
        skipped = mark.end() if mark and mark.end() < len(line) else 0
        for sentence in split_sentences(line[skipped:]):
            yield begin + skipped + sentence.start, begin + skipped + sentence.end
        begin += len(line) + 1


def visible(text: str) -> str:
    """Text that stays, without what nobody sees; line ends and spaces as they are."""
    return "".join(character for character in text if normalize(character)) if not text.isascii() else text


def make_sentence(source: str, language: str, symbols: bool, fragment: bool = False) -> "str | Sentence":
    """A sentence, or itself where there is nothing to translate."""
    items = find_items(source, language) if symbols else find_hard(source)
    symbolic = replace_spans(source, items, SYMBOLS) if items and symbols else ""
    if not any(character.isalpha() for character in symbolic or source):
        return source
    with_numbers = symbols or not items
    spans = first_spans([*items, *find_numbers(source, items)]) if with_numbers else items
    parts = _fragments(source, spans, language, symbols) if spans else ()
    if items and (not symbols or len(items) > len(SYMBOLS)):
        return Sentence(source, "", parts, fragment=fragment)
    _, core, _ = unquoted(symbolic or source)
    letters = [character for character in core if character.lower() != character.upper()]
    capitals = len(letters) > 1 and all(map(str.isupper, letters))
    text = core
    if capitals:
        lowered = lower(core, language)
        first = next(index for index, character in enumerate(lowered) if character.isalpha())
        text = lowered[:first] + upper(lowered[first], language) + lowered[first + 1 :]
    item_texts = tuple(source[item.start : item.end] for item in items)
    return Sentence(source, text, parts, capitals, fragment, item_texts, symbolic)


def _fragments(source: str, spans: Sequence[Reserved], language: str, symbols: bool) -> "tuple[str | Sentence, ...]":
    """A sentence around the spans that stay."""
    parts: list[str | Sentence] = []
    position = 0
    for start, end in [*((span.start, span.end) for span in spans), (len(source), len(source))]:
        between = source[position:start]
        before = _BEFORE.match(between).group() if position else between[: len(between) - len(between.lstrip())]  # type: ignore[union-attr]
        core = between[len(before) :].rstrip()
        parts += [before, make_sentence(core, language, symbols, fragment=True) if core else ""]
        parts += [between[len(before) + len(core) :], source[start:end]]
        position = end
    return tuple(part for part in parts if part)


def ending(text: str) -> str:
    """The marks that a text ends with, and the quotes and brackets that close around them."""
    match = _ENDING.search(text)
    assert match is not None
    return match.group().lstrip()


def _with_ending_of(text: str, source: str) -> str:
    """A translation that ends as its source does; a quotation that it closes and its source does not stays."""
    ours, theirs = _ENDING.search(text), _ENDING.search(source)
    assert ours is not None
    assert theirs is not None
    if ours[2] and not theirs[2]:
        return text if ours[1] else text + theirs[1]
    return text[: ours.start()] + theirs.group()


def unquoted(text: str) -> tuple[str, str, str]:
    """A text's opening quote, what is between, and its closing quote: of a text that is one quotation."""
    closing = _QUOTES.get(text[:1])
    if closing and len(text) > 2 and text.endswith(closing) and not set(text[1:-1]) & {text[0], closing}:
        return text[0], text[1:-1], closing
    return "", text, ""

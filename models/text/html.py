"""HTML made ready for a translator: its text is translated, everything else stays as it was sent, byte for byte.

No tree is built and written again, so tags keep their order, nesting and attributes, also in broken HTML, which has as
many trees as parsers. The text of a block is translated sentence by sentence, across inline tags. In the text that is
prepared, an inline tag is one character of the private use area, its mark, which models/text/front.py keeps as it keeps
what is no language: it moves with the words around it. The tag is put back where its mark stands.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from html import escape, unescape
from typing import ClassVar

from models.text.front import Passage, Sentence, prepare
from models.text.html_nodes import INCOMPLETE, VOID, Node, Raw, Text, split_nodes
from models.text.inline import Inline, Part
from models.text.symbols import SYMBOLS, restore

_MARK = re.compile("[\U000f0000-\U0010fffd]")
_MARKS = range(0xF0000, 0x10FFFE)
_MAX_RUN = 10_000
"""Tags and texts that are prepared together, far fewer than there are marks."""
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)[^>]*?(/?)>")
_LINES = re.compile(r"(?s).*[\r\n].*")
_LINE_END = re.compile(r"(?<![\s.!?…])[ \t]*(?:\r\n?|\n)[ \t]*(?=\S)")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*\s*$")


@dataclass(frozen=True)
class _Encoded(Sentence):
    """A sentence with a mark for each of its tags, whose translation is HTML."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """The source of each mark."""
    plain: bool = False
    free: ClassVar[frozenset[str]] = Sentence.free | {"markup"}
    """Markup that a model writes is text here, and is escaped."""

    def used(self, hypotheses: Sequence[Sequence[str] | None]) -> Iterator[tuple[int, int]]:
        return super().used([ranked and self._without_marks(ranked) for ranked in hypotheses])

    def render(self, hypotheses: Sequence[Sequence[str]], target: str, rank: int = 0) -> str:
        texts = [self._without_marks(ranked) for ranked in hypotheses]
        return _encode(super().render(texts, target, rank), self.tags, self.plain)

    def _without_marks(self, hypotheses: Sequence[str]) -> Sequence[str]:
        """The hypotheses of a sentence without items: what a vocabulary without symbols spells in bytes is no mark."""
        return hypotheses if self.items else [_MARK.sub("", text) for text in hypotheses]

    def mended(self, hypothesis: str) -> str:
        """A hypothesis in which elements that hold words in the source have one, if there is one beside them."""
        return self._inline.fill(hypothesis, self._inline.filled(self.symbolic)) if self.items else hypothesis

    @cached_property
    def _inline(self) -> Inline:
        return Inline({symbol: [*self._parts_of(item)] for symbol, item in zip(SYMBOLS, self.items, strict=False)})

    def _parts_of(self, item: str) -> Iterator[Part]:
        """Of marks in a row, or of what is not translated."""
        for mark in item:
            source = self.tags.get(mark, mark)
            tag = _TAG.fullmatch(source)
            if tag and tag[1]:
                yield "close", tag[2].lower()
            elif tag and not tag[3] and tag[2].lower() not in VOID:
                yield "open", tag[2].lower()
            elif any(map(str.isalnum, _TAG.sub("", source))):
                yield "words", ""

    def accepts(self, hypothesis: str) -> bool:
        """Whether a hypothesis has every item once, its tags as well nested as the source's, and words in them."""
        if not super().accepts(hypothesis):
            return False
        if self.items and not self._inline.filled(self.symbolic) <= self._inline.filled(hypothesis):
            return False
        restored = restore(hypothesis, self.items) if self.items else hypothesis
        return _unpaired(self._tags_of(restored or "")) == _unpaired(self._tags_of(self.source))

    def _tags_of(self, text: str) -> Iterator[str]:
        return (self.tags[mark] for mark in _MARK.findall(text) if mark in self.tags)


def prepare_html(source: str, language: str, symbols: bool = False) -> Passage:
    """HTML in a language, made ready, with symbols as `prepare`.

    Text without tags and character references is plain text, and stays so.
    """
    nodes = split_nodes(source)
    tagged = any(isinstance(node, Raw) for node in nodes)
    plain = not tagged and unescape(source) == source
    parts: list[str | Sentence] = []
    for run in [nodes] if plain else _runs(nodes):
        if isinstance(run, Raw):
            parts.append(run.source)
        else:
            parts += _prepare_run(run, language, symbols, tagged, plain)
    return Passage(tuple(part for part in parts if part))


def visible_text(source: str) -> str:
    """The text of HTML that is to be translated, a line for each block."""
    pieces = []
    for node in split_nodes(source):
        if isinstance(node, Text):
            pieces.append(node.text)
        elif node.block:
            pieces.append("\n")
    return "".join(pieces).strip()


def _prepare_run(
    run: Sequence[Node], language: str, symbols: bool, tagged: bool, plain: bool
) -> Iterator[str | Sentence]:
    """A run of text and inline tags."""
    text, tags = _mark(run, tagged)
    for part in prepare(text, language, symbols).parts:
        if isinstance(part, str):
            yield _encode(part, tags, plain)
        else:
            values = {item.name: getattr(part, item.name) for item in fields(part)}
            yield _Encoded(**values, tags=tags, plain=plain)


def _mark(run: Sequence[Node], tagged: bool) -> tuple[str, dict[str, str]]:
    """The text of a run with marks, and what each stands for: tags, and line ends next to them.

    Other line ends are spaces, where there are tags at all. No mark is a character that the text has itself.
    """
    pieces: list[str] = []
    tags: dict[str, str] = {}
    characters = set().union(*(node.text for node in run if isinstance(node, Text)))
    marks = (mark for mark in map(chr, _MARKS) if mark not in characters)

    def add(source: str) -> str:
        mark = next(marks)
        tags[mark] = source
        return mark

    def line_end(match: re.Match[str]) -> str:
        return add(_escape(match.group()))

    for node in run:
        if isinstance(node, Raw):
            pieces.append(add(node.source))
        elif not tagged:
            pieces.append(node.text)
        else:
            begin, end = _core(node.text)
            pieces.append(_LINES.sub(line_end, node.text[:begin]))
            pieces.append(_LINE_END.sub(" ", node.text[begin:end]))
            pieces.append(_LINES.sub(line_end, node.text[end:]))
    return "".join(pieces), tags


def _encode(text: str, tags: Mapping[str, str], plain: bool) -> str:
    """Text as HTML, with the tags that its marks stand for."""
    encoded = text if plain and unescape(text) == text and not INCOMPLETE.search(text) else _escape(text)
    return _MARK.sub(lambda match: tags.get(match.group(), match.group()), encoded)


def _unpaired(tags: Iterable[str]) -> list[tuple[bool, str]]:
    """Of tags, those that are left where each that closes the last open element is taken away with that one's.

    Each as whether it closes, and its name. None is left of tags that are well nested; the partners of those that are
    left stand before or after them.
    """
    left: list[tuple[bool, str]] = []
    for source in tags:
        for closing, name, empty in _TAG.findall(source):
            if closing and left and left[-1] == (False, name.lower()):
                left.pop()
            elif closing or not (empty or name.lower() in VOID):
                left.append((bool(closing), name.lower()))
    return left


def _escape(text: str) -> str:
    return escape(text, quote=False).replace("\u00a0", "&nbsp;")


def _runs(nodes: Sequence[Node]) -> Iterator[Raw | list[Node]]:
    """What stands outside of sentences, and the runs between, which begin and end with text that is not white space."""
    run: list[Node] = []
    for node in nodes:
        if isinstance(node, Raw) and node.block:
            yield from _trimmed(run)
            yield node
            run = []
            continue
        if len(run) >= _MAX_RUN or (isinstance(node, Text) and _begins_sentence(node.text, run)):
            yield from _trimmed(run)
            run = []
        run.append(node)
    yield from _trimmed(run)


def _begins_sentence(text: str, run: Sequence[Node]) -> bool:
    """Whether a text after a tag is the beginning of another sentence than what stands before the tag."""
    if not text.lstrip()[:1].isupper():
        return False
    before = ""
    for node in reversed(run):
        if isinstance(node, Text):
            before = node.text[-20:] + before
            if before.strip():
                break
    apart = before[-1:].isspace() or text[:1].isspace()
    return apart and bool(_SENTENCE_END.search(before))


def _trimmed(run: Sequence[Node]) -> Iterator[Raw | list[Node]]:
    """A run without what stands around its text."""
    written = [index for index, node in enumerate(run) if isinstance(node, Text) and not node.text.isspace()]
    if not written:
        yield from (_as_raw(node) for node in run)
        return
    first, last = written[0], written[-1]
    yield from (_as_raw(node) for node in run[:first])
    inner = list(run[first : last + 1])
    before, inner[0] = _split(inner[0], _core(_text(inner[0]))[0])
    inner[-1], after = _split(inner[-1], _core(_text(inner[-1]))[1])
    yield _as_raw(before)
    yield inner
    yield _as_raw(after)
    yield from (_as_raw(node) for node in run[last + 1 :])


def _text(node: Node) -> str:
    assert isinstance(node, Text)
    return node.text


def _split(node: Node, index: int) -> tuple[Text, Text]:
    return Text(_text(node)[:index]), Text(_text(node)[index:])


def _core(text: str) -> tuple[int, int]:
    """Where a text begins and ends without the white space around it; all white space is before it."""
    begin = len(text) - len(text.lstrip())
    return begin, max(begin, len(text.rstrip()))


def _as_raw(node: Node) -> Raw:
    return node if isinstance(node, Raw) else Raw(_escape(node.text))

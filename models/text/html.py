"""HTML made ready for a translator: its text is translated, everything else stays as it was sent, byte for byte.

No tree is built and written again, so tags keep their attributes, also in broken HTML, which has as many trees as
parsers. The text of a block is translated sentence by sentence, as if it had no inline tags; these are then put around
the words that come from those that they were around (models/text/tags.py). What has content that is not translated, a
picture or code, is one character of the private use area, its mark, which models/text/front.py keeps as it keeps what
is no language: it moves with the words around it, and is put back where its mark stands.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape, unescape
from typing import ClassVar

from models.text.alignment import Alignment
from models.text.front import Aligner, Passage, Piece, Sentence, make_sentence, sentence_spans, visible
from models.text.html_nodes import INCOMPLETE, Node, Raw, Text, split_nodes
from models.text.normalization import align
from models.text.tags import Tag, place_tags

_MARK = re.compile("[\U000f0000-\U0010fffd]")
_MARKS = range(0xF0000, 0x10FFFE)
_MAX_RUN = 10_000
"""Tags and texts that are prepared together, far fewer than there are marks."""
_SPACE = re.compile(r"[ \t\r\n\f]+")
_LINE_END = re.compile(r"[ \t]*(?:\r\n?|\n)[ \t]*")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*\s*$")


@dataclass(frozen=True)
class _Encoded(Sentence):
    """A sentence with a mark for what is not translated in it, whose translation is HTML."""

    marks: Mapping[str, str] = None  # type: ignore[assignment]
    """The source of each mark."""
    tags: tuple[Tag, ...] = ()
    """Those inside of it, with their offsets in its source."""
    plain: bool = False
    free: ClassVar[frozenset[str]] = Sentence.free | {"markup"}
    """Markup that a model writes is text here, and is escaped."""

    def used(self, hypotheses: Sequence[Sequence[str] | None]) -> Iterator[tuple[int, int]]:
        return super().used([ranked and self._without_marks(ranked) for ranked in hypotheses])

    def render(
        self, hypotheses: Sequence[Sequence[str]], target: str, rank: int = 0, align: Aligner | None = None
    ) -> str:
        """As of any sentence; align says which words of the translation its tags belong to. Without it, the share of
        the sentence before them does."""
        pieces = list(self.pieces([self._without_marks(ranked) for ranked in hypotheses], target, rank))
        shown = "".join(piece.text for piece in pieces)
        if not self.tags:
            return _encode(shown, self.marks, self.plain)
        placed = place_tags(self.source, shown, self.tags, _joined_alignment(pieces, align))
        return _with_tags(shown, placed, self.marks)

    @property
    def needs_alignment(self) -> bool:
        return bool(self.tags)

    def _without_marks(self, hypotheses: Sequence[str]) -> Sequence[str]:
        """The hypotheses of a sentence without items: what a vocabulary without symbols spells in bytes is no mark."""
        return hypotheses if self.items else [_MARK.sub("", text) for text in hypotheses]


def prepare_html(source: str, language: str, symbols: bool = False) -> Passage:
    """HTML in a language, made ready, with symbols as `prepare`.

    Text without tags and character references is plain text, and stays so.
    """
    nodes = split_nodes(source)
    tagged = any(isinstance(node, Raw) for node in nodes)
    plain = not tagged and unescape(source) == source
    parts: list[str | Sentence] = []
    for run in _runs(nodes):
        if isinstance(run, Raw):
            parts.append(run.source)
        else:
            parts += _Run(run, tagged, plain).parts(language, symbols)
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


class _Run:
    """Text and inline tags. What has content and stands before or after all words is as a tag that is no one's."""

    def __init__(self, nodes: Sequence[Node], tagged: bool, plain: bool) -> None:
        self._plain = plain
        nodes = _joined(nodes)
        texts = [index for index, node in enumerate(nodes) if isinstance(node, Text) and not node.text.isspace()]
        characters = set().union(*(node.text for node in nodes if isinstance(node, Text)))
        free = (mark for mark in map(chr, _MARKS) if mark not in characters)
        pieces: list[str] = []
        length = 0
        self._marks: dict[str, str] = {}
        self._tags: list[Tag] = []
        self._fixed: set[int] = set()
        """The indices of tags that stay where they are."""
        for index, node in enumerate(nodes):
            if isinstance(node, Raw) and node.kind == "content" and texts and texts[0] < index < texts[-1]:
                self._marks[mark := next(free)] = node.source
                pieces.append(mark)
                length += 1
            elif isinstance(node, Raw):
                if node.kind == "content":
                    self._fixed.add(len(self._tags))
                kind = "point" if node.kind == "content" else node.kind
                self._tags.append(Tag(length, kind, node.name, node.source))
            else:
                pieces.append(node.text)
                length += len(node.text)
        self._text = "".join(pieces)
        if tagged:
            self._collapse()
        self._partners = _partners(self._tags)

    def parts(self, language: str, symbols: bool) -> Iterator[str | Sentence]:
        normal = align(self._text)
        position, first = 0, 0  # of the text and of the tags that are not written yet
        spans = list(sentence_spans(normal.text))
        for start, end in spans:
            left, right = normal.span(start, end)
            own = self._own(first, left, right)
            yield self._between(position, left, first, own.start)
            sentence = make_sentence(normal.text[start:end], language, symbols)
            tags = [self._moved(index, start, end, normal.starts) for index in own]
            if isinstance(sentence, str):
                yield _with_tags(sentence, [(tag.offset, tag.source) for tag in tags], self._marks, self._plain)
            else:
                values = {item.name: getattr(sentence, item.name) for item in fields(sentence)}
                yield _Encoded(**values, marks=self._marks, tags=tuple(tags), plain=self._plain)
            position, first = right, own.stop
        yield self._between(position, len(self._text), first, len(self._tags))

    def _own(self, first: int, left: int, right: int) -> range:
        """The tags that go with the words of a sentence, text[left:right], among those from `first` on: all inside, and
        those beside it whose element has a part of its words."""
        begin = first
        while begin < len(self._tags) and self._tags[begin].offset <= left:
            begin += 1
        end = begin
        while end < len(self._tags) and self._tags[end].offset < right:
            end += 1
        own_begin, own_end = begin, end
        for index in reversed(range(first, begin)):
            if index in self._fixed:
                break
            partner = self._partners.get(index, -1)
            if begin <= partner < end:
                own_begin = index
        for index in range(end, len(self._tags)):
            if index in self._fixed or self._text[right : self._tags[index].offset].strip():
                break
            partner = self._partners.get(index, len(self._tags))
            if begin <= partner < end or own_begin <= partner < index < end:
                own_end = index + 1
        return range(own_begin, own_end)

    def _moved(self, index: int, start: int, end: int, starts: Sequence[int]) -> Tag:
        """A tag with its offset in the sentence from start to end of the normalized text."""
        tag = self._tags[index]
        offset = min(max(bisect_left(starts, tag.offset), start), end) - start
        return Tag(offset, tag.kind, tag.name, tag.source)

    def _between(self, begin: int, end: int, first: int, last: int) -> str:
        """Text between sentences, with tags."""
        pieces: list[str] = []
        for tag in self._tags[first:last]:
            offset = min(max(tag.offset, begin), end)
            pieces += [self._encoded(begin, offset), tag.source]
            begin = offset
        return "".join([*pieces, self._encoded(begin, end)])

    def _encoded(self, begin: int, end: int) -> str:
        return _encode(visible(self._text[begin:end]), self._marks, self._plain)

    def _collapse(self) -> None:
        """White space within a sentence becomes a space where it has an end of a line, or a tag in the middle.

        Between words, a tag that opens stands behind it then, any other before it.
        """
        text = self._text
        first, last = len(text) - len(text.lstrip()), len(text.rstrip())
        offsets = [tag.offset for tag in self._tags]
        moved = list(offsets)
        pieces: list[str] = []
        position = length = index = 0  # index: of the first tag that has not moved
        for match in _SPACE.finditer(text, first, max(first, last)):
            begin, end = match.span()
            inner = bisect_left(offsets, end) > bisect_left(offsets, begin + 1)
            line = _LINE_END.fullmatch(match.group())
            if not (line or inner) or text[begin - 1] in ".!?…":
                continue
            pieces += [text[position:begin], " "]
            while index < len(offsets) and offsets[index] < end:
                if offsets[index] <= begin:
                    moved[index] = length + offsets[index] - position
                else:
                    moved[index] = length + begin - position + (self._tags[index].kind == "open")
                index += 1
            length += begin - position + 1
            position = end
        for rest in range(index, len(offsets)):
            moved[rest] = length + offsets[rest] - position
        self._text = "".join([*pieces, text[position:]])
        for number, tag in enumerate(self._tags):
            moved[number] = max(moved[number], moved[number - 1] if number else 0)
            self._tags[number] = Tag(moved[number], tag.kind, tag.name, tag.source)


def _joined(nodes: Sequence[Node]) -> list[Node]:
    """Nodes, of which an element is one where it has no words to translate, but other content."""
    joined: list[Node] = []
    opened: list[tuple[str, int, int, int]] = []
    names: Counter[str] = Counter()
    words = contents = 0  # so far
    for node in nodes:
        joined.append(node)
        if isinstance(node, Text):
            words += not node.text.isspace()
            continue
        contents += node.kind == "content"
        if node.kind == "open":
            opened.append((node.name, len(joined) - 1, words, contents))
            names[node.name] += 1
        elif node.kind == "close" and names[node.name]:
            name = ""
            while name != node.name:
                name, first, words_before, contents_before = opened.pop()
                names[name] -= 1
            if words == words_before and contents > contents_before:
                joined[first:] = [Raw("".join(map(_source, joined[first:])))]
    return joined


def _partners(tags: Sequence[Tag]) -> dict[int, int]:
    """The index of the other tag of each element that has both."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    names: Counter[str] = Counter()
    for index, tag in enumerate(tags):
        if tag.kind == "open":
            opened.append(index)
            names[tag.name] += 1
        elif tag.kind == "close" and names[tag.name]:
            while True:
                last = opened.pop()
                names[tags[last].name] -= 1
                if tags[last].name == tag.name:
                    break
            partners[last], partners[index] = index, last
    return partners


def _joined_alignment(pieces: Sequence[Piece], align: Aligner | None) -> Alignment:
    """Of a sentence, from those of its pieces."""
    sources: list[tuple[int, int]] = []
    targets: list[tuple[int, int]] = []
    blocks: list[tuple[int, Sequence[Sequence[float]]]] = []
    source = target = 0
    for piece in pieces:
        one = align(piece) if align and piece.sentence else _by_position(piece)
        blocks.append((len(sources), one.weights))
        sources += [(source + begin, source + end) for begin, end in one.source]
        targets += [(target + begin, target + end) for begin, end in one.target]
        source, target = source + len(piece.source), target + len(piece.text)
    weights = [
        [*[0.0] * before, *row, *[0.0] * (len(sources) - before - len(row))] for before, rows in blocks for row in rows
    ]
    return Alignment(sources, targets, weights)


def _by_position(piece: Piece) -> Alignment:
    """As if each character came from the one at the same share of the source."""
    source = [(offset, offset + 1) for offset in range(len(piece.source))]
    target = [(offset, offset + 1) for offset in range(len(piece.text))]
    weights = [[0.0] * len(source) for _ in target]
    for offset, row in enumerate(weights):
        if row:
            row[offset * len(row) // len(weights)] = 1.0
    return Alignment(source, target, weights)


def _with_tags(text: str, placed: Sequence[tuple[int, str]], marks: Mapping[str, str], plain: bool = False) -> str:
    """Text as HTML, with tags, each at an offset in it."""
    pieces: list[str] = []
    position = 0
    for offset, source in placed:
        pieces += [_encode(text[position:offset], marks, plain), source]
        position = max(position, offset)
    return "".join([*pieces, _encode(text[position:], marks, plain)])


def _encode(text: str, marks: Mapping[str, str], plain: bool) -> str:
    """Text as HTML, with what its marks stand for."""
    encoded = text if plain and unescape(text) == text and not INCOMPLETE.search(text) else _escape(text)
    return _MARK.sub(lambda match: marks.get(match.group(), match.group()), encoded)


def _escape(text: str) -> str:
    return escape(text, quote=False).replace("\u00a0", "&nbsp;")


def _source(node: Node) -> str:
    return node.source if isinstance(node, Raw) else _escape(node.text)


def _runs(nodes: Sequence[Node]) -> Iterator[Raw | list[Node]]:
    """The tags of blocks, and the runs between."""
    run: list[Node] = []
    for node in nodes:
        if isinstance(node, Raw) and node.block:
            if run:
                yield run
            yield node
            run = []
            continue
        if len(run) >= _MAX_RUN or (isinstance(node, Text) and _begins_sentence(node.text, run)):
            yield run
            run = []
        run.append(node)
    if run:
        yield run


def _begins_sentence(text: str, run: Sequence[Node]) -> bool:
    """Whether a text after something that is not translated is the beginning of another sentence than the text before.

    Where there are only tags between, models/text/sentences.py sees it.
    """
    if not text.lstrip()[:1].isupper():
        return False
    before, content = "", False
    for node in reversed(run):
        if isinstance(node, Text):
            before = node.text[-20:] + before
            if before.strip():
                break
        else:
            content = content or node.kind == "content"
    apart = before[-1:].isspace() or text[:1].isspace()
    return content and apart and bool(_SENTENCE_END.search(before))

"""HTML made ready for a translator: its text is translated, everything else stays as it was sent, byte for byte.

No tree is built and written again, so tags keep their order, nesting and attributes, also in broken HTML, which has as
many trees as parsers. The text of a block is translated sentence by sentence, across inline tags. Within a sentence, an
inline tag ends a fragment, as what is no language does in models/text/front.py: the tag is one character of the private
use area in the text that is prepared, and is put back where this character stands.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape

from models.text.front import Passage, Sentence, prepare
from models.text.html_nodes import INCOMPLETE, Node, Raw, Text, split_nodes

_PRIVATE = re.compile("[\ue000-\uf8ff]")
_MARK = "\ue000"
_LINES = re.compile(r"(?s).*[\r\n].*")
_LINE_END = re.compile(r"(?<![\s.!?…])[ \t]*(?:\r\n?|\n)[ \t]*(?=\S)")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*\s*$")


@dataclass(frozen=True)
class _Encoded(Sentence):
    """A sentence with a mark for each of its tags, whose translation is HTML."""

    tags: tuple[str, ...] = ()
    plain: bool = False

    def render(self, hypotheses: Sequence[Sequence[str]], target: str, rank: int = 0) -> str:
        unmarked = [[_PRIVATE.sub("", text) for text in texts] for texts in hypotheses]
        return _encode(super().render(unmarked, target, rank), iter(self.tags), self.plain)


def prepare_html(source: str, language: str) -> Passage:
    """HTML in a language, made ready. Text without tags and character references is plain text, and stays so."""
    nodes = split_nodes(source)
    tagged = any(isinstance(node, Raw) for node in nodes)
    plain = not tagged and unescape(source) == source
    parts: list[str | Sentence] = []
    for run in [nodes] if plain else _runs(nodes):
        if isinstance(run, Raw):
            parts.append(run.source)
        else:
            parts += _prepare_run(run, language, tagged, plain)
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


def _prepare_run(run: Sequence[Node], language: str, tagged: bool, plain: bool) -> Iterator[str | Sentence]:
    """A run of text and inline tags."""
    text, tags = _mark(run, tagged)
    rest = iter(tags)
    for part in prepare(text, language).parts:
        if isinstance(part, str):
            yield _encode(part, rest, plain)
        else:
            own = tuple(next(rest) for _ in _PRIVATE.findall(part.source))
            yield _Encoded(part.source, part.text, part.parts, part.capitals, part.fragment, own, plain)


def _mark(run: Sequence[Node], tagged: bool) -> tuple[str, list[str]]:
    """The text of a run with marks, and what they stand for: tags, and line ends next to them.

    Other line ends are spaces, where there are tags at all. Characters of the private use area are marked too.
    """
    pieces: list[str] = []
    tags: list[str] = []

    def mark(match: re.Match[str]) -> str:
        tags.append(_escape(match.group()))
        return _MARK

    for node in run:
        if isinstance(node, Raw):
            tags.append(node.source)
            pieces.append(_MARK)
        elif not tagged:
            pieces.append(_PRIVATE.sub(mark, node.text))
        else:
            begin, end = _core(node.text)
            pieces.append(_LINES.sub(mark, node.text[:begin]))
            pieces.append(_PRIVATE.sub(mark, _LINE_END.sub(" ", node.text[begin:end])))
            pieces.append(_LINES.sub(mark, node.text[end:]))
    return "".join(pieces), tags


def _encode(text: str, tags: Iterator[str], plain: bool) -> str:
    """Text as HTML, with the tags that its marks stand for."""
    if plain and unescape(text) == text and not INCOMPLETE.search(text):
        return _PRIVATE.sub(lambda _: next(tags), text)
    return _PRIVATE.sub(lambda _: next(tags), _escape(text))


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
        if isinstance(node, Text) and _begins_sentence(node.text, run):
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

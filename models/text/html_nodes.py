"""HTML as text to translate and what stays as it was sent.

The standard library's tokenizer says where tags, comments and text stand; nothing is parsed into a tree.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Literal

UNTRANSLATED = frozenset({
    "code", "iframe", "kbd", "math", "noembed", "noframes", "plaintext", "pre", "samp", "script", "style", "svg",
    "textarea", "var", "xmp",
})  # fmt: skip
"""Elements that stay as they are, with all that is in them, like those with translate="no"."""
VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
})  # fmt: skip
_BLOCK = frozenset({
    "address", "article", "aside", "blockquote", "body", "br", "button", "caption", "center", "col", "colgroup",
    "dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1",
    "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html", "iframe", "legend", "li", "link",
    "main", "menu", "meta", "nav", "noscript", "ol", "optgroup", "option", "p", "pre", "search", "section",
    "select", "summary", "table", "tbody", "td", "template", "textarea", "tfoot", "th", "thead", "title", "tr",
    "ul",
})  # fmt: skip
"""Tags at which a sentence ends; those that are not here, custom elements too, stand inside of sentences."""
_ENDED_BY = {
    "p": _BLOCK - {"br", "button"}, "li": frozenset({"li"}), "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}), "option": frozenset({"option", "optgroup"}), "tr": frozenset({"tr", "tbody"}),
    "td": frozenset({"td", "th", "tr", "tbody"}), "th": frozenset({"td", "th", "tr", "tbody"}),
}  # fmt: skip
"""Elements whose end tag may be missing, and the start tags that end them."""
INCOMPLETE = re.compile(r"<(?=[A-Za-z/!?])")
"""Where a tag begins; one that a tokenizer takes for text has no end."""


@dataclass(frozen=True)
class Text:
    """Text to translate, decoded."""

    text: str


@dataclass(frozen=True)
class Raw:
    """What stays. block: whether a sentence ends at it.

    A tag opens or closes an element of a name. What else stays has content, such as a picture or text that is not
    translated, or is a point that nobody sees.
    """

    source: str
    block: bool = False
    kind: Literal["open", "close", "content", "point"] = "content"
    name: str = ""


Node = Text | Raw
_POINT = Raw("", kind="point")


def split_nodes(source: str) -> list[Node]:
    """HTML as nodes whose sources, joined, are all of it."""
    tokenizer = _Tokenizer(source)
    nodes: list[Node] = []
    for (start, end), raw in zip(pairwise([*tokenizer.starts, len(source)]), tokenizer.raws, strict=True):
        piece = source[start:end]
        if raw is not None:
            nodes += [replace(raw, source=piece)] if piece else []
            continue
        incomplete = INCOMPLETE.search(piece)
        cut = incomplete.start() if incomplete else len(piece)
        nodes += [Text(unescape(piece[:cut]))] if cut else []
        nodes += [Raw(piece[cut:])] if incomplete else []
    return nodes


class _Tokenizer(HTMLParser):
    """starts: where each token begins. raws: what it is, without its source, or None for text to translate."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.starts = [0]
        self.raws: list[Raw | None] = [Raw("")]
        self._lines = [0, *(match.end() for match in re.finditer("\n", source))]
        self._open: list[tuple[str, bool]] = []
        """The open elements, each with whether its text is translated."""
        self._count: Counter[str] = Counter()
        tagged = source.rfind(">") + 1
        self.feed(source[:tagged])
        self.close()
        if tagged < len(source):  # not fed: a tokenizer takes long to find that a tag has no end
            self._add_data(tagged)

    @property
    def _translated(self) -> bool:
        return not self._open or self._open[-1][1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind: Literal["open", "content", "point"] = "content" if tag in VOID else "open"
        self._add(Raw("", tag in _BLOCK, "point" if tag == "wbr" else kind, tag))
        while self._open and tag in _ENDED_BY.get(self._open[-1][0], ()):
            self._pop(len(self._open) - 1)
        if tag not in VOID:
            attribute = dict(attrs).get("translate", "inherit") or "yes"
            translated = {"no": False, "yes": True}.get(attribute.lower(), self._translated)
            self._open.append((tag, translated and tag not in UNTRANSLATED))
            self._count[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        self._add(Raw("", tag in _BLOCK, "close", tag))
        if not self._count[tag]:
            return
        index = next(index for index in reversed(range(len(self._open))) if self._open[index][0] == tag)
        # an inline element's end leaves those open that were opened inside of it
        for last in reversed(range(index, len(self._open) if tag in _BLOCK else index + 1)):
            self._pop(last)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # as in HTML, where the slash says nothing
        self.raws[-1] = Raw("", tag in _BLOCK, "point" if tag == "wbr" else "content", tag)  # but is meant to

    def handle_data(self, data: str) -> None:
        if not data:
            return
        self._add_data(self._position)

    def handle_comment(self, data: str) -> None:  # noqa: ARG002
        self._add(_POINT)

    def handle_decl(self, decl: str) -> None:  # noqa: ARG002
        self._add(_POINT)

    def handle_pi(self, data: str) -> None:  # noqa: ARG002
        self._add(_POINT)

    def unknown_decl(self, data: str) -> None:  # noqa: ARG002
        self._add(_POINT)

    def parse_endtag(self, i: int) -> int:
        if self.rawdata.startswith("</>", i):  # which is skipped without a call
            self._add(_POINT)
        return super().parse_endtag(i)

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: ARG002
        """A comment, as HTML has no marked sections. The base class would raise for one with an unknown name."""
        return self.parse_bogus_comment(i)

    @property
    def _position(self) -> int:
        """Where in the source the tokenizer is; it counts lines."""
        line, offset = self.getpos()
        return self._lines[line - 1] + offset

    def _add(self, raw: Raw) -> None:
        self.starts.append(self._position)
        self.raws.append(raw)

    def _add_data(self, start: int) -> None:
        raw = None if self._translated else Raw("")
        if self.raws[-1] is not None or raw is not None:  # else it continues the text before it
            self.starts.append(start)
            self.raws.append(raw)

    def _pop(self, index: int) -> None:
        tag, _ = self._open.pop(index)
        self._count[tag] -= 1

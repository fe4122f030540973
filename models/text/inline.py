"""Inline elements of HTML whose tags are symbols in a sentence: which hold words, and words for those that lost theirs.

A translator moves the symbols, and may write the two tags of an element beside each other. A reader expects the
element around a word: it then gets the nearest one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

_FOLLOWING = re.compile(r"([\s\"'“„«‘(\[]*)(\w+(?:['’.\-]\w+)*)")
_PRECEDING = re.compile(r"(\w+(?:['’.\-]\w+)*)(\s*)$")
Part = tuple[Literal["open", "close", "words"], str]
"""What a symbol stands for has parts, as tags without a word between them are one symbol; with the element's name."""


@dataclass(frozen=True)
class Element:
    """text[begin:end] has the tags of an element; its key is the symbol and the part of one of them."""

    key: tuple[str, int]
    begin: int
    end: int
    filled: bool
    """Whether it has words."""


@dataclass(frozen=True)
class Inline:
    """The elements of a sentence, by the parts of each of its symbols."""

    parts: Mapping[str, Sequence[Part]]

    def elements(self, text: str) -> Iterator[Element]:
        """The elements of a text, inner ones first.

        The partner of a tag may stand before or after the sentence: its element then begins or ends with the text.
        """
        opened: list[tuple[tuple[str, int], str, int, int]] = []
        words = 0  # so far
        for index, character in enumerate(text):
            parts = self.parts.get(character) or ([("words", "")] if character.isalnum() else [])
            for number, (kind, name) in enumerate(parts):
                if kind == "words":
                    words += 1
                elif kind == "open":
                    opened.append(((character, number), name, index, words))
                elif opened and opened[-1][1] == name:
                    key, _, begin, before = opened.pop()
                    yield Element(key, begin, index + 1, filled=words > before)
                else:
                    yield Element((character, number), 0, index + 1, filled=words > 0)
        for key, _, begin, before in reversed(opened):
            yield Element(key, begin, begin + 1, filled=words > before)

    def filled(self, text: str) -> set[tuple[str, int]]:
        """The keys of the elements of a text that have words."""
        return {element.key for element in self.elements(text) if element.filled}

    def fill(self, text: str, keys: set[tuple[str, int]]) -> str:
        """A text in which the elements with these keys have a word, as far as there is one beside them."""
        for _ in keys:
            empty = [element for element in self.elements(text) if element.key in keys and not element.filled]
            if not empty:
                break
            text = self._with_word(text, empty[-1])  # the outermost, whose tags inside may be empty too
        return text

    def _with_word(self, text: str, element: Element) -> str:
        before, tags, after = text[: element.begin], text[element.begin : element.end], text[element.end :]
        closing = [index for index, symbol in enumerate(tags) if "close" in dict(self.parts.get(symbol, ()))]
        middle = closing[0] if closing else len(tags)
        first, last = "".join(tags[:middle].split()), "".join(tags[middle:].split())
        if following := _FOLLOWING.match(after):
            space = following[1] or (" " if len(first + last) < len(tags) else "")
            space = space.lstrip() if before[-1:].isspace() or not before else space
            return before + space + first + following[2] + last + after[following.end() :]
        if preceding := _PRECEDING.search(before):
            space = "" if after[:1].isspace() else preceding[2]
            space = space if after[:1].isalnum() or after[:1] in self.parts else ""
            return before[: preceding.start()] + first + preceding[1] + last + space + after
        return text

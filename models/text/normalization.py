"""Text as people's programs write it, to text as models have learned it, with each character's span in the original.

Unicode has several ways to write what readers take for the same text (UAX #15): letters composed or with a mark of
their own, letters of full width, a dozen spaces, four ends of a line, and characters that nobody sees. To a model
each of these is another text, so tokenizers normalize what they encode; offsets stay those of the original.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from models.text.emoji import find_names

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_LINE_ENDS = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_INVISIBLE = "\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u2060\ufeff" + "".join(
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
)
"""Soft hyphens, marks of width nothing and of direction, byte order marks."""
_SINGLE = dict.fromkeys(map(ord, _SPACES), " ") | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_QUOTES = str.maketrans("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb", "''''" + '""""""')
QUOTES = "".join(map(chr, _QUOTES))
"""Typographic quotes, which are set straight for models that have not learned them."""
_QUOTE = re.compile(f"[{QUOTES}]")
_JOINER = "\u200d"
_SYMBOL = re.compile("[\u2190-\u2fff\u3001-\ufb1c\ufb50-\ufefe\uff00\uff5f-\U0010ffff]")
"""What a joiner makes one emoji of; elsewhere it is invisible. No character that normalizing removes or changes."""
_MAY_BE_MARKS = re.compile(r"[^\w\s\x00-\u02ff]{31}")
"""All runs of more than MAX_MARKS marks, and others."""
MAX_MARKS = 30
"""On one letter, as in the Unicode standard's stream-safe text (UAX #15). Putting more of them into their order takes
time by their number squared, in which nothing else can run; they are left out, as what is invisible."""
_SPECIAL = re.compile(f"[{_SPACES}{_LINE_ENDS}{_INVISIBLE}\uff01-\uff5e]")


@dataclass(frozen=True)
class Normalized:
    """A normalized text. Character i of it stands for source[starts[i]:ends[i]]."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where text[start:end] stands in the source; an empty span stays empty."""
        if start >= end:
            at = self.starts[start] if start < len(self.starts) else (self.ends[-1] if self.ends else 0)
            return at, at
        return self.starts[start], self.ends[end - 1]


def is_normal(text: str, quotes: bool = False) -> bool:
    """Whether normalizing would leave a text as it is."""
    if text.isascii() and text.isprintable():
        return True  # most texts, at a tenth of the time
    if _excess_marks(text) or not unicodedata.is_normalized("NFC", text) or _SPECIAL.search(text):
        return False
    if _JOINER in text and any(_is_invisible(character, text, index) for index, character in enumerate(text)):
        return False
    return not (quotes and _QUOTE.search(text))


def normalize(text: str, quotes: bool = False, emoji: str = "") -> str:
    """NFC, ordinary spaces and letters, \\n for every end of a line, nothing invisible; with quotes, straight ones.

    A joiner between symbols stays: it makes one emoji of several. With the language of `emoji`, their names in it
    stand for them.
    """
    if not is_normal(text, quotes):
        text = "".join(output for _, _, output in _clusters(text, quotes))
    output: list[str] = []
    position = 0
    for start, end, name in find_names(text, emoji):
        output += [text[position:start], name]
        position = end
    return "".join([*output, text[position:]])


def last_space(text: str) -> int | None:
    """Where the space stands that a normalized text ends with; None if it ends with another character."""
    index = len(text.rstrip(_INVISIBLE + _JOINER)) - 1
    return index if index >= 0 and text[index] in _SPACES + " " else None


def align(text: str, quotes: bool = False, emoji: str = "") -> Normalized:
    """As normalize, with the span of each character in the text; each of a name's has that of the emoji."""
    aligned = _align(text, quotes)
    names = find_names(aligned.text, emoji)
    if not names:
        return aligned
    output: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position, length = 0, len(aligned.text)
    for start, end, name in [*names, (length, length, "")]:
        first, last = aligned.span(start, end)
        output += [aligned.text[position:start], name]
        starts += [*aligned.starts[position:start], *[first] * len(name)]
        ends += [*aligned.ends[position:start], *[last] * len(name)]
        position = end
    return Normalized("".join(output), tuple(starts), tuple(ends))


def _align(text: str, quotes: bool) -> Normalized:
    if is_normal(text, quotes):
        return Normalized(text, tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    output: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end, characters in _clusters(text, quotes):
        length, count = end - start, len(characters)
        each = length == count or length > _LONGEST_COMPOSED  # else tokens of a long one would all have all of it
        for offset, character in enumerate(characters):
            output.append(character)
            starts.append(start + offset * length // count if each else start)
            ends.append(start + max(1, (offset + 1) * length // count) if each else end)
    return Normalized("".join(output), tuple(starts), tuple(ends))


def _clusters(text: str, quotes: bool) -> Iterator[tuple[int, int, str]]:
    """The text in pieces that are normalized one by one: start, end, and what they become.

    What is invisible is left out first, and letters of full width become ordinary ones: then a mark may follow a letter
    that it is composed with.
    """
    single = _SINGLE | _QUOTES if quotes else _SINGLE
    kept = [index for index, character in enumerate(text) if not _is_invisible(character, text, index)]
    if excess := _excess_marks("".join(text[index] for index in kept)):
        kept = [index for number, index in enumerate(kept) if number not in excess]
    first = 0
    for cluster in _composed("".join(text[index] for index in kept).translate(single)):
        last = first + len(cluster) - 1
        start, end = kept[first], kept[last] + 1
        first = last + 1
        if cluster == "\n" and start and text[start - 1] == "\r":
            continue  # the \r before it stands for both
        if cluster in _LINE_ENDS:
            yield start, end + 1 if text[start : end + 1] == "\r\n" else end, "\n"
        else:
            yield start, end, unicodedata.normalize("NFC", cluster)


def without_excess_marks(text: str) -> str:
    """A text of which each letter has at most MAX_MARKS marks, as is safe to give to `unicodedata`."""
    excess = _excess_marks(text)
    return "".join(character for index, character in enumerate(text) if index not in excess) if excess else text


def _excess_marks(text: str) -> set[int]:
    """The indices of marks beyond MAX_MARKS on a letter, each counted as those that it is decomposed to."""
    if not _MAY_BE_MARKS.search(text):
        return set()
    excess: set[int] = set()
    count = 0
    for index, character in enumerate(text):
        classes = [unicodedata.combining(part) for part in unicodedata.normalize("NFD", character)]
        if not classes[0]:
            count = 0
        count += sum(map(bool, classes))
        if classes[0] and count > MAX_MARKS:
            excess.add(index)
    return excess


def _is_invisible(character: str, text: str, index: int) -> bool:
    """Also of a joiner that is not between two symbols. Marks are none, as composing puts them in another order."""
    if character != _JOINER:
        return character in _INVISIBLE
    beside = text[max(0, index - 1) : index] + text[index + 1 : index + 2]
    return len(beside) < 2 or not all(_SYMBOL.match(other) and not unicodedata.combining(other) for other in beside)


def _composed(text: str) -> Iterator[str]:
    """Characters with the marks that follow them, which NFC may put together; nothing is composed across pieces."""
    if unicodedata.is_normalized("NFC", text):
        yield from text
        return
    cluster = ""
    for character in text:
        is_line_end = cluster == "\n" or cluster in _LINE_ENDS
        if cluster and (is_line_end or not (_is_mark(character) or _composes(cluster, character))):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _is_mark(character: str) -> bool:
    """Also of the few that are letters by themselves, and two marks once they are decomposed."""
    return bool(unicodedata.combining(unicodedata.normalize("NFD", character)[0]))


def _composes(cluster: str, character: str) -> bool:
    """Whether NFC puts a character that is no mark together with what stands before it: Hangul, some Indic vowels."""
    if character.isascii() or len(cluster) > _LONGEST_COMPOSED:
        return False
    alone = unicodedata.normalize("NFC", cluster) + unicodedata.normalize("NFC", character)
    return unicodedata.normalize("NFC", cluster + character) != alone


_LONGEST_COMPOSED = 8
"""Characters that a composed one can be made of are fewer: a longer run of marks is not tried again and again, and its
characters share its span."""

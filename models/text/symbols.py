"""What a translation must keep exactly, replaced by symbols that a translator's vocabulary reserves, and put back.

The model reads and writes one symbol for each item, so that it can move it but not change it. A plain integer of up
to four digits stays visible: it decides on plurals and on what is said of it ("1 apple", "in 1969").
"""

import re
from collections.abc import Sequence

from models.text.reserved import NUMBER, Reserved, find_hard

SYMBOLS = tuple(map(chr, range(0xE000, 0xE010)))
"""Of Unicode's private use area. Where a text has such characters itself, they are items."""
_SYMBOL = re.compile(f"[{SYMBOLS[0]}-{SYMBOLS[-1]}]")
_VISIBLE = re.compile(r"\d{1,4}")
_PERCENT = re.compile(r"(?<![\w%])%\d+(?:[.,]\d+)*(?!\w)")
"""As Turkish writes it: %20, %12,5."""
_VERSION = re.compile(r"(?<![\w.])v\d+(?:\.\d+)+")


def find_items(text: str, language: str) -> list[Reserved]:
    """What symbols stand for in a text, in order, nothing twice."""
    hard = find_hard(text)
    if language == "tr":
        hard = first_spans([*hard, *(Reserved("number", *match.span()) for match in _PERCENT.finditer(text))])
    hard = first_spans([*hard, *(Reserved("number", *match.span()) for match in _VERSION.finditer(text))])
    hidden = (item for item in find_numbers(text, hard) if not _VISIBLE.fullmatch(text[item.start : item.end]))
    return sorted([*hard, *hidden], key=lambda item: item.start)


def find_numbers(text: str, items: Sequence[Reserved]) -> list[Reserved]:
    """The numbers of a text beside its items, in order. A number ends where an item begins: the 3 of "3 ${x}"."""
    rest = replace_spans(text, items, [SYMBOLS[0] * (item.end - item.start) for item in items])
    return [Reserved("number", *match.span()) for match in NUMBER.finditer(rest)]


def substitute(text: str, language: str) -> tuple[str, tuple[str, ...]]:
    """A text with SYMBOLS[0], SYMBOLS[1] … in the place of its items, and the items in their order.

    Where it has more items than there are symbols, the rest stays in the text.
    """
    items = find_items(text, language)[: len(SYMBOLS)]
    return replace_spans(text, items, SYMBOLS), tuple(text[item.start : item.end] for item in items)


def restore(text: str, items: tuple[str, ...]) -> str | None:
    """A text with the items in the place of their symbols.

    None unless it has the symbol of each item once, and no other symbol.
    """
    if sorted(_SYMBOL.findall(text)) != list(SYMBOLS[: len(items)]):
        return None
    return _SYMBOL.sub(lambda match: items[SYMBOLS.index(match.group())], text)


def remove_symbols(text: str) -> str:
    """A text with a space in the place of each symbol."""
    return _SYMBOL.sub(" ", text)


def replace_spans(text: str, spans: Sequence[Reserved], replacements: Sequence[str]) -> str:
    """A text with a replacement in the place of each span; spans are in order."""
    parts, position = [], 0
    for span, replacement in zip(spans, replacements, strict=False):
        parts += [text[position : span.start], replacement]
        position = span.end
    return "".join([*parts, text[position:]])


def first_spans(items: list[Reserved]) -> list[Reserved]:
    """Those of overlapping items that begin first, the longest of those that begin alike."""
    first: list[Reserved] = []
    for item in sorted(items, key=lambda item: (item.start, -item.end)):
        if not first or item.start >= first[-1].end:
            first.append(item)
    return first

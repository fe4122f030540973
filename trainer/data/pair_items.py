"""What both sides of a pair have to keep, replaced by the same symbols on both."""

import random
import re
from collections import defaultdict
from collections.abc import Sequence

from models.text.reserved import Reserved
from models.text.symbols import SYMBOLS, find_items, replace_spans

_ORDINARY = re.compile(r"[^\W\d_\u2000-\U0010ffff©®§¶ºª][^\d_@#$%&<>{}\[\]()`/\\:\u2000-\U0010ffff©®§¶†‡•-]*")
"""Texts that have no items, for certain."""
_PERCENT = re.compile(r"%\d\d+")
Pair = tuple[str, str]


def share_symbols(pair: Pair, languages: Sequence[str], generator: random.Random | None = None) -> Pair | None:
    """A pair with the items that are on both sides replaced by symbols: chosen at random, or the first in order.

    A number may be written as each language does. None where a side alone has an item that is no number, or both
    have more items than there are symbols. A number that a side has alone stays.
    """
    left, right = ([] if _ORDINARY.fullmatch(text) else find_items(text, language)
                   for text, language in zip(pair, languages, strict=True))  # fmt: skip
    if not left and not right:
        return pair
    unmatched: defaultdict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(right):
        unmatched[_key(pair[1], item)].append(index)
    matches = {}  # of the left index to the right one
    for index, item in enumerate(left):
        if same := unmatched[_key(pair[0], item)]:
            matches[index] = same.pop(0)
    alone = [(pair[0], item) for index, item in enumerate(left) if index not in matches]
    alone += [(pair[1], item) for index, item in enumerate(right) if index not in matches.values()]
    if len(matches) > len(SYMBOLS) or not all(_is_number(text, item) for text, item in alone):
        return None
    symbols = generator.sample(SYMBOLS, len(matches)) if generator else SYMBOLS[: len(matches)]
    symbol_of = dict(zip(matches.values(), symbols, strict=True))
    rights = sorted(symbol_of)
    return (
        replace_spans(pair[0], [left[index] for index in matches], symbols),
        replace_spans(pair[1], [right[index] for index in rights], [symbol_of[index] for index in rights]),
    )


def _is_number(text: str, item: Reserved) -> bool:
    return item.kind == "number" or bool(_PERCENT.fullmatch(text, item.start, item.end))


def _key(text: str, item: Reserved) -> str:
    """What an item has in common with the same item on the other side: of a number, its digits and its unit."""
    string = text[item.start : item.end]
    if not _is_number(text, item):
        return string
    digits = "".join(filter(str.isdigit, string))
    return digits + "".join(sorted(character for character in string if character.isalpha() or character in "%$€£₺°"))

"""Emoji as words: a classifier reads each as its name in the text's language (Unicode's CLDR short names)."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import emoji

LANGUAGES = ("en", "tr")
_MAY_BE_EMOJI = re.compile("[\u00a9\u00ae\u203c-\U0010ffff]")
_SKIN_TONES = dict.fromkeys(range(0x1F3FB, 0x1F400))
_CHAIN = re.compile("(?:[^\u200d]{1,3}\u200d){16}")
"""Symbols with joiners between them, many more than any emoji has: looking for one in all of a long chain takes time by
its length squared."""
_ATTACHED = "\u200d\ufe0e\ufe0f"
"""Joiners and variation selectors, which mean nothing without the emoji beside them."""


def find_names(text: str, language: str) -> list[tuple[int, int, str]]:
    """The emoji of a text in order: start, end, and the name to read instead, with spaces that part it from words.

    Skin tones are left out of names.
    """
    if not language or not _MAY_BE_EMOJI.search(text):
        return []
    found: list[tuple[int, int, str]] = []
    for first, last, symbol in _symbols(text):
        start, end = first, last
        position = found[-1][1] if found else 0
        while start > position and text[start - 1] in _ATTACHED:
            start -= 1
        while end < len(text) and text[end] in _ATTACHED:
            end += 1
        before = "" if start == position or text[start - 1].isspace() else " "
        after = "" if end == len(text) or text[end].isspace() else " "
        found.append((start, end, before + _name(symbol, language) + after))
    return found


def _symbols(text: str) -> Iterator[tuple[int, int, str]]:
    """The emoji of a text: start, end, and what it is."""
    cuts = [0, *(chain.end() for chain in _CHAIN.finditer(text)), len(text)]
    for begin, last in pairwise(cuts):
        for match in emoji.emoji_list(text[begin:last]):
            yield begin + int(match["match_start"]), begin + int(match["match_end"]), str(match["emoji"])


@lru_cache(maxsize=8192)
def _name(symbol: str, language: str) -> str:
    emoji.config.load_language(language)
    known = emoji.EMOJI_DATA
    plain = symbol.translate(_SKIN_TONES)
    name: str = known.get(plain, known[symbol])[language]
    return name.strip(":").replace("_", " ").replace("\u2019", "'")

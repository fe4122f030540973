"""What is no language, and is the same in every language: addresses, placeholders, code, numbers, emoji.

A translation keeps each of them exactly, as often as its source has it.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

_HARD = {
    "code": r"`[^`\n]+`",
    "markup": r"</?[A-Za-z][^<>\n]*>|<!--.{0,1000}?-->|&(?:\#\d+|\#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);",
    "url": r"(?:https?|ftp|file)://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]}]|www\.[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]}]",
    "email": r"(?<![\w.+-])[\w.+-]*\w@\w[\w-]*(?:\.[\w-]+)+",
    "placeholder": r"\{\{[^{}\n]*\}\}|[$#]?\{[^{}\s]*\}|%\([\w.]+\)[-+#0 ]*\d*(?:\.\d+)?[A-Za-z]"
    r"|(?<![\d%])%(?:\d+\$)?[-+#0]*\d*(?:\.\d+)?(?:hh?|ll?|[zjt])?[diouxXeEfFgGaAcsp@](?![A-Za-z])|(?<!\d)%\d+(?!\d)"
    r"|(?<![\w:])@?:[a-z_]\w*(?![\w:])|\[\[[^\[\]\n]*\]\]|<<\w+>>",
    "path": r"(?<![\w/])(?:~|\.{1,2})?(?:/[\w.+-]+){2,}/?|[A-Za-z]:\\[^\s\"'<>|]+",
    "option": r"(?<![\w-])(?:--[a-z]+(?:-[a-z]+)+|--[a-z][a-z-]*=\S+|-[a-zA-Z])(?![\w-])",
    "identifier": r"\b\w*[A-Za-z0-9]_\w+\b|\b[A-Za-z]+\d\w*\b|\b[a-z]+[A-Z]\w*\(\)|(?<![\w.])[A-Za-z_][\w.]*\(\)",
    "abbreviation": r"\b[A-ZÇĞİÖŞÜ]\w*(?:&[A-ZÇĞİÖŞÜ]\w*)+",
    "mention": r"(?<!\w)[@\#][A-Za-z_]\w+",
    "emoji": r"(?:[\U0001F1E6-\U0001F1FF]{2}"
    r"|[\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u2500-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\U0001F000-\U0001FAFF]"
    r"[\ufe0e\ufe0f\u20e3\U0001F3FB-\U0001F3FF\U000E0020-\U000E007F]*"
    r"|[0-9#*]\ufe0f?\u20e3|\u200d)+",
    "symbol": r"[©®™§¶†‡•№&]+",
    "private": r"[\ue000-\uf8ff\U000f0000-\U0010fffd]+",
}
"""Kinds that a model has no words for, each with its pattern; of two that begin alike, the first counts."""
_UNITS = (
    r"(?:%|°[CF]?|km/h|m/s|[kMGT]i?[Bb](?:/s|ps)?|B|[kKmMcdnµ]?[gmlLsVAW][²³]?|mAh|kWh|[kMG]?Hz|px|dpi|fps|mph"
    r"|TL|USD|EUR|₺|€|\$|£)"
)
_NUMBER = (
    r"\+\d[\d ()-]{6,}\d"  # telephone
    r"|\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?Z?)?"
    r"|\d{1,2}[./]\d{1,2}[./]\d{2,4}"
    r"|\d{1,2}:\d{2}(?::\d{2})?"
    rf"|[$€£₺]?\d+(?:[.,]\d+)*(?:\s?{_UNITS}(?![\w]))?"
)
HARD = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _HARD.items()), re.DOTALL)
NUMBER = re.compile(rf"(?<![\w.,])(?:{_NUMBER})")
_DIGITS = re.compile(r"\d+(?:[.,:/-]?\d+)*")
_EXACT = re.compile(r"[:/-]|\.\d+\.")
"""What times, dates and telephone numbers have, and decimal numbers have not."""


@dataclass(frozen=True)
class Reserved:
    """text[start:end] is to be kept; kind is a name of the table above."""

    kind: str
    start: int
    end: int


def find_hard(text: str) -> list[Reserved]:
    """What a model without symbols for it can't read, in order, nothing twice."""
    return [Reserved(str(match.lastgroup), match.start(), match.end()) for match in HARD.finditer(text)]


def invented(text: str, source: str, free: Collection[str]) -> list[Reserved]:
    """What of `find_hard` a text has more often than its source, but for kinds that are free, in order."""
    found = [one for one in find_hard(text) if one.kind not in free]
    if not found:
        return []
    left = Counter(source[one.start : one.end] for one in find_hard(source))
    more = []
    for one in found:
        left[text[one.start : one.end]] -= 1
        if left[text[one.start : one.end]] < 0:
            more.append(one)
    return more


def without_invented(text: str, source: str, free: Collection[str]) -> str:
    """A text without what is `invented` in it."""
    while more := invented(text, source, free):
        text = " ".join((text[: more[-1].start] + " " + text[more[-1].end :]).split())
    return text


def numbers(text: str) -> Counter[str]:
    """The numbers of a text by their digits, in whatever way they are written: 1,299.99 and 1.299,99 are one."""
    return Counter(_digits(match.group()) for match in _DIGITS.finditer(text))


def with_numbers_of(text: str, source: str) -> str | None:
    """A translation with the numbers of its source: itself where it has them, or with as many put right.

    Those that agree stay, times and dates as the source writes them; the others are replaced in their order. None
    where their number differs.
    """
    wrong, missing = numbers(text) - numbers(source), numbers(source) - numbers(text)
    if wrong.total() != missing.total():
        return None
    right = [match.group() for match in _DIGITS.finditer(source)]
    exact = {_digits(number): number for number in right if _EXACT.search(number)}
    queue = [number for number in right if _take(missing, _digits(number))]

    def put_right(match: re.Match[str]) -> str:
        digits = _digits(match.group())
        return queue.pop(0) if _take(wrong, digits) else exact.get(digits, match.group())

    return _DIGITS.sub(put_right, text)


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))


def _take(counts: Counter[str], digits: str) -> bool:
    if counts[digits] <= 0:
        return False
    counts[digits] -= 1
    return True

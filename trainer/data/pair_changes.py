"""Changes that leave a sentence pair a pair: other names, other numbers, what is to be kept put in, no final mark.

Each is a function from a pair to a pair, or to None where it can't be applied. Languages are those of the two sides;
Turkish suffixes follow what they are attached to.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainer.data.names import Names
from trainer.data.pair_items import Pair
from trainer.data.suffixes import VOWELS, fit_suffix, is_ambiguous, spoken_number, suffix_named

_SUFFIX = r"(?:(['’])([a-zçğıöşü]+))?(?!\w)"
_NAME = re.compile(r"(?<!\w)([A-ZÇĞİÖŞÜ][a-zçğıöşüâîû]{2,})" + _SUFFIX)
_ACRONYM = re.compile(r"(?<!\w)([A-Z]{2,})" + _SUFFIX)
_INTEGER = re.compile(r"(?<![\w.,:/%$€£₺+-])(\d{1,4})(?![\w%°$€£₺]|[.,:/-]\d)" + _SUFFIX)
_TWO_NAMES = re.compile(r"(?<!\w)[A-ZÇĞİÖŞÜ]\w+ [A-ZÇĞİÖŞÜ]")
STAND_INS = tuple(chr(0xF000 + index) for index in range(64))
"""Characters of private use: items that a text keeps, whose content does not matter."""
_AND = {"en": " and ", "tr": " ve "}
_PARTICLES = {"da": "dA", "de": "dA", "mı": "mI", "mi": "mI", "mu": "mI", "mü": "mI"}
"""Turkish words that harmonize with the word before them."""
_PARTICLE = re.compile(rf" ({'|'.join(_PARTICLES)})(?!\w)")
_MARK = re.compile(r"[.!?…:]*$")


@dataclass(frozen=True)
class Substitute:
    """What stands in the place of a string on each side, and how it is read; None: a suffix stays as it is."""

    texts: tuple[str, ...]
    spoken: str | None = None
    english: bool = False
    after: str = ""
    """What follows it, and its suffix, on both sides."""


def rename(pair: Pair, languages: Sequence[str], names: Names, generator: random.Random) -> Pair | None:
    """Other names in the place of those that both sides have."""
    shared = shared_names(pair, names)
    if not shared or not names.english:
        return None
    others = {name: names.invent(generator) for name in shared}
    if len(shared) == 1 and generator.random() < 0.4 and not _TWO_NAMES.search(pair[0]):
        others = {name: names.invent_surname(other, generator) for name, other in others.items()}
    substitutes = {name: Substitute((other.text,) * 2, other.text, other.english) for name, other in others.items()}
    return _substitute(pair, languages, substitutes)


def renumber(pair: Pair, languages: Sequence[str], generator: random.Random) -> Pair | None:
    """Other numbers in the place of whole numbers above 1 that both sides have."""
    shared = [number for number in shared_numbers(pair) if int(number) > 1 and not number.startswith("0")]
    if not shared:
        return None
    ambiguous = any(match[3] and is_ambiguous(match[3]) for text in pair for match in _INTEGER.finditer(text))
    substitutes = {}
    for number in shared:
        other = _another(number, generator)
        while ambiguous and spoken_number(other)[-1] in VOWELS:  # where possessive and accusative differ
            other = _another(number, generator)
        group = len(other) > 4 and generator.random() < 0.7
        texts = tuple(_grouped(other, language) if group else other for language in languages)
        substitutes[number] = Substitute(texts, spoken_number(other))
    if len({other.texts for other in substitutes.values()}) < len(substitutes):
        return None
    return _substitute(pair, languages, substitutes)


def put_in(pair: Pair, languages: Sequence[str], names: Names, generator: random.Random) -> Pair | None:
    """Stand-ins for what is to be kept, in the same part of both sides: in place of a name, an acronym or a number
    that both have, or beside the sentence.
    """
    stand_ins = iter(STAND_INS)
    changed = False
    for _ in range(generator.choice((1, 1, 1, 2, 2, 3, 4))):
        shared = [*shared_names(pair, names), *_shared(_ACRONYM, pair), *shared_numbers(pair)]
        if shared and generator.random() < 0.8:
            other = _in_place(pair, languages, generator.choice(shared), stand_ins, names, generator)
        else:
            other = _beside(pair, stand_ins, generator)
        pair, changed = other or pair, changed or other is not None
    return pair if changed else None


def without_final_mark(pair: Pair) -> Pair | None:
    """Both sides without the full stop that they end in."""
    left, right = (text.removesuffix(".") for text in pair)
    if any(not text.endswith(".") or text.endswith("..") or " " not in text for text in pair):
        return None
    return left, right


def shared_names(pair: Pair, names: Names) -> list[str]:
    """The names that both sides have, in the order of the first."""
    return [name for name in _shared(_NAME, pair) if name in names.shared]


def shared_numbers(pair: Pair) -> list[str]:
    """The whole numbers of up to four digits that both sides have equally often."""
    sides = [[match[1] for match in _INTEGER.finditer(text)] for text in pair]
    return [number for number in dict.fromkeys(sides[0]) if sides[0].count(number) == sides[1].count(number)]


def _in_place(
    pair: Pair,
    languages: Sequence[str],
    string: str,
    stand_ins: Iterator[str],
    names: Names,
    generator: random.Random,
) -> Pair | None:
    """A stand-in, or several, in the place of a string that both sides have once, around it or after it."""
    if any(text.count(string) != 1 for text in pair):
        return None
    first, second, third = (next(stand_ins) for _ in range(3))
    form = generator.choices(("alone", "list", "around", "after"), (6, 2, 1, 1))[0]
    texts: Sequence[str] = (first, first)
    if form == "list" and all(language in _AND for language in languages):
        if any(text.startswith(string) for text in pair):  # where it is the subject, the verb would change
            return None
        before = generator.choice((first, f"{first}, {second}"))
        texts = [before + _AND[language] + third for language in languages]
    elif form == "around":
        texts = (first + string + second,) * 2
    elif form == "after":
        return _substitute(pair, languages, {string: Substitute((string, string), after=f" ({first})")})
    if form == "around" or string.isdigit() or not names.english:
        return _substitute(pair, languages, {string: Substitute(tuple(texts))})
    spoken = names.invent(generator)  # nobody knows how it is read, so any suffix may follow
    return _substitute(pair, languages, {string: Substitute(tuple(texts), spoken.text, spoken.english)})


def _shared(pattern: re.Pattern[str], pair: Pair) -> list[str]:
    """What a pattern finds on both sides, in the order of the first."""
    sides = [[match[1] for match in pattern.finditer(text)] for text in pair]
    return [string for string in dict.fromkeys(sides[0]) if string in sides[1]]


def _beside(pair: Pair, stand_ins: Iterator[str], generator: random.Random) -> Pair | None:
    """A stand-in before or after both sides, or around them."""
    first, second = next(stand_ins), next(stand_ins)
    forms = ["{text} {first}", "{text} {first}", "{first} {text}", "{first}: {text}", "{first}{text}{second}"]
    if all(text.count(", ") == 1 for text in pair):
        forms += ["{clause} {first}, {rest}", "{clause}, {first}, {rest}"] * 2
    marks = [_MARK.search(text)[0] for text in pair]  # type: ignore[index]
    if marks[0] == marks[1] and marks[0] in ("", "."):
        forms += ["{body}: {first}", "{body}: {first}{mark}", "{body} ({first}){mark}", "{body} - {first}"]
        forms += ['{body} "{first}"{mark}', "{body}: {first}, {second}{mark}"]
    form = generator.choice(forms)
    bodies = [text.removesuffix(mark) for text, mark in zip(pair, marks, strict=True)]
    left, right = (
        form.format(
            text=text, body=body, mark=mark, first=first, second=second,
            clause=text.partition(", ")[0], rest=text.partition(", ")[2],
        )
        for text, body, mark in zip(pair, bodies, marks, strict=True)
    )  # fmt: skip
    return left, right


def _substitute(pair: Pair, languages: Sequence[str], substitutes: Mapping[str, Substitute]) -> Pair | None:
    """Both sides with the substitutes of names and numbers; None where a string or its suffix is not understood."""
    sides = []
    for side, (text, language) in enumerate(zip(pair, languages, strict=True)):
        output = _substitute_side(text, side, language, substitutes)
        if output is None:
            return None
        sides.append(output)
    return sides[0], sides[1]


def _substitute_side(text: str, side: int, language: str, substitutes: Mapping[str, Substitute]) -> str | None:
    parts, position = [], 0
    found: Counter[str] = Counter()
    for match in _matches(text):
        if (other := substitutes.get(match[1])) is None:
            continue
        found[match[1]] += 1
        suffix, end = match[3] or "", match.end()
        if language == "tr" and other.spoken is not None:
            pattern = suffix_named(suffix) if suffix else ""
            if pattern is None:
                return None
            suffix = fit_suffix(pattern, other.spoken, other.english)
            if particle := _PARTICLE.match(text, end):
                after = fit_suffix(_PARTICLES[particle[1]], other.spoken + suffix, other.english and not suffix)
                suffix, end = f"{suffix} {after}", particle.end()
        parts += [text[position : match.start()], other.texts[side], match[2] or "", suffix, other.after]
        position = end
    if any(text.count(name) > found[name] for name in substitutes if not name.isdigit()):  # as in Tomun
        return None
    return "".join([*parts, text[position:]])


def _matches(text: str) -> list[re.Match[str]]:
    """Names, acronyms and whole numbers, in order; none is in another."""
    matches = (match for pattern in (_NAME, _ACRONYM, _INTEGER) for match in pattern.finditer(text))
    return sorted(matches, key=lambda match: match.start())


def _another(number: str, generator: random.Random) -> str:
    """A number of the same kind: less than ten, a day, two or three digits, a year."""
    value = int(number)
    if value > 31 and not 1400 <= value <= 2100 and generator.random() < 0.4:
        return str(generator.randint(10_000, 10 ** generator.choice((5, 5, 6, 7)) - 1))
    for low, high in ((2, 9), (10, 31), (32, 99), (100, 999), (1000, 1399), (1400, 2100)):
        if low <= value <= high:
            return str(generator.randint(low, high))
    return str(generator.randint(1000, 9999))


def _grouped(digits: str, language: str) -> str:
    """Digits in groups of three, as a language writes them."""
    return f"{int(digits):,}".replace(",", "." if language == "tr" else ",")

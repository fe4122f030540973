"""Names: those that a parallel corpus has on both sides, and invented ones that read like its words.

A translator that only ever sees Tom and Mary learns to write Tom and Mary. In place of names that every reader
knows, it gets names that nobody bears, so that copying is what it learns, and no list.
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

_WORD = re.compile(r"[^\W\d_]+")
_CAPITALIZED = re.compile(r"[A-ZÇĞİÖŞÜ][a-zçğıöşüâîû]{2,}")
_WITH_SUFFIX = re.compile(r"(?<!\w)([A-ZÇĞİÖŞÜ][a-zçğıöşüâîû]{2,})['’][a-zçğıöşü]")
_OTHER_LETTERS = re.compile(r"[^\x00-\x7f]")
_UNLIKELY = re.compile(r"([a-zçğıöşü])\1\1|[^aeıioöuüâîûy]{4}|^[^aeıioöuüâîûy]{3}|[aeıioöuü]{3}", re.IGNORECASE)
RARELY = 10
"""A name is written with a capital this many times as often as without one."""
POOL = 20_000
LENGTHS = range(3, 10)


@dataclass(frozen=True)
class Names:
    """The names that pairs share, and invented names of two kinds."""

    shared: frozenset[str]
    english: Sequence[str]
    turkish: Sequence[str]

    def invent(self, generator: random.Random) -> "Name":
        """A name: of one word."""
        english = generator.random() < 0.6 if self.turkish else True
        return Name(generator.choice(self.english if english else self.turkish), english)

    def invent_surname(self, first: "Name", generator: random.Random) -> "Name":
        """A first name with a surname of the same kind."""
        pool = self.english if first.english else self.turkish
        return Name(f"{first.text} {generator.choice(pool)}", first.english)


@dataclass(frozen=True)
class Name:
    """A name, and whether it is read as in English."""

    text: str
    english: bool


def learn_names(pairs: Iterable[Sequence[str]], seed: int) -> Names:
    """Names from pairs of texts, and models of how names are spelled."""
    words: Counter[str] = Counter()
    shared: Counter[str] = Counter()
    apart: Counter[str] = Counter()
    for left, right in pairs:
        sides = [set(_WORD.findall(left)), set(_WORD.findall(right))]
        words.update(sides[0])
        words.update(sides[1])
        shared.update(filter(_CAPITALIZED.fullmatch, sides[0] & sides[1]))
        apart.update(name for text in (left, right) for name in _WITH_SUFFIX.findall(text))
    names = sorted(name for name in shared if words[name] >= RARELY * words[name.lower()])
    generator = random.Random(f"names {seed}")
    ascii_names = [name for name in names if not _OTHER_LETTERS.search(name)]
    of_turkish = sorted(name for name in apart if _OTHER_LETTERS.search(name) or name not in shared)
    taken = words.keys()
    return Names(
        frozenset(names),
        _invented(ascii_names, taken, generator),
        _invented([name for name in of_turkish if words[name.lower()] == 0], taken, generator),
    )


def _invented(examples: Sequence[str], taken: Set[str], generator: random.Random) -> list[str]:
    """Names by a model of the characters after each two, none of them taken; none where the examples are few."""
    following = _following(examples)
    pool: dict[str, None] = {}
    for _ in range(4 * POOL if len(examples) >= 100 else 0):
        name = _spell(following, generator)
        if len(name) in LENGTHS and name not in taken and not _UNLIKELY.search(name) and re.search("[aeıioöuü]", name):
            pool[name] = None
        if len(pool) == POOL:
            break
    return list(pool)


def _following(examples: Sequence[str]) -> Mapping[str, str]:
    """The characters that follow each two, as often as they do; a line's end ends a name."""
    following: defaultdict[str, list[str]] = defaultdict(list)
    for name in examples:
        padded = f"\n\n{name}\n"
        for (first, second), third in zip(pairwise(padded), padded[2:], strict=False):
            following[first + second].append(third)
    return {context: "".join(characters) for context, characters in following.items()}


def _spell(following: Mapping[str, str], generator: random.Random) -> str:
    name = "\n\n"
    while len(name) < 2 + LENGTHS.stop:
        character = generator.choice(following[name[-2:]])
        if character == "\n":
            break
        name += character
    return name[2:]

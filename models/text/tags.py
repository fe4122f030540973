"""Tags of a text put into its translation, around the words that come from those that they were around.

The translation itself is that of the text without tags, and is not changed. Where each of its words comes from is told
by an alignment: a translator's attention. An element gets the contiguous words that come from its own more than from
others; elements stay in one another as they were, are never lost, and never end within a word unless that is the
same in both texts.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Literal

import torch
from torch import Tensor

from models.text.alignment import Alignment, Span
from models.text.symbols import find_items

_UNIT = re.compile(r"\w+(?:['’\-]\w+)*|\S")
COVER = 0.25
"""What a word has more for an element where a word of the element goes to no other word more than to it."""

NEAR, ROUNDS = 3.0, 2
"""How much less words at other positions in the sentence count, and how often weights are shared out between source and
target words. All three chosen on sentences of training text (benchmarks/scripts/html_tags.py measures them)."""


@dataclass(frozen=True)
class Tag:
    """A tag before the character at an offset of a text without tags. A point is what has no words, as a comment."""

    offset: int
    kind: Literal["open", "close", "point"]
    name: str
    source: str


@dataclass(eq=False)
class _Element:
    """text[begin:end] stands in it. A tag is empty where it stands before or after the text, or nowhere."""

    begin: int
    end: int
    name: str = ""
    open: str = ""
    close: str = ""
    children: "list[_Element]" = field(default_factory=list)
    span: Span = (0, 0)
    """In the translation."""


@dataclass(frozen=True)
class _Unit:
    """text[begin:end] is a word, something reserved, or a mark of punctuation."""

    text: str
    begin: int
    end: int
    is_word: bool


def place_tags(source: str, shown: str, tags: Sequence[Tag], alignment: Alignment) -> list[tuple[int, str]]:
    """Where the tags of a text stand in its translation, in order: each with the offset of the character after it.

    tags are in order. Each is there once; those that are well nested stay so.
    """
    root = _tree(len(source), tags)
    root.span = (0, len(shown))
    _Placing(source, shown, sorted({tag.offset for tag in tags}), alignment).place(root)
    return list(_written(root))


def _tree(length: int, tags: Sequence[Tag]) -> _Element:
    """The elements of a text. One without an end ends where the one does that it is in; one that only ends begins with
    the text, or is a point where it ends inside of another."""
    root = _Element(0, length)
    opened = [root]
    names: Counter[str] = Counter()
    for tag in tags:
        if tag.kind == "open":
            element = _Element(tag.offset, length, tag.name, open=tag.source)
            opened[-1].children.append(element)
            opened.append(element)
            names[tag.name] += 1
        elif tag.kind == "close" and names[tag.name]:
            while True:
                element = opened.pop()
                element.end = tag.offset
                names[element.name] -= 1
                if element.name == tag.name:
                    break
            element.close = tag.source
        elif tag.kind == "close" and opened[-1] is root:
            root.children = [_Element(0, tag.offset, close=tag.source, children=root.children)]
        else:
            opened[-1].children.append(_Element(tag.offset, tag.offset, open=tag.source))
    return root


def _written(root: _Element) -> Iterator[tuple[int, str]]:
    """The tags of all elements, in order."""
    left: list[_Element | tuple[int, str]] = [root]
    while left:
        one = left.pop()
        if not isinstance(one, _Element):
            yield one
            continue
        begin, end = one.span
        if one.open:
            yield begin, one.open
        if one.close:
            left.append((end, one.close))
        left += sorted(one.children, key=lambda child: child.span)[::-1]


class _Placing:
    """The units of a text and of its translation, and where the words of the translation come from."""

    def __init__(self, source: str, shown: str, cuts: Sequence[int], alignment: Alignment) -> None:
        """cuts are offsets in the source at which units are cut."""
        self.units, self.targets = _units(source), _units(shown)
        weights = _unit_weights(self.units, self.targets, alignment)
        same = _same(self.units, self.targets, weights)
        if any(unit.begin < cut < unit.end for unit in self.units for cut in cuts):
            self.units, self.targets, same = _cut(self.units, self.targets, same, cuts)
            weights = _unit_weights(self.units, self.targets, alignment)
        self._begins = [unit.begin for unit in self.units]
        self._ends = [unit.end for unit in self.units]
        self._weigh(weights, same)

    def _weigh(self, weights: Tensor, same: dict[int, int]) -> None:
        """Of each target word, what share of it comes from the first n words of the source, for each n.

        Attention spreads, most of all at the first words: each source word is shared out among the target words that
        attend to it, and those at its position in the sentence count more.
        """
        weights *= _near(len(self.targets), len(self.units))
        weights *= torch.tensor([unit.is_word for unit in self.units], dtype=weights.dtype)
        weights *= torch.tensor([unit.is_word for unit in self.targets], dtype=weights.dtype).unsqueeze(1)
        for _ in range(ROUNDS):
            weights /= weights.sum(dim=0, keepdim=True).clamp(min=1e-9)
            weights /= weights.sum(dim=1, keepdim=True).clamp(min=1e-9)
        for index, at in same.items():
            weights[at], weights[:, index] = 0.0, 0.0
            weights[at, index] = 1.0
        shares = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-9)
        self._sums = [[0.0, *accumulate(row)] for row in shares.tolist()]
        self._words = [index for index, unit in enumerate(self.targets) if unit.is_word]
        # the target word that a source word goes to most, among several alike the one at its position in the sentence
        slope = len(self.targets) / max(1, len(self.units))
        columns = weights.T.tolist()
        self._best = [
            max(self._words, key=lambda at: (column[at], -abs(at - index * slope)), default=-1)
            for index, column in enumerate(columns)
        ]
        self._columns = columns

    def place(self, root: _Element) -> None:
        """Give each element its span, inside of the span of the one that it is in."""
        left = [root]
        while left:
            element = left.pop()
            self._place_children(element)
            left += element.children

    def _place_children(self, parent: _Element) -> None:
        first, last = parent.span
        free = [at for at in self._words if first <= self.targets[at].begin and self.targets[at].end <= last]
        taken: set[int] = set()  # target units
        points: list[_Element] = []
        filled: list[_Element] = []
        # the ends of the parent are kept for those that have to reach them
        for child in sorted(parent.children, key=lambda child: bool(child.open and child.close)):
            units = self._units_of(child)
            if units and units == self._units_of(parent):
                span: Span | None = parent.span
            elif any(self.units[index].is_word for index in units):
                found = self._range(child, units, [at for at in free if at not in taken], free)
                span = self._with_marks(child, units, found, parent, taken) if found else None
            else:
                span = self._marks_of(child, units, parent, taken)
            if span is None:
                points.append(child)
                continue
            child.span = span
            filled.append(child)
            taken.update(at for at, unit in enumerate(self.targets) if unit.begin < span[1] and unit.end > span[0])
        for child in points:
            child.span = self._point(child, parent, free, filled)

    def _units_of(self, element: _Element) -> range:
        first = bisect_left(self._begins, element.begin)
        return range(first, max(first, bisect_left(self._ends, element.end + 1)))

    def _range(self, child: _Element, units: range, free: Sequence[int], inside: Sequence[int]) -> list[int]:
        """The target words of an element, among those that are free; none if none is."""
        if not free:
            return []
        best = Counter(self._best[index] for index in units if self.units[index].is_word)
        scores = {
            at: self._sums[at][units.stop] - self._sums[at][units.start] - 0.5 + (COVER if best[at] else 0.0)
            for at in free
        }
        runs = _runs(free, inside)
        if not child.open and free[0] == inside[0]:
            return _best_part(runs[0], scores, from_begin=True)
        if not child.close and free[-1] == inside[-1]:
            return _best_part(runs[-1][::-1], scores, from_begin=True)[::-1]
        found = max((_best_part(run, scores) for run in runs), key=lambda part: sum(scores[at] for at in part))
        if sum(scores[at] for at in found) > 0:
            return found
        mass = {at: sum(self._columns[index][at] for index in units) for at in inside}
        wanted = max(inside, key=lambda at: mass[at])
        return [min(free, key=lambda at: (abs(at - wanted), -mass[at]))]

    def _with_marks(
        self, child: _Element, units: range, found: Sequence[int], parent: _Element, taken: set[int]
    ) -> Span:
        """The span of target words, with the marks of punctuation around them that the element has too."""
        first, last = found[0], found[-1]
        head: list[str] = []
        for index in units:
            if self.units[index].is_word:
                break
            head.append(self.units[index].text)
        tail: list[str] = []
        for index in reversed(units):
            if self.units[index].is_word:
                break
            tail.append(self.units[index].text)
        while head and first and self._is_mark(first - 1, head[-1], parent, taken):
            first -= 1
            head.pop()
        while tail and last + 1 < len(self.targets) and self._is_mark(last + 1, tail[-1], parent, taken):
            last += 1
            tail.pop()
        return self._span(child, first, last, parent)

    def _span(self, child: _Element, first: int, last: int, parent: _Element) -> Span:
        """The span of target units; it reaches the end of the parent's where the element has no tag."""
        begin = self.targets[first].begin if child.open else parent.span[0]
        end = self.targets[last].end if child.close else parent.span[1]
        return begin, end

    def _is_mark(self, at: int, text: str, parent: _Element, taken: set[int]) -> bool:
        target = self.targets[at]
        inside = parent.span[0] <= target.begin and target.end <= parent.span[1]
        return inside and at not in taken and not target.is_word and target.text == text

    def _marks_of(self, child: _Element, units: range, parent: _Element, taken: set[int]) -> Span | None:
        """The span of the same marks of punctuation in the translation."""
        if not units or not (child.open or child.close):
            return None
        first = self._mark(units[0], parent, taken)
        if first is None:
            return None
        last = first
        for index in units[1:]:
            if last + 1 == len(self.targets) or not self._is_mark(last + 1, self.units[index].text, parent, taken):
                break
            last += 1
        span = self._span(child, first, last, parent)
        clear = all(span[1] <= self.targets[at].begin or self.targets[at].end <= span[0] for at in taken)
        return span if clear else None

    def _mark(self, index: int, parent: _Element, taken: set[int]) -> int | None:
        """The same mark of punctuation in the translation, the nearest one to its position in the sentence."""
        same = [at for at in range(len(self.targets)) if self._is_mark(at, self.units[index].text, parent, taken)]
        slope = len(self.targets) / len(self.units)
        return min(same, key=lambda at: abs(at - index * slope), default=None)

    def _point(self, child: _Element, parent: _Element, inside: Sequence[int], filled: Sequence[_Element]) -> Span:
        """The offset of an element that has no words: beside the word that it stood at."""
        first, last = parent.span
        own = self._units_of(parent)
        before = max((index for index in own if self._ends[index] <= child.begin), default=None)
        after = min((index for index in own if self._begins[index] >= child.end), default=None)
        joined = before is not None and self._ends[before] == child.begin
        if after is None and before is not None:
            offset = last
        elif before is None or after is None or not inside:
            offset = first
        else:
            follows = joined and self._begins[after] > child.end
            index = before if follows else after
            offset = self._beside(index, parent, inside, follows)
        for other in filled:
            if other.span[0] < offset < other.span[1]:
                offset = other.span[0] if child.begin <= other.begin else other.span[1]
        return offset, offset

    def _beside(self, index: int, parent: _Element, inside: Sequence[int], follows: bool) -> int:
        """The offset before or after what a unit has become."""
        if not self.units[index].is_word:
            mark = self._mark(index, parent, set())
            if mark is not None:
                return self.targets[mark].end if follows else self.targets[mark].begin
            words = [other for other in self._units_of(parent) if self.units[other].is_word]
            index = min(words, key=lambda other: abs(other - index), default=index)
        best = self._best[index]
        if best not in inside:
            best = max(inside, key=lambda at: self._columns[index][at])
        return self.targets[best].end if follows else self.targets[best].begin


def _runs(free: Sequence[int], inside: Sequence[int]) -> list[list[int]]:
    """Words, in order, apart where one of those inside is between that is not free."""
    number = {at: index for index, at in enumerate(inside)}
    runs: list[list[int]] = []
    for at in free:
        if runs and number[at] == number[runs[-1][-1]] + 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def _best_part(run: Sequence[int], scores: dict[int, float], from_begin: bool = False) -> list[int]:
    """The contiguous part of words with the highest sum of scores, the shortest of equals; it has at least one."""
    best, best_span = float("-inf"), (0, 1)
    total, start = 0.0, 0
    for index, at in enumerate(run):
        if total <= 0 and not from_begin:
            total, start = 0.0, index
        total += scores[at]
        if total > best:
            best, best_span = total, (start, index + 1)
    return list(run[slice(*best_span)])


def _units(text: str) -> list[_Unit]:
    """The words, reserved items and marks of a text."""
    units: list[_Unit] = []
    position = 0
    for start, end in [*((item.start, item.end) for item in find_items(text, "en")), (len(text), len(text))]:
        for match in _UNIT.finditer(text[position:start]):
            is_word = any(map(str.isalnum, match.group()))
            units.append(_Unit(match.group(), position + match.start(), position + match.end(), is_word))
        if start < end:
            units.append(_Unit(text[start:end], start, end, is_word=True))
        position = end
    return units


def _near(targets: int, units: int) -> Tensor:
    """(targets, units): how likely they belong together by their positions alone, 1 at the same position."""
    at = (torch.arange(targets) + 0.5) / max(1, targets)
    index = (torch.arange(units) + 0.5) / max(1, units)
    return torch.exp(-NEAR * (at.unsqueeze(1) - index) ** 2)


def _unit_weights(units: Sequence[_Unit], targets: Sequence[_Unit], alignment: Alignment) -> Tensor:
    """(targets, units): how much one comes from the other."""
    if not alignment.source or not alignment.target:
        return torch.zeros(len(targets), len(units))
    weights = torch.as_tensor(alignment.weights, dtype=torch.float32)
    return _shares(targets, alignment.target) @ weights @ _shares(units, alignment.source).T


def _shares(units: Sequence[_Unit], spans: Sequence[Span]) -> Tensor:
    """(units, spans): the share of a span that is in a unit. Units are in order."""
    shares = torch.zeros(len(units), len(spans))
    ends = [unit.end for unit in units]
    for column, (begin, end) in enumerate(spans):
        index = bisect_left(ends, begin + 1)
        while index < len(units) and units[index].begin < end:
            shares[index, column] = min(end, units[index].end) - max(begin, units[index].begin)
            index += 1
    return shares / shares.sum(dim=0, keepdim=True).clamp(min=1e-9)


def _same(units: Sequence[_Unit], targets: Sequence[_Unit], weights: Tensor) -> dict[int, int]:
    """Source words that are the same in the translation and go there: each with the index of the target word."""
    positions: dict[str, list[int]] = {}
    for at, target in enumerate(targets):
        positions.setdefault(target.text, []).append(at)
    found: dict[int, int] = {}
    counts = Counter(unit.text for unit in units)
    candidates = [
        (float(weights[at, index]), -index, -at)
        for index, unit in enumerate(units)
        if unit.is_word
        for at in positions.get(unit.text, ())
        if not unit.text.isalpha() or counts[unit.text] == len(positions[unit.text]) or weights[at, index] > 0
    ]
    taken: set[int] = set()
    for _, index, at in sorted(candidates, reverse=True):
        if -index not in found and -at not in taken:
            found[-index] = -at
            taken.add(-at)
    return found


def _cut(
    units: Sequence[_Unit], targets: Sequence[_Unit], same: dict[int, int], cuts: Sequence[int]
) -> tuple[list[_Unit], list[_Unit], dict[int, int]]:
    """Units cut at offsets in the source, and target words that are the same cut as they are."""
    of_target = {at: index for index, at in same.items()}
    pieces: list[list[_Unit]] = []
    for unit in units:
        cut_at = [unit.begin, *(cut for cut in cuts if unit.begin < cut < unit.end), unit.end]
        pieces.append(_split(unit, [offset - unit.begin for offset in cut_at]))
    new_units = [piece for parts in pieces for piece in parts]
    firsts = list(accumulate(map(len, pieces), initial=0))
    new_targets: list[_Unit] = []
    new_same: dict[int, int] = {}
    for at, target in enumerate(targets):
        index = of_target.get(at)
        if index is None:
            new_targets.append(target)
            continue
        offsets = [0, *accumulate(len(piece.text) for piece in pieces[index])]
        for number, piece in enumerate(_split(target, offsets)):
            new_same[firsts[index] + number] = len(new_targets)
            new_targets.append(piece)
    return new_units, new_targets, new_same


def _split(unit: _Unit, offsets: Sequence[int]) -> list[_Unit]:
    return [
        _Unit(unit.text[first:last], unit.begin + first, unit.begin + last, unit.is_word)
        for first, last in pairwise(offsets)
    ]

"""What a typist may have meant: the slips of fingers as a noisy channel (Kernighan, Church and Gale 1990,
https://aclanthology.org/C90-2036).

log P(typed | word) is minus the least cost, in nats, of an alignment of what was typed with the beginning of the word:
letters without their marks or their capital, a neighbouring key, another key, a letter missing, one too many, two
swapped (Damerau 1964). It is found letter by letter of the word, by an automaton whose states are the rows of the
alignment's table, so that a search over pieces of words abandons what no slip explains as soon as it is spelled.
"""

from functools import cache, lru_cache
from math import inf

from models.decoding.word_pieces import plain
from models.text.tokenizers import lower

MARK = 0.7
"""A letter without its marks (s for ş, i for ı): many typists leave them out throughout."""
CAPITAL = 2.0
"""A small letter where the word has a capital."""
SHIFT = 5.0
"""A capital where the word has a small letter: it takes another key to type one."""
APOSTROPHE = 2.0
"""An apostrophe or hyphen that was left out."""
DOUBLE = 5.0
"""One of two equal letters is missing, or a letter was typed twice."""
NEIGHBOUR = 5.5
SWAPPED = 6.0
MISSING = 6.5
EXTRA = 6.5
OTHER = 8.5
"""A key far from the right one."""
LIMIT = 10.0
"""Slips that cost more together are not looked for: two, but for the cheapest."""
EXPLAINED = 1.5
"""About what it says for a beginning that it explains one more letter: most do not go on as typed."""

LAYOUTS = {
    "qwerty": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "turkish-q": ("qwertyuıopğü", "asdfghjklşi", "zxcvbnmöç"),
    "turkish-f": ("fgğıodrnhpqw", "uieaütkmlyşx", "jövcçzsb"),
}
"""The rows of letters of keyboards."""
_OFFSETS = (0.0, 0.25, 0.75)
"""Where the rows begin, in widths of a key."""
_REACH = 0.75
"""Keys of two rows that follow each other are neighbours if they lie at most so far apart sideways."""
_JOINTS = "'’-"
_END = " "
"""Stands behind the last letter of a word. No slip puts it elsewhere."""


class Alignment:
    """The costs at which the letters of a word's beginning stand for what was typed.

    costs has the least for each number of typed letters but all; swapped the same, where the letter after that number
    has come already and the one before it is still to come. done is the least at which all typed letters are
    explained, by these letters of the word or fewer; final says whether no longer beginning can cost less. estimate is
    the least of all, less EXPLAINED for each letter explained. possible are the numbers of typed letters that anything
    stands for, a few. after has the alignments with one more letter, so far.
    """

    __slots__ = ("after", "costs", "done", "estimate", "final", "possible", "swapped")

    def __init__(self, costs: tuple[float, ...], swapped: tuple[float, ...], done: float) -> None:
        self.costs, self.swapped, self.done = costs, swapped, done
        least = {index: cost for index, cost in enumerate(map(min, costs, swapped)) if cost < inf}
        self.possible = tuple(least)
        self.final = done <= min(least.values(), default=inf)
        partly = (cost - EXPLAINED * index for index, cost in least.items())
        self.estimate = min([done - EXPLAINED * len(costs), *partly])
        self.after: dict[str, Alignment] = {}


class Slips:
    """Aligns words with what was typed. language says what is a capital of what, layout names the keyboard.

    With whole, the letters are all those of a word, which ends where they do; else they may be of its beginning only.
    """

    def __init__(self, typed: str, layout: str, language: str, whole: bool = False) -> None:
        self.letters, self.whole, self._layout, self._language = typed, whole, layout, language
        self._typed = typed = typed + _END * whole
        self._alignments: dict[tuple[tuple[float, ...], tuple[float, ...], float], Alignment] = {}
        count = len(typed)
        *nothing, _ = self._with_extra([0.0, *[inf] * count])  # a word has to explain a letter at least
        self._start = self._alignment([*nothing, inf], [inf] * count, inf)

    def align(self, word: bytes, ended: bool = False) -> Alignment:
        """The alignment of a word that has ended, or of the beginning of one, in UTF-8.

        Bytes of a broken character don't count."""
        alignment = self._start
        for letter in word.decode("utf-8", errors="ignore") + _END * (ended and self.whole):
            if alignment.final:
                break
            alignment = alignment.after.get(letter) or self._step(alignment, letter)
        return alignment

    def meant(self, word: str) -> tuple[str, float]:
        """The beginning of a word, or all of it, that was meant by the typed letters, and log P(typed | word)."""
        alignment, end = self._start, 0
        for index, letter in enumerate(word + _END * self.whole, 1):
            before, alignment = alignment, self._step(alignment, letter)
            end = index if alignment.done < before.done else end
        return word[:end], -alignment.done

    def _step(self, before: Alignment, letter: str) -> Alignment:
        """The alignment with one more letter of the word."""
        typed, count = self._typed, len(self._typed)
        costs, swapped = [inf] * (count + 1), [inf] * count
        for index in before.possible:
            cost = before.costs[index]
            if cost < inf:
                costs[index] = min(costs[index], cost + self._missing(index, letter))
                costs[index + 1] = min(
                    costs[index + 1], cost + instead(typed[index], letter, self._layout, self._language)
                )
                if typed[index + 1 : index + 2] == letter != typed[index] and letter != _END:
                    swapped[index] = cost + SWAPPED
            if before.swapped[index] < inf and typed[index] == letter:
                costs[index + 2] = min(costs[index + 2], before.swapped[index])
        before.after[letter] = alignment = self._alignment(self._with_extra(costs), swapped, before.done)
        return alignment

    def _with_extra(self, costs: list[float]) -> list[float]:
        """The costs for each number of typed letters, where some are too many."""
        for index, letter in enumerate(self._typed):
            if costs[index] <= LIMIT and letter != _END:
                extra = DOUBLE if index and self._typed[index - 1] == letter else EXTRA
                costs[index + 1] = min(costs[index + 1], costs[index] + extra)
        return costs

    def _alignment(self, costs: list[float], swapped: list[float], done: float) -> Alignment:
        """An alignment without what costs too much; costs are for each number of typed letters, all included."""
        *kept, done = [cost if cost <= LIMIT else inf for cost in (*costs[:-1], min(done, costs[-1]))]
        key = (tuple(kept), tuple(cost if cost <= LIMIT else inf for cost in swapped), done)
        if key not in self._alignments:
            self._alignments[key] = Alignment(*key)
        return self._alignments[key]

    def _missing(self, index: int, letter: str) -> float:
        """The cost of a letter that was not typed after so many others."""
        if letter == _END:
            return inf
        if letter in _JOINTS:
            return APOSTROPHE
        return DOUBLE if index and self._typed[index - 1] == letter else MISSING


@lru_cache(65_536)
def instead(typed: str, letter: str, layout: str, language: str) -> float:
    """The cost of a letter that was typed instead of another."""
    if typed == letter:
        return 0.0
    if _END in (typed, letter):
        return inf
    small, small_typed, keys = lower(letter, language), lower(typed, language), neighbours(layout)
    if small == small_typed:
        return CAPITAL if typed == small_typed else SHIFT
    if plain(small) == plain(small_typed):
        if small_typed != plain(small_typed):
            return NEIGHBOUR  # with marks that the word does not have
        return MARK + (0.0 if (letter == small) == (typed == small_typed) else CAPITAL if letter != small else SHIFT)
    key, key_typed = (char if char in keys else plain(char) for char in (small, small_typed))
    return NEIGHBOUR if key in keys.get(key_typed, ()) else OTHER


@cache
def neighbours(layout: str) -> dict[str, frozenset[str]]:
    """The keys around each key of a layout."""
    rows = enumerate(LAYOUTS[layout])
    positions = {key: (row, _OFFSETS[row] + column) for row, keys in rows for column, key in enumerate(keys)}
    return {
        key: frozenset(
            other
            for other, (other_row, at) in positions.items()
            if other != key
            and (abs(at - x) <= 1 if other_row == row else abs(other_row - row) == 1 and abs(at - x) <= _REACH)
        )
        for key, (row, x) in positions.items()
    }

"""Edit distance between sequences of words."""

from collections.abc import Sequence


def edit_distance(words: Sequence[object], others: Sequence[object]) -> int:
    """The fewest insertions, deletions and substitutions from one to the other (Levenshtein 1965)."""
    before = list(range(len(others) + 1))
    for row, word in enumerate(words, 1):
        now = [row]
        for column, other in enumerate(others, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (word != other)))
        before = now
    return before[-1]

"""Rows of training data that are left out: how many, why, and where the first is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

BLANK_TEXT, BLANK_LABEL = "blank text", "blank label"


@dataclass
class Skipped:
    """Counts of the rows left out in one pass over the data."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    """Of each reason, the file and the line of its first row."""

    def add(self, reason: str, where: str) -> None:
        self.counts[reason] += 1
        self.first.setdefault(reason, where)

    def lines(self) -> list[str]:
        """One for each reason, for people."""
        return [
            f"{reason}: {count:,} row{'s' if count > 1 else ''}, the first {self.first[reason]}"
            for reason, count in self.counts.items()
        ]


def reason_to_skip(row: Sequence[str], texts: int) -> str:
    """Why a row is left out; empty for one that is used. Its first `texts` cells are texts, what follows is a label."""
    if not all(text.strip() for text in row[:texts]):
        return BLANK_TEXT
    return "" if all(label.strip() for label in row[texts:]) else BLANK_LABEL

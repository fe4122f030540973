"""Validation data where none are named: a twentieth of the training data, the same in every run."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from models.errors import DataError
from trainer.data.corpus import usable
from trainer.data.files import Row
from trainer.data.skipped import Skipped
from trainer.data.sources import Source, all_rows

EVERY, MIN_ROWS = 20, 40
"""Every 20th row is held out, of 40 rows or more."""
COPY = "copy of a held-out text"


class HoldOut:
    """Sources split in two: every 20th row of each label, and the rows that have no text in common with those."""

    def __init__(self, sources: Sequence[Source], texts: int) -> None:
        """The first `texts` cells of a row are texts, what follows is a label."""
        self.sources, self.texts = tuple(sources), texts

    @property
    def train(self) -> Source:
        return Part(self, held_out=False)

    @property
    def valid(self) -> Source:
        return Part(self, held_out=True)

    @cached_property
    def held_out(self) -> list[Row]:
        """Raises DataError where there are too few rows, or too few different ones."""
        counts: Counter[Row] = Counter()
        by_label: list[Row] = []
        by_number: list[Row] = []
        for number, row in enumerate(self._rows()):
            label = row[self.texts :]
            if counts[label] % EVERY == EVERY // 2:
                by_label.append(row)
            if number % EVERY == EVERY // 2:
                by_number.append(row)
            counts[label] += 1
        if counts.total() < MIN_ROWS:
            raise DataError(f"{counts.total()} rows are too few to hold some out for validation; give --valid")
        held_out = by_label or by_number  # of many labels, each may have too few rows
        known = {text for row in held_out for text in row[: self.texts]}
        if all(known.intersection(row[: self.texts]) for row in self._rows()):
            raise DataError("the rows are too much alike to hold some out for validation; give --valid")
        return held_out

    def remaining(self, skipped: Skipped | None = None) -> Iterator[Row]:
        """The rows for training; copies of what is held out are counted in skipped."""
        known = {text for row in self.held_out for text in row[: self.texts]}
        held_out = Counter(self.held_out)
        for row in self._rows(skipped):
            if not known.intersection(row[: self.texts]):
                yield row
            elif held_out[row] > 0:
                held_out[row] -= 1
            elif skipped is not None:
                skipped.add(COPY, f"in {self.sources[0].name}")

    def _rows(self, skipped: Skipped | None = None) -> Iterator[Row]:
        return usable(all_rows(self.sources, skipped), self.texts)


@dataclass(frozen=True)
class Part:
    """One side of a split, as a source."""

    split: HoldOut
    held_out: bool

    @property
    def name(self) -> str:
        names = " + ".join(source.name for source in self.split.sources)
        return f"every {EVERY}th of {names}" if self.held_out else f"{names} without every {EVERY}th"

    def rows(self, skipped: Skipped | None = None) -> Iterator[Row]:
        return iter(self.split.held_out) if self.held_out else self.split.remaining(skipped)

    def describe(self) -> dict[str, str]:
        """As the sources describe themselves, joined."""
        parts = [source.describe() for source in self.split.sources]
        keys = dict.fromkeys(key for part in parts for key in part)
        return {key: " ".join(part.get(key, "-") for part in parts) for key in keys} | {"name": self.name}

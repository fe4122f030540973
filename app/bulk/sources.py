"""The rows of parts, read in the order of their files."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.bulk.plan import Part
from app.bulk.rows import Row, Table, value_of


@dataclass(frozen=True)
class Source:
    """An input and the column of its texts."""

    table: Table
    column: str


class Reader:
    """Reads parts; each file is read once where parts come in ascending order, in memory of one row."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._source, self._position = -1, 0
        self._rows: Iterator[Row] = iter(())

    def rows(self, part: Part) -> Iterator[tuple[int, Row, Any]]:
        """Of each row of a part: its index among those of all inputs, the row, and its text."""
        if part.source != self._source or part.start < self._position:
            self._source, self._position = part.source, 0
            self._rows = self._sources[part.source].table.rows()
        column = self._sources[part.source].column
        rows = itertools.islice(self._rows, part.start - self._position, part.stop - self._position)
        self._position = part.stop
        for index, row in enumerate(rows, part.offset):
            yield index, row, value_of(row.values, column)

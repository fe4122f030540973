"""The requested columns of .csv and .tsv files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from models.errors import DataError
from models.tables.lines import TextFormat
from models.tables.separated import Record, csv_records, tsv_records

Located = tuple[str, list[str]]
"""Where a record begins, and its cells."""


def read_csv(path: Path, columns: Sequence[str], form: TextFormat) -> Iterator[Located]:
    """The requested columns of each record. Raises DataError for a missing one, and where records are ragged."""
    return _select(path, columns, csv_records(path, columns, form).records)


def read_tsv(path: Path, columns: Sequence[str], form: TextFormat) -> Iterator[Located]:
    """As `read_csv`, split at tabs; there are no quotation marks around cells."""
    return _select(path, columns, tsv_records(path, form))


def _select(path: Path, columns: Sequence[str], records: Iterator[Record]) -> Iterator[Located]:
    width = 0
    if all(column.isdecimal() for column in columns):
        indices = [int(column) - 1 for column in columns]
    else:
        _, header = next(records, (1, []))
        header = [name.strip() for name in header]
        missing = [column for column in columns if column not in header]
        if missing:
            raise DataError(f"{path}: line 1: no column {missing[0]!r}; it has {', '.join(map(repr, header))}")
        indices = [header.index(column) for column in columns]
        width = len(header)
    for line, record in records:
        if not record:
            continue
        if max(indices) >= len(record) or min(indices) < 0:
            raise DataError(f"{path}: row {line}: {len(record)} columns, but column {max(indices) + 1} is requested")
        width = width or len(record)
        if any(cell.strip() for cell in record[width:]):
            raise DataError(
                f"{path}: line {line}: {len(record)} columns, but the first line has {width}: put quotation marks "
                "around a text that has the delimiter in it, or name another --delimiter"
            )
        yield f"{path}: line {line}", [record[index] for index in indices]

"""Rows of .csv and .tsv files. The delimiter of a .csv is detected: spreadsheets write the one of their country."""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.errors import DataError
from trainer.data.lines import DELIMITERS, TextFormat, read_lines

Located = tuple[str, list[str]]
"""Where a record begins, and its cells."""
SAMPLED_LINES = 200
_DECLARED = re.compile(r"sep=(.)\r?\n?")
"""Excel's first line that names the delimiter."""


def read_csv(path: Path, columns: Sequence[str], form: TextFormat) -> Iterator[Located]:
    """The requested columns of each record. Raises DataError for a missing one, and where records are ragged."""
    csv.field_size_limit(1 << 30)
    lines = read_lines(path, form)
    sample = list(itertools.islice(lines, SAMPLED_LINES))
    declared = _DECLARED.fullmatch(sample[0][1]) if sample else None
    skipped = 1 if declared else 0
    texts = [text for _, text in sample[skipped:]]
    delimiter = form.delimiter or (declared[1] if declared else _detect(path, texts, columns))
    reader = csv.reader(itertools.chain(texts, (text for _, text in lines)), delimiter=delimiter, strict=True)

    def records() -> Iterator[tuple[int, list[str]]]:
        while True:
            line = reader.line_num + skipped + 1
            try:
                record = next(reader, None)
            except csv.Error as error:
                where = f"{path}: line {reader.line_num + skipped}"
                raise DataError(f"{where}: {error}: is a quotation mark not closed?") from None
            if record is None:
                return
            yield line, record

    return _select(path, columns, records())


def read_tsv(path: Path, columns: Sequence[str], form: TextFormat) -> Iterator[Located]:
    """As `read_csv`, split at tabs; there are no quotation marks around cells."""
    lines = ((number, line.removesuffix("\n").removesuffix("\r")) for number, line in read_lines(path, form))
    return _select(path, columns, ((number, line.split("\t") if line else []) for number, line in lines))


def _select(path: Path, columns: Sequence[str], records: Iterator[tuple[int, list[str]]]) -> Iterator[Located]:
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


def _detect(path: Path, lines: Sequence[str], columns: Sequence[str]) -> str:
    """The delimiter under which the requested columns are there and all records have as many cells as the first.

    Where there is none, that of the most cells, so that the error lists them.
    """
    widths: dict[str, int] = {}
    widest, most = ",", 1
    for delimiter in DELIMITERS:
        records = [record for record in csv.reader(lines, delimiter=delimiter) if record]
        if len(lines) == SAMPLED_LINES:
            records = records[:-1]  # it may go on after the sample
        if not records:
            continue
        first = [cell.strip() for cell in records[0]]
        if len(first) > most:
            widest, most = delimiter, len(first)
        numbered = all(column.isdecimal() for column in columns)
        there = max(map(int, columns)) <= len(first) if numbered else set(columns) <= set(first)
        if there and all(len(record) == len(first) for record in records):
            widths[delimiter] = len(first)
        elif there and not numbered and len(first) > 1:
            return delimiter  # some records are ragged, which reading will name
    several = [delimiter for delimiter, width in widths.items() if width > 1]
    if len(several) > 1:
        names = " or ".join(map(repr, several))
        raise DataError(f"{path}: its delimiter may be {names}: say which, such as --delimiter {several[0]!r}")
    return next(iter(several or widths), widest)

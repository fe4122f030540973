"""Records of .csv and .tsv files. The delimiter of a .csv is detected: spreadsheets write the one of their country."""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import DataError
from models.tables.lines import DELIMITERS, TextFormat, read_lines

Record = tuple[int, list[str]]
"""The line on which a record begins, from 1, and its cells; a blank line has none."""
SAMPLED_LINES = 200
_DECLARED = re.compile(r"sep=(.)\r?\n?")
"""Excel's first line that names the delimiter."""


@dataclass(frozen=True)
class Separated:
    delimiter: str
    records: Iterator[Record]


def csv_records(path: Path, columns: Sequence[str], form: TextFormat, lenient: bool = False) -> Separated:
    """All records of a file, a header included.

    columns, names or numbers, help to detect the delimiter; there may be none. lenient is as for `read_lines`. Raises
    DataError for quotation marks that are not closed, and what `read_lines` does.
    """
    csv.field_size_limit(1 << 30)
    lines = read_lines(path, form, lenient)
    sample = list(itertools.islice(lines, SAMPLED_LINES))
    declared = _DECLARED.fullmatch(sample[0][1]) if sample else None
    skipped = 1 if declared else 0
    texts = [text for _, text in sample[skipped:]]
    delimiter = form.delimiter or (declared[1] if declared else _detect(path, texts, columns))
    reader = csv.reader(itertools.chain(texts, (text for _, text in lines)), delimiter=delimiter, strict=True)

    def records() -> Iterator[Record]:
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

    return Separated(delimiter, records())


def tsv_records(path: Path, form: TextFormat, lenient: bool = False) -> Iterator[Record]:
    """As `csv_records`, split at tabs; there are no quotation marks around cells."""
    for number, text in read_lines(path, form, lenient):
        line = text.removesuffix("\n").removesuffix("\r")
        yield number, line.split("\t") if line else []


def _detect(path: Path, lines: Sequence[str], columns: Sequence[str]) -> str:
    """The delimiter under which the requested columns are there and all records have as many cells as the first.

    Where there is none, that of the most cells, so that an error lists them.
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
        numbered = bool(columns) and all(column.isdecimal() for column in columns)
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

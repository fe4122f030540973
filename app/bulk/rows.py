"""Rows of files: .jsonl, .csv, .tsv, .txt, each also as .gz, and .parquet, one at a time.

A row that can't be read is a row too, with the reason: it is reported beside the output, under its number.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.errors import DataError
from models.json_text import dumps
from models.tables.lines import TextFormat, read_lines, unreadable
from models.tables.separated import Record, csv_records, tsv_records

SUFFIXES = (".jsonl", ".csv", ".tsv", ".txt", ".parquet")
LINE = "text"
"""The column of a .txt file: its lines."""
PARQUET_ROWS = 1024
"""Rows of Parquet that are in memory at a time."""
NEEDS_PYARROW = "Parquet needs an extra: pip install 'carousel-lstm[bulk]'"


@dataclass(frozen=True)
class Row:
    """number counts the rows of a file from 1, line its lines, where it has lines.

    problem says why a row can't be read, undecodable whether by its encoding; content is then its line, unless its
    values are known all the same.
    """

    number: int
    line: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    content: str = ""
    undecodable: bool = False


@dataclass(frozen=True)
class Table:
    """A file of rows and how it is read. Where the column is a number, a .csv or .tsv file has no header."""

    path: Path
    form: TextFormat
    column: str = ""
    """The column that was named; empty where none was."""

    @property
    def suffix(self) -> str:
        return suffix_of(self.path)

    def rows(self) -> Iterator[Row]:
        """Raises DataError for a file that can't be read as what it is named."""
        reader = {
            ".jsonl": self._jsonl,
            ".csv": self._separated,
            ".tsv": self._separated,
            ".txt": self._txt,
            ".parquet": self._parquet,
        }[self.suffix]
        return reader()

    def columns(self) -> list[str]:
        """The names of columns that a file says before its rows: none of a .jsonl file."""
        if self.suffix == ".txt":
            return [LINE]
        if self.suffix == ".parquet":
            return _unique(self.path, list(parquet_schema(self.path).names))
        if self.suffix == ".jsonl":
            return []
        return self._header()[0]

    def delimiter(self) -> str:
        """The delimiter of a .csv file."""
        return csv_records(self.path, self._hints(), self.form, lenient=True).delimiter

    def _hints(self) -> Sequence[str]:
        return [self.column] if self.column else []

    def _txt(self) -> Iterator[Row]:
        for number, line in read_lines(self.path, self.form, lenient=True):
            text = _without_end(line)
            problem = _undecodable(text, self.form)
            yield Row(number, number, {LINE: text}, problem, undecodable=bool(problem))

    def _jsonl(self) -> Iterator[Row]:
        number = 0
        for line_number, line in read_lines(self.path, self.form, lenient=True):
            if not line.strip():
                continue
            number += 1
            text = _without_end(line)
            if problem := _undecodable(text, self.form):
                yield Row(number, line_number, problem=problem, content=text, undecodable=True)
                continue
            try:
                yield Row(number, line_number, _json_object(text))
            except (ValueError, RecursionError) as error:
                problem = str(error) if isinstance(error, _NoRow) else f"not JSON: {error}"
                yield Row(number, line_number, problem=problem, content=text)

    def _separated(self) -> Iterator[Row]:
        names, records = self._header()
        number = 0
        for line, record in records:
            if not record:
                continue
            number += 1
            undecodable = next(filter(None, (_undecodable(cell, self.form) for cell in record)), "")
            if any(cell.strip() for cell in record[len(names) :]):
                problem = (
                    f"{len(record)} columns, but the first line has {len(names)}: a text with the delimiter in it "
                    "needs quotation marks"
                )
                content = dumps(record)
                yield Row(number, line, problem=problem, content=content, undecodable=bool(undecodable))
            else:
                values = dict(zip(names, record, strict=False))
                yield Row(number, line, values, undecodable, undecodable=bool(undecodable))

    def _header(self) -> tuple[list[str], Iterator[Record]]:
        """The names of columns, and the records after them; named by numbers, the first record is a row."""
        if self.suffix == ".csv":
            records = csv_records(self.path, self._hints(), self.form, lenient=True).records
        else:
            records = tsv_records(self.path, self.form, lenient=True)
        first = next(records, None)
        if first is None or not first[1]:
            raise DataError(f"{self.path}: its first line is empty: it must name the columns")
        if problem := _undecodable("".join(first[1]), self.form):
            raise other_encoding(self.path, first[0], problem, self.form)
        if not self.column.isdecimal():
            return _unique(self.path, [name.strip() for name in first[1]]), records
        names = [str(index) for index in range(1, len(first[1]) + 1)]
        return names, _after(first, records)

    def _parquet(self) -> Iterator[Row]:
        parquet, arrow_error = _pyarrow()
        number = 0
        try:
            with parquet.ParquetFile(self.path) as file:
                _unique(self.path, list(file.schema_arrow.names))
                for batch in file.iter_batches(batch_size=PARQUET_ROWS):
                    for values in batch.to_pylist():
                        number += 1
                        yield Row(number, None, values)
        except (OSError, arrow_error, UnicodeDecodeError) as error:
            raise unreadable(self.path, error) from None


def suffix_of(path: Path) -> str:
    """The suffix that says a file's format: without .gz."""
    return Path(path.name.removesuffix(".gz")).suffix


def other_encoding(path: Path, line: int, problem: str, form: TextFormat) -> DataError:
    """The error of a file that is not in the encoding that was said."""
    known = form.encoding != "utf-8"
    hint = "is it another one?" if known else "say its encoding, such as --encoding windows-1254"
    return DataError(f"{path}: line {line}: {problem}; {hint}, or convert the file first")


def value_of(values: Mapping[str, Any], column: str) -> Any:
    """A row's value in a column, None where it has none; a key within a key is named with a dot: translation.en."""
    if column in values:
        return values[column]
    value: Any = values
    for key in column.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def parquet_schema(path: Path) -> Any:
    """The Arrow schema of a .parquet file. Raises DataError."""
    parquet, arrow_error = _pyarrow()
    try:
        return parquet.read_schema(path)
    except (OSError, arrow_error) as error:
        raise unreadable(path, error) from None


def _pyarrow() -> tuple[Any, type[Exception]]:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 (an extra)
    except ImportError:
        raise DataError(NEEDS_PYARROW) from None
    return parquet, ArrowException


class _NoRow(ValueError):
    """JSON that is no row."""


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text, object_pairs_hook=_unique_pairs, parse_constant=lambda _: None)
    if not isinstance(value, dict):
        raise _NoRow("not a JSON object")
    return value


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _NoRow(f"two values of the same name: {_twice([name for name, _ in pairs])!r}")
    return value


def _unique(path: Path, names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise DataError(f"{path}: two columns are named {_twice(names)!r}: give each a name of its own")
    return names


def _twice(names: Sequence[str]) -> str:
    return next(name for index, name in enumerate(names) if name in names[:index])


def _undecodable(text: str, form: TextFormat) -> str:
    """Why a text can't be read: a byte that is not in the file's encoding."""
    if text.isascii():
        return ""
    for character in text:
        if "\udc80" <= character <= "\udcff":
            name = "UTF-8" if form.encoding == "utf-8" else form.encoding
            return f"byte 0x{ord(character) - 0xDC00:02X} is not {name}"
    return ""


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _after(first: Record, others: Iterator[Record]) -> Iterator[Record]:
    yield first
    yield from others

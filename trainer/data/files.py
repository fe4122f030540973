"""Rows of text from files, one at a time: .txt, .jsonl, .csv, .tsv, each also as .gz, and .parquet.

A column is named by its header or key, or by its number from 1, in which case a .csv or .tsv file
has no header line. A key within a key is named with a dot: translation.en.
"""

import csv
import gzip
import hashlib
import itertools
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from models.errors import DataError

Row = tuple[str, ...]
Line = tuple[int, str]
"""A line's number, from 1, and its text with its end."""


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the named columns of every row that is not blank, in memory that does not grow with the file.

    A .txt file has a single column, the line. Raises DataError, naming the file and the line, for
    a file that is missing, empty, not UTF-8 or of an unknown kind, and for a missing column.
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix
    if suffix not in READERS:
        raise DataError(f"{path}: unknown kind of file; known are {', '.join(READERS)}, and .gz of those with lines")
    any_text = False
    for row in READERS[suffix](path, columns):
        if any(cell.strip() for cell in row):
            any_text = True
            yield row
    if not any_text:
        raise DataError(f"{path}: no text in it")


def read_parallel(source: Path, target: Path) -> Iterator[Row]:
    """Yield pairs of lines from two parallel files. Raises DataError where their lengths differ."""
    any_text = False
    for number, (left, right) in enumerate(itertools.zip_longest(_read_lines(source), _read_lines(target)), 1):
        if left is None or right is None:
            raise DataError(
                f"{source} and {target} are not parallel: the {'first' if left is None else 'second'} ends "
                f"before line {number}"
            )
        pair = (_without_end(left[1]), _without_end(right[1]))
        if all(text.strip() for text in pair):
            any_text = True
            yield pair
    if not any_text:
        raise DataError(f"{source}: no text in it")


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises DataError for one that can't be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(path, error) from None
    return digest.hexdigest()


def cells(record: Mapping[str, object], columns: Sequence[str], where: str) -> Row:
    """The named columns of a record. Raises DataError, saying where, for one that is missing or no text."""
    return tuple(_cell(record, column, where) for column in columns)


def _cell(record: Mapping[str, object], column: str, where: str) -> str:
    value: object = record
    for key in [column] if column in record else column.split("."):
        if not isinstance(value, Mapping) or key not in value:
            raise DataError(f"{where}: no column {column!r}; it has {', '.join(map(repr, record))}")
        value = value[key]
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers with gaps is read as floats
    if value is None:
        raise DataError(f"{where}: column {column!r} is empty")
    if not isinstance(value, str | int):
        raise DataError(f"{where}: column {column!r} is a {type(value).__name__}, not text")
    text = str(value)
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise DataError(f"{where}: column {column!r} has a lone surrogate, which is not a character")
    return text


def _read_lines(path: Path) -> Iterator[Line]:
    """Lines end in LF, and in nothing else that Unicode calls a line's end."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"{path}: line {number}: byte 0x{line[error.start]:02X} is not UTF-8; convert the file first"
                    ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: no such file")
    return DataError(f"{path}: can't be read: {error}")


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _read_txt(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    if len(columns) != 1:
        raise DataError(f"{path}: a .txt file has one column, but {len(columns)} are requested: {', '.join(columns)}")
    return ((_without_end(line),) for _, line in _read_lines(path))


def _read_jsonl(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    for number, line in _read_lines(path):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: not JSON: {error}") from None
        if not isinstance(record, dict):
            raise DataError(f"{where}: not a JSON object")
        yield cells(record, columns, where)


def _read_separated(path: Path, columns: Sequence[str], rows: Iterator[list[str]]) -> Iterator[Row]:
    if all(column.isdecimal() for column in columns):
        indices = [int(column) - 1 for column in columns]
        first_line = 1
    else:
        header = next(rows, [])
        missing = [column for column in columns if column not in header]
        if missing:
            raise DataError(f"{path}: line 1: no column {missing[0]!r}; it has {', '.join(map(repr, header))}")
        indices = [header.index(column) for column in columns]
        first_line = 2
    for number, row in enumerate(rows, first_line):
        if not row:
            continue
        if max(indices) >= len(row) or min(indices) < 0:
            raise DataError(f"{path}: row {number}: {len(row)} columns, but column {max(indices) + 1} is requested")
        yield tuple(row[index] for index in indices)


def _read_csv(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    csv.field_size_limit(1 << 30)
    reader = csv.reader((line for _, line in _read_lines(path)), strict=True)
    try:
        yield from _read_separated(path, columns, reader)
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: {error}: is a quotation mark not closed?") from None


def _read_tsv(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    lines = (_without_end(line) for _, line in _read_lines(path))
    return _read_separated(path, columns, (line.split("\t") if line else [] for line in lines))


def _read_parquet(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 — an extra that few need
    except ImportError:
        raise DataError(f"{path}: to read Parquet: pip install 'carousel-lstm[data]'") from None
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            known = [column if column in names else column.split(".")[0] for column in columns]
            for column, name in zip(columns, known, strict=True):
                if name not in names:
                    raise DataError(f"{path}: no column {column!r}; it has {', '.join(map(repr, names))}")
            number = 0
            for batch in file.iter_batches(batch_size=1024, columns=known):
                for record in batch.to_pylist():
                    number += 1
                    yield cells(record, columns, f"{path}: row {number}")
    except (OSError, ArrowException, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


READERS: dict[str, Callable[[Path, Sequence[str]], Iterable[Row]]] = {
    ".txt": _read_txt,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
}

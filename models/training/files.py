"""Rows of text from the files that people have: .txt, .jsonl, .csv, .tsv, and .gz of each.

A column is named by its header or key, or by its number from 1, in which case a .csv or .tsv file
has no header line.
"""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from models.errors import DataError

Row = tuple[str, ...]


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """Read the named columns of every row that is not blank.

    A .txt file has a single column, the line. Raises DataError, naming the file and the line, for
    a file that is missing, empty, not UTF-8 or of an unknown kind, and for a missing column.
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix
    reader = _READERS.get(suffix)
    if reader is None:
        raise DataError(f"{path}: unknown kind of file; known are {', '.join(_READERS)}, and .gz of them")
    rows = [row for row in reader(path, _read_text(path), columns) if any(cell.strip() for cell in row)]
    if not rows:
        raise DataError(f"{path}: no text in it")
    return rows


def read_parallel(source: Path, target: Path) -> list[Row]:
    """Read two files whose lines belong together. Raises DataError where their lengths differ."""
    sources, targets = _lines(_read_text(source)), _lines(_read_text(target))
    if len(sources) != len(targets):
        raise DataError(f"{source} has {len(sources)} lines and {target} has {len(targets)}: they are not parallel")
    rows: list[Row] = [
        (left, right) for left, right in zip(sources, targets, strict=True) if left.strip() and right.strip()
    ]
    if not rows:
        raise DataError(f"{source}: no text in it")
    return rows


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _read_text(path: Path) -> str:
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: can't be read: {error}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise DataError(f"{path}: line {line}: byte 0x{byte:02X} is not UTF-8; convert the file first") from None


def _lines(text: str) -> list[str]:
    """Lines end in LF or CR LF, and in nothing else that Unicode calls a line's end."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _read_txt(path: Path, text: str, columns: Sequence[str]) -> Iterator[Row]:
    if len(columns) != 1:
        raise DataError(f"{path}: a .txt file has one column, and {len(columns)} are wanted: {', '.join(columns)}")
    return ((line,) for line in _lines(text))


def _read_jsonl(path: Path, text: str, columns: Sequence[str]) -> Iterator[Row]:
    for number, line in enumerate(_lines(text), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}: line {number}: not JSON: {error}") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}: line {number}: not a JSON object")
        yield tuple(_cell(path, number, record, column) for column in columns)


def _cell(path: Path, number: int, record: dict[str, object], column: str) -> str:
    value = record.get(column)
    if value is None:
        raise DataError(f"{path}: line {number}: no column {column!r}; it has {', '.join(map(repr, record))}")
    if not isinstance(value, str | int):
        raise DataError(f"{path}: line {number}: column {column!r} is a {type(value).__name__}, not text")
    return str(value)


def _read_separated(path: Path, columns: Sequence[str], rows: Iterator[list[str]]) -> Iterator[Row]:
    if all(column.isdigit() for column in columns):
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
            raise DataError(f"{path}: row {number}: {len(row)} columns, and column {max(indices) + 1} is wanted")
        yield tuple(row[index] for index in indices)


def _read_csv(path: Path, text: str, columns: Sequence[str]) -> Iterator[Row]:
    csv.field_size_limit(1 << 30)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from _read_separated(path, columns, reader)
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: {error}: is a quotation mark not closed?") from None


def _read_tsv(path: Path, text: str, columns: Sequence[str]) -> Iterator[Row]:
    return _read_separated(path, columns, (line.split("\t") if line else [] for line in _lines(text)))


_READERS: dict[str, Callable[[Path, str, Sequence[str]], Iterator[Row]]] = {
    ".txt": _read_txt,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
}

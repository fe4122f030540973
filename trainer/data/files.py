"""Rows of text from files, one at a time: .txt, .jsonl, .csv, .tsv, each also as .gz, and .parquet.

A column is named by its header or key, or by its number from 1, in which case a .csv or .tsv file
has no header line. A key within a key is named with a dot: translation.en.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from models.errors import DataError
from models.tables.lines import TextFormat, read_lines, unreadable
from trainer.data.separated import Located, read_csv, read_tsv
from trainer.data.skipped import BLANK_TEXT, Skipped, reason_to_skip

Row = tuple[str, ...]
UTF8 = TextFormat()


def read_rows(
    path: Path, columns: Sequence[str], texts: int = 1, form: TextFormat = UTF8, skipped: Skipped | None = None
) -> Iterator[Row]:
    """Yield the named columns of every row without a blank text or label, in memory that does not grow with the file.

    The first `texts` columns are texts, what follows is a label; rows left out are counted in skipped, but for blank
    lines of a .txt file, whose single column is the line. Raises DataError, naming the file and the line, for a
    file that is missing, empty, in another encoding or of an unknown kind, and for a missing column.
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix
    if suffix not in READERS:
        raise DataError(f"{path}: unknown kind of file; known are {', '.join(READERS)}, and .gz of those with lines")
    any_text = False
    for where, cells in READERS[suffix](path, columns, form):
        any_text = any_text or any(cell.strip() for cell in cells)
        reason = reason_to_skip(cells, texts)
        if not reason:
            yield tuple(cells)
        elif skipped is not None and suffix != ".txt":
            skipped.add(reason, where)
    if not any_text:
        raise DataError(f"{path}: no text in it")


def read_parallel(source: Path, target: Path, form: TextFormat = UTF8, skipped: Skipped | None = None) -> Iterator[Row]:
    """Yield pairs of lines from two parallel files. Raises DataError where their lengths differ."""
    any_text = False
    for number, (left, right) in enumerate(
        itertools.zip_longest(read_lines(source, form), read_lines(target, form)), 1
    ):
        if left is None or right is None:
            raise DataError(
                f"{source} and {target} are not parallel: the {'first' if left is None else 'second'} ends "
                f"before line {number}"
            )
        pair = (_without_end(left[1]), _without_end(right[1]))
        if all(text.strip() for text in pair):
            any_text = True
            yield pair
        elif skipped is not None and any(text.strip() for text in pair):
            skipped.add(BLANK_TEXT, f"{target if pair[0].strip() else source}: line {number}")
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
        raise unreadable(path, error) from None
    return digest.hexdigest()


class Cells:
    """Takes the named columns out of the records of one file or data set.

    What is null or missing is blank. Raises DataError, saying where, for what is no text, and at the end for a column
    that no record has.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self._missing: dict[str, DataError] = {}
        self._seen: set[str] = set()

    def of(self, record: Mapping[str, object], where: str) -> Row:
        return tuple(self._cell(record, column, where) for column in self.columns)

    def end(self) -> None:
        for column, error in self._missing.items():
            if column not in self._seen:
                raise error

    def _cell(self, record: Mapping[str, object], column: str, where: str) -> str:
        value: object = record
        for key in [column] if column in record else column.split("."):
            if value is None:
                break
            if not isinstance(value, Mapping) or key not in value:
                error = DataError(f"{where}: no column {column!r}; it has {', '.join(map(repr, record))}")
                self._missing.setdefault(column, error)
                return ""
            value = value[key]
        self._seen.add(column)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # a column of whole numbers with gaps is read as floats
        if value is None:
            return ""
        if not isinstance(value, str | int):
            raise DataError(f"{where}: column {column!r} is a {type(value).__name__}, not text")
        text = str(value)
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise DataError(f"{where}: column {column!r} has a lone surrogate, which is not a character")
        if "\0" in text:
            raise DataError(f"{where}: column {column!r} has a NUL character, which no text has")
        return text


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _read_txt(path: Path, columns: Sequence[str], form: TextFormat) -> Iterator[Located]:
    if len(columns) != 1:
        raise DataError(f"{path}: a .txt file has one column, but {len(columns)} are requested: {', '.join(columns)}")
    return ((f"{path}: line {number}", [_without_end(line)]) for number, line in read_lines(path, form))


def _read_jsonl(path: Path, columns: Sequence[str], form: TextFormat) -> Iterator[Located]:
    cells = Cells(columns)
    for number, line in read_lines(path, form):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: not JSON: {error}") from None
        if not isinstance(record, dict):
            raise DataError(f"{where}: not a JSON object")
        yield where, list(cells.of(record, where))
    cells.end()


def _read_parquet(path: Path, columns: Sequence[str], _: TextFormat) -> Iterator[Located]:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 — an extra that few need
    except ImportError:
        raise DataError(f"{path}: to read Parquet: pip install 'carousel-lstm[data]'") from None
    cells = Cells(columns)
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
                    where = f"{path}: row {number}"
                    yield where, list(cells.of(record, where))
    except (OSError, ArrowException, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None
    cells.end()


READERS: dict[str, Callable[[Path, Sequence[str], TextFormat], Iterable[Located]]] = {
    ".txt": _read_txt,
    ".jsonl": _read_jsonl,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".parquet": _read_parquet,
}

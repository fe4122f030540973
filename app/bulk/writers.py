"""Writers of rows with their answers: .jsonl, .csv, .tsv and .txt, each also as .gz, and .parquet."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from app.bulk.rows import NEEDS_PYARROW, PARQUET_ROWS, parquet_schema, suffix_of
from models.errors import DataError
from models.json_text import finite

Values = Mapping[str, Any]
_MARK = "\ufeff".encode()
_ONE_LINE, _ONE_CELL = str.maketrans("\n\r", "  "), str.maketrans("\t\n\r", "   ")


class Writer(Protocol):
    def write(self, values: Values, answer: Values, /) -> None:
        """A row's own values, and its answer's under the names of their columns."""

    def leave_out(self) -> None:
        """A row that has no answer."""


@dataclass(frozen=True)
class Layout:
    """Of an output: the kinds of its inputs' columns, then those of answers, each by name.

    delimiter and mark, whether a byte order mark comes first, are of a .csv file. parquet are the inputs where all are
    .parquet: their columns keep their types. line makes the line of a .txt file of an answer.
    """

    columns: Mapping[str, str]
    answers: Mapping[str, str]
    line: Callable[[Values], str]
    delimiter: str = ","
    mark: bool = False
    parquet: Sequence[Path] = field(default_factory=tuple)


def check_writable(path: Path) -> None:
    """Raise DataError where a format needs an extra that is not installed."""
    if suffix_of(path) == ".parquet" and find_spec("pyarrow") is None:
        raise DataError(f"{path}: {NEEDS_PYARROW}")


@contextmanager
def writing_rows(path: Path, file: BinaryIO, layout: Layout) -> Iterator[Writer]:
    """A writer to a file that is open, in the format of the path's suffix. The same rows become the same bytes."""
    if path.suffix == ".gz":
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as compressed:
            yield _lines(path, compressed, layout)  # type: ignore[arg-type]
    elif suffix_of(path) == ".parquet":
        with _ParquetWriter(path, file, layout) as writer:
            yield writer
    else:
        yield _lines(path, file, layout)


def _lines(path: Path, file: BinaryIO, layout: Layout) -> Writer:
    writers: dict[str, Callable[[BinaryIO, Layout], Writer]] = {
        ".jsonl": _JsonWriter,
        ".csv": _CsvWriter,
        ".tsv": _TsvWriter,
        ".txt": _TextWriter,
    }
    return writers[suffix_of(path)](file, layout)


def to_json(value: Any) -> str:
    """JSON in one line: no NaN, and what JSON has no type for, such as a date, as text."""
    return json.dumps(finite(value), ensure_ascii=False, allow_nan=False, default=str)


def encoded(text: str) -> bytes:
    """UTF-8; a lone surrogate, which it can't hold, is written as JSON has it: \\ud800."""
    return text.encode("utf-8", "backslashreplace")


class _LineWriter:
    """Writes rows as lines; one without an answer has none."""

    def __init__(self, file: BinaryIO, layout: Layout) -> None:
        self._file, self._layout = file, layout

    def leave_out(self) -> None:
        """Nothing is written."""


class _JsonWriter(_LineWriter):
    def write(self, values: Values, answer: Values, /) -> None:
        self._file.write(encoded(to_json({**values, **answer}) + "\n"))


class _TextWriter(_LineWriter):
    """A line for each row, so that lines stay parallel to those of a .txt that was read."""

    def write(self, _: Values, answer: Values, /) -> None:
        self._file.write(encoded(self._layout.line(answer).translate(_ONE_LINE) + "\n"))

    def leave_out(self) -> None:
        self._file.write(b"\n")


class _CsvWriter(_LineWriter):
    def __init__(self, file: BinaryIO, layout: Layout) -> None:
        super().__init__(file, layout)
        self._names = [*layout.columns, *layout.answers]
        self._begin()
        self._write_cells(self._names)

    def _begin(self) -> None:
        if self._layout.mark:
            self._file.write(_MARK)

    def write(self, values: Values, answer: Values, /) -> None:
        merged = {**values, **answer}
        self._write_cells([_cell(merged.get(name)) for name in self._names])

    def _write_cells(self, cells: Sequence[str]) -> None:
        line = io.StringIO()
        # quotation marks go around the characters of this line end: around a lone \r too, which ends a row elsewhere
        csv.writer(line, delimiter=self._layout.delimiter, lineterminator="\r\n").writerow(cells)
        self._file.write(encoded(line.getvalue().removesuffix("\r\n") + "\n"))


class _TsvWriter(_CsvWriter):
    """Cells have no quotation marks around them, and so no tabs and ends of lines in them."""

    def _begin(self) -> None:
        """No mark."""

    def _write_cells(self, cells: Sequence[str]) -> None:
        self._file.write(encoded("\t".join(cell.translate(_ONE_CELL) for cell in cells) + "\n"))


class _ParquetWriter:
    """Writes groups of rows, so that memory does not grow with the file."""

    def __init__(self, path: Path, file: BinaryIO, layout: Layout) -> None:
        import pyarrow  # noqa: PLC0415 (an extra; `check_writable` has seen that it is there)
        from pyarrow import parquet  # noqa: PLC0415

        self._arrow, self._path = pyarrow, path
        columns = _common_schema(layout) if layout.parquet else _schema(layout.columns)
        self._texts = set() if layout.parquet else {name for name, kind in layout.columns.items() if kind == "text"}
        self._json = {name for name, kind in layout.answers.items() if kind == "json"}
        self._schema = pyarrow.schema([*columns, *_schema(layout.answers)])
        self._rows: list[dict[str, Any]] = []
        self._writer = parquet.ParquetWriter(file, self._schema)

    def __enter__(self) -> "_ParquetWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def write(self, values: Values, answer: Values, /) -> None:
        cells = {
            name: _cell(value) if name in self._texts and value is not None else value for name, value in values.items()
        }
        answers = {name: to_json(value) if name in self._json else value for name, value in answer.items()}
        self._rows.append({**cells, **answers})
        if len(self._rows) == PARQUET_ROWS:
            self._flush()

    def leave_out(self) -> None:
        """Nothing is written."""

    def _flush(self) -> None:
        try:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        except (self._arrow.ArrowException, UnicodeError, OverflowError) as error:
            raise DataError(f"{self._path}: Parquet can't hold a value: {error}") from None
        self._rows = []


def _schema(columns: Mapping[str, str]) -> Any:
    import pyarrow  # noqa: PLC0415 (an extra)

    types = {"bool": pyarrow.bool_(), "int": pyarrow.int64(), "float": pyarrow.float64()}
    return pyarrow.schema([(name, types.get(kind, pyarrow.string())) for name, kind in columns.items()])


def _common_schema(layout: Layout) -> Any:
    import pyarrow  # noqa: PLC0415 (an extra)

    schemas = [parquet_schema(path).remove_metadata() for path in layout.parquet]
    try:
        return pyarrow.unify_schemas(schemas, promote_options="permissive")
    except pyarrow.ArrowException as error:
        raise DataError(f"{layout.parquet[0]} and others: their columns differ: {error}") from None


def _cell(value: Any) -> str:
    """A value as the text of a cell."""
    if value is None:
        return ""
    return to_json(value) if isinstance(value, bool | int | float | list | dict) else str(value)

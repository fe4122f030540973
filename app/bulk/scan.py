"""One pass over an input before the first row is answered: its rows, its columns, and what must be refused at once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.bulk.rows import Row, Table, other_encoding, parquet_schema
from app.errors import InvalidRequest
from models.tables.lines import TextFormat, has_mark, unreadable

CHUNK_BYTES = 1 << 20
DAMAGED = 0.05
"""A file with up to this share of rows that can't be decoded is in its encoding, and those rows are damaged."""
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Scan:
    """What is known of a file. column is that of the texts; kinds are the kinds of columns, text where they are mixed.

    marked says whether a .csv has a byte order mark, or another encoding than UTF-8: spreadsheets need the mark.
    """

    rows: int
    column: str
    kinds: dict[str, str] = field(default_factory=dict)
    delimiter: str = ""
    marked: bool = False


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises DataError for one that can't be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise unreadable(path, error) from None
    return digest.hexdigest()


def scan(path: Path, form: TextFormat, column: str, usual: Sequence[str]) -> Scan:
    """Raises DataError for a file that can't be read, and InvalidRequest where it is not clear which column is meant.

    column is the one that is named; without it, it is the first of usual that there is, or the only one.
    """
    table = Table(path, form, column)
    table.columns()
    count, kinds = _parquet(path) if table.suffix == ".parquet" else _lines(table)
    chosen = column or _choose(path, list(kinds), usual)
    if count and column and not any(name == column or column.startswith(f"{name}.") for name in kinds):
        raise InvalidRequest(f"no column {column!r}; it has {', '.join(map(repr, kinds))}", str(path))
    if table.suffix != ".csv":
        return Scan(count, chosen, kinds)
    return Scan(count, chosen, kinds, table.delimiter(), form.encoding != "utf-8" or has_mark(path))


def _lines(table: Table) -> tuple[int, dict[str, str]]:
    """The number of rows, and the kinds of columns.

    Raises DataError for a file that is in another encoding: that some rows can't be decoded may be damage, but not
    that most of those beyond ASCII can't.
    """
    kinds = dict.fromkeys(table.columns(), "null")
    count = decoded = undecodable = 0
    first: Row | None = None
    for row in table.rows():
        count += 1
        if row.undecodable:
            undecodable += 1
            first = first or row
        elif not all(value.isascii() for value in row.values.values() if isinstance(value, str)):
            decoded += 1
        _widen(kinds, row.values)
    if first is not None and undecodable > max(decoded, DAMAGED * count):
        raise other_encoding(table.path, first.line or 1, first.problem, table.form)
    return count, {name: "text" if kind == "null" else kind for name, kind in kinds.items()}


def _widen(kinds: dict[str, str], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if value is None:
            kinds.setdefault(name, "null")
        else:
            before, kind = kinds.get(name, "null"), _kind_of(value)
            both = "float" if {before, kind} == {"int", "float"} else "text"
            kinds[name] = kind if before in ("null", kind) else both


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if value in _INT64 else "text"
    return "float" if isinstance(value, float) else "text"


def _parquet(path: Path) -> tuple[int, dict[str, str]]:
    from pyarrow import parquet, types  # noqa: PLC0415 (an extra; `parquet_schema` says so where it is missing)

    schema = parquet_schema(path)
    tests = {"bool": types.is_boolean, "int": types.is_integer, "float": types.is_floating}
    kinds = {field.name: next((kind for kind, test in tests.items() if test(field.type)), "text") for field in schema}
    return parquet.read_metadata(path).num_rows, kinds


def _choose(path: Path, names: Sequence[str], usual: Sequence[str]) -> str:
    for name in usual:
        if name in names:
            return name
    if len(names) > 1:
        among = ", ".join(map(repr, names))
        raise InvalidRequest(f"no column {usual[0]!r}; name one with --column: it has {among}", str(path))
    return names[0] if names else usual[0]

"""The end of a run: the inputs' rows and the answers of the parts, put together as the output."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.bulk.files import Output
from app.bulk.folder import Outcome
from app.bulk.rows import Row, suffix_of
from app.bulk.scan import Scan
from app.bulk.tasks import Answer
from app.bulk.writers import Layout, encoded, to_json, writing_rows
from app.errors import InvalidRequest
from models.errors import DataError
from models.files import replacing, writing


@dataclass(frozen=True)
class Answered:
    """An input: its rows, and what has become of each."""

    path: Path
    rows: Callable[[], Iterator[Row]] = field(repr=False)
    outcomes: Callable[[], Iterator[Outcome]] = field(repr=False)


def layout_of(
    output: Output, scans: Sequence[Scan], answers: Mapping[str, str], prefix: str, line: Callable[[Answer], str]
) -> Layout:
    """The layout of an output; scans are those of its inputs.

    Raises InvalidRequest where an input has a column of the name of one of the answers'.
    """
    columns: dict[str, str] = {}
    for source, scan in zip(output.inputs, scans, strict=True):
        for name, kind in scan.kinds.items():
            if name.removeprefix(prefix) in answers and name.startswith(prefix):
                raise InvalidRequest(
                    f"it has a column {name!r} already: name the new ones by --prefix", str(source.path)
                )
            columns[name] = kind if columns.get(name, kind) == kind else "text"
    paths = [source.path for source in output.inputs]
    return Layout(
        columns,
        {prefix + name: kind for name, kind in answers.items()},
        lambda answer: line({name.removeprefix(prefix): value for name, value in answer.items()}),
        delimiter=next((scan.delimiter for scan in scans if scan.delimiter), ","),
        mark=any(scan.marked for scan in scans),
        parquet=paths if all(suffix_of(path) == ".parquet" for path in paths) else (),
    )


def assemble(output: Output, inputs: Iterable[Answered], layout: Layout, prefix: str, scratch: Path) -> tuple[int, int]:
    """Write an output, and beside it the rows that have no answer; return how many rows have one, and have none.

    Both files take the place of older ones whole. scratch is where bad rows are collected.
    """
    answered = bad = 0
    with ExitStack() as stack:
        stack.enter_context(writing(output.path, "; the same command writes it again"))
        output.path.parent.mkdir(parents=True, exist_ok=True)
        errors = stack.enter_context(scratch.open("wb"))
        file = stack.enter_context(replacing(output.path))
        writer = stack.enter_context(writing_rows(output.path, file, layout))
        for source in inputs:
            for row, outcome in _pairs(source):
                if "answer" in outcome:
                    answered += 1
                    writer.write(row.values, {prefix + name: value for name, value in outcome["answer"].items()})
                else:
                    bad += 1
                    writer.leave_out()
                    errors.write(encoded(to_json(_error(source.path, row, outcome["error"])) + "\n"))
    with writing(output.errors):
        if bad:
            shutil.move(scratch, output.errors)
        else:
            output.errors.unlink(missing_ok=True)
            scratch.unlink()
    return answered, bad


def _pairs(source: Answered) -> Iterator[tuple[Row, Outcome]]:
    try:
        yield from zip(source.rows(), source.outcomes(), strict=True)
    except ValueError:
        raise DataError(f"{source.path}: it has changed since its rows were answered") from None


def _error(path: Path, row: Row, reason: str) -> dict[str, Any]:
    line = {} if row.line is None else {"line": row.line}
    values = {"values": row.values} if row.values else {"content": row.content}
    return {"file": str(path), "row": row.number, **line, "reason": reason, **values}

"""The folder and the CSV files that a study writes."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.errors import DataError
from models.files import cause, write_atomic, writing


def make_folder(folder: Path) -> None:
    """Raise DataError where the folder can't be created."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: can't be created: {cause(error)}") from None


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    content = io.StringIO()
    writer = csv.DictWriter(content, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write(path, content.getvalue().encode("utf-8"))


def write(path: Path, content: bytes) -> None:
    """Replace a file of a study. Raises CheckpointError where the disk refuses."""
    with writing(path):
        write_atomic(path, content)

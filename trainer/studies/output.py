"""The folder and the CSV files that a study writes."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.errors import DataError


def make_folder(folder: Path) -> None:
    """Raise DataError where the folder can't be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: can't be made: {error}") from None


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    content = io.StringIO()
    writer = csv.DictWriter(content, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(content.getvalue(), encoding="utf-8")

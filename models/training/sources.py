"""What `--train` and `--valid` name: a file and its columns, or two parallel files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import DataError
from models.training.files import Row, checksum, read_parallel, read_rows


@dataclass(frozen=True)
class Source:
    """Data as a person names it.

    `FILE` with the task's usual columns, `FILE:COLUMN[,COLUMN]`, or `FILE,FILE` for two parallel
    files. A relative file is looked for in `root`.
    """

    name: str
    paths: tuple[Path, ...]
    columns: tuple[str, ...]

    @classmethod
    def parse(cls, name: str, root: Path, usual: Sequence[str], usual_tsv: Sequence[str]) -> "Source":
        """Raise DataError for a name that asks for another number of columns than the usual."""
        body, colon, columns = name.partition(":")
        files = tuple(root / part for part in body.split(","))
        wanted = tuple(columns.split(",")) if colon else tuple(usual_tsv if ".tsv" in body else usual)
        if len(wanted) != len(usual):
            raise DataError(f"{name}: {len(wanted)} columns are named, and {len(usual)} are needed")
        if len(files) > 1 and (len(files) != len(usual) or colon):
            raise DataError(f"{name}: parallel files are two, without columns: SOURCE,TARGET")
        return cls(name, files, wanted)

    def rows(self) -> list[Row]:
        """Read it. Raises DataError as `read_rows` does."""
        if len(self.paths) == 2:
            return read_parallel(*self.paths)
        return read_rows(self.paths[0], self.columns)

    def describe(self) -> dict[str, str]:
        """The name, and the checksum of its bytes, for the record."""
        return {"name": self.name, "sha256": " ".join(checksum(path) for path in self.paths)}

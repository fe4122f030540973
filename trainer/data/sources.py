"""Data sources named by `--train` and `--valid`: files and their columns, data sets of a hub, generated examples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from models.errors import DataError
from models.tables.lines import TextFormat
from trainer.data.files import UTF8, Cells, Row, checksum, read_parallel, read_rows
from trainer.data.mnist import PREFIX as MNIST
from trainer.data.mnist import parse_mnist
from trainer.data.recordings import PREFIX as RECORDINGS
from trainer.data.recordings import parse_recordings
from trainer.data.sentiment.source import PREFIX, parse_sentiment
from trainer.data.skipped import Skipped, reason_to_skip

HUB = "hf:"


class Source(Protocol):
    """A named source of rows."""

    @property
    def name(self) -> str: ...

    def rows(self, skipped: Skipped | None = None) -> Iterator[Row]:
        """Its rows, one at a time, each time from the first; those left out are counted in skipped.

        Raises DataError as `read_rows` does."""

    def describe(self) -> dict[str, str]:
        """For the record: the name, and the checksum of a file or the fingerprint of a hub's data set."""


LABEL = "label"


def parse_source(
    name: str, root: Path, usual: Sequence[str], usual_tsv: Sequence[str], split: str, form: TextFormat = UTF8
) -> Source:
    """Parse a name: one of

        FILE  FILE:COLUMN,…  FILE,FILE  hf:NAME[:CONFIGURATION][@SPLIT][#COLUMN,…]
        sentiment:RULE-LANGUAGE[:FILE[:COLUMN]]  mnist:FOLDER  recordings:PATH[#CONDITION;…]

    usual and usual_tsv are the default columns, split the default split of a hub's data set, form that of all files of
    text. A relative file name starts from root. Raises DataError for another number of columns than the default.
    """
    if name.startswith(HUB):
        return _parse_hub(name, root, usual, split)
    if name.startswith(PREFIX):
        _require_count(name, ("text", "label"), usual)
        return parse_sentiment(name, root, split, form)
    if name.startswith(MNIST):
        _require_count(name, ("text",), usual)
        return parse_mnist(name, root, split)
    if name.startswith(RECORDINGS):
        _require_count(name, ("text",), usual)
        return parse_recordings(name, root)
    body, colon, columns = name.partition(":")
    files = tuple(root / part for part in body.split(","))
    requested = (
        tuple(columns.split(",")) if colon else tuple(usual_tsv if body.endswith((".tsv", ".tsv.gz")) else usual)
    )
    if len(files) > 1 and (len(files) != len(usual) or colon):
        raise DataError(f"{name}: parallel files are two, without columns: SOURCE,TARGET")
    return FileSource(name, files, _require_count(name, requested, usual), _texts(usual), form)


def _texts(usual: Sequence[str]) -> int:
    """How many of the columns are texts."""
    return len(usual) - (LABEL in usual)


def _require_count(name: str, columns: tuple[str, ...], usual: Sequence[str]) -> tuple[str, ...]:
    if len(columns) != len(usual):
        raise DataError(f"{name}: {len(columns)} columns are named, and {len(usual)} are needed")
    return columns


@dataclass(frozen=True)
class FileSource:
    """A file and its columns, or two parallel files."""

    name: str
    paths: tuple[Path, ...]
    columns: tuple[str, ...]
    texts: int = 1
    """How many of the columns are texts."""
    form: TextFormat = UTF8

    def rows(self, skipped: Skipped | None = None) -> Iterator[Row]:
        if len(self.paths) == 2:
            return read_parallel(*self.paths, self.form, skipped)
        return read_rows(self.paths[0], self.columns, self.texts, self.form, skipped)

    def describe(self) -> dict[str, str]:
        sums = " ".join(checksum(path) for path in self.paths)
        return {"name": self.name, "sha256": sums, **self.form.describe()}


@dataclass(frozen=True)
class Relabelled:
    """A source of labelled texts, some of whose labels have another name."""

    source: Source
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.source.name

    def rows(self, skipped: Skipped | None = None) -> Iterator[Row]:
        return ((*row[:-1], self.labels.get(row[-1].strip(), row[-1])) for row in self.source.rows(skipped))

    def describe(self) -> dict[str, str]:
        return self.source.describe()


@dataclass(frozen=True)
class HubSource:
    """A split of a data set that the `datasets` package can load: from the hub, or from a folder of files."""

    name: str
    dataset: str
    configuration: str | None
    split: str
    columns: tuple[str, ...]
    texts: int = 1
    """How many of the columns are texts."""

    def rows(self, skipped: Skipped | None = None) -> Iterator[Row]:
        loaded, cells = self._load(), Cells(self.columns)
        names = {name: feature.names for name, feature in (loaded.features or {}).items() if hasattr(feature, "names")}
        any_text = False
        for number, record in enumerate(loaded, 1):
            for column in names.keys() & record.keys():
                if isinstance(record[column], int) and record[column] >= 0:
                    record[column] = names[column][record[column]]  # a label's name for its number
            where = f"{self.name}: row {number}"
            row = cells.of(record, where)
            any_text = any_text or any(cell.strip() for cell in row)
            reason = reason_to_skip(row, self.texts)
            if not reason:
                yield row
            elif skipped is not None:
                skipped.add(reason, where)
        cells.end()
        if not any_text:
            raise DataError(f"{self.name}: no text in it")

    def describe(self) -> dict[str, str]:
        return {"name": self.name, "fingerprint": _fingerprint(self._load())}

    def _load(self) -> Any:
        try:
            import datasets  # noqa: PLC0415 — an extra that few need
        except ImportError:
            raise DataError(f"{self.name}: to read data sets of a hub: pip install 'carousel-lstm[data]'") from None
        datasets.disable_progress_bars()
        try:
            # Data, and no code: datasets runs none since version 4. The fingerprint says which revision was read.
            return datasets.load_dataset(self.dataset, self.configuration, split=self.split)  # nosec B615
        except Exception as error:  # its own errors, a hub's and a disk's
            raise DataError(f"{self.name}: {type(error).__name__}: {' '.join(str(error).split())}") from None


def _fingerprint(dataset: Any) -> str:
    """The hash that `datasets` keeps of its content; no public name gives it, so pyproject.toml bounds the version."""
    return str(dataset._fingerprint)


def _parse_hub(name: str, root: Path, usual: Sequence[str], split: str) -> HubSource:
    body, _, columns = name.removeprefix(HUB).partition("#")
    body, _, own_split = body.partition("@")
    dataset, _, configuration = body.partition(":")
    if not dataset:
        raise DataError(f"{name}: no data set is named: hf:NAME[:CONFIGURATION][@SPLIT][#COLUMN,…]")
    local = root / dataset
    requested = tuple(columns.split(",")) if columns else tuple(usual)
    return HubSource(
        name,
        str(local) if local.exists() else dataset,
        configuration or None,
        own_split or split,
        _require_count(name, requested, usual),
        _texts(usual),
    )


def describe(sources: Sequence[Source]) -> list[dict[str, str]]:
    return [source.describe() for source in sources]


def all_rows(sources: Sequence[Source], skipped: Skipped | None = None) -> Iterator[Row]:
    """The rows of all sources, one after the other; those left out are counted in skipped."""
    for source in sources:
        yield from source.rows(skipped)

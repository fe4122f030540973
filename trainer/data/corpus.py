"""Rows of text become ids on the disk, and a report of what they are."""

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.errors import CheckpointError, DataError
from models.files import replacing, write_atomic
from models.text.tokenizers import Tokenizer, load_tokenizer
from trainer.data.files import Row
from trainer.data.store import IdArray, Ragged, RaggedWriter


@dataclass
class SplitReport:
    """What the rows of a split are."""

    tokenizer: Tokenizer
    rows: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    units: int = 0
    unknown: int = 0

    def add(self, text: str, ids: Sequence[int]) -> None:
        self.lengths[len(ids)] += 1
        self.units += len(text) if self.tokenizer.unit == "characters" else len(ids)
        self.unknown += self.tokenizer.unknown(ids)

    def length(self, share: float) -> int:
        """The number of tokens that so large a share of the texts do not exceed."""
        left = share * self.lengths.total()
        for length, count in sorted(self.lengths.items()):
            left -= count
            if left <= 0:
                return length
        return 0

    def summary(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "tokens": sum(length * count for length, count in self.lengths.items()),
            "median_tokens": self.length(0.5),
            "tokens_95_percent": self.length(0.95),
            "longest_tokens": self.length(1.0),
            f"unknown_{self.tokenizer.unit}": round(self.unknown / max(1, self.units), 6),
            "labels": dict(self.labels.most_common()),
        }


ABOUT = "about.json"
MOST_LABELS = 10_000
LABELS_SHOWN = 20


class Corpus:
    """Training data as ids that are mapped from files.

    columns are the texts of each row, one column or two, each a Ragged of as many sequences as rows;
    labels (R,) index label_names, and are none where the data have no labels. Of a stream the values
    of its only column are what counts: an end before the first text, and after each.
    """

    def __init__(
        self, columns: Sequence[Ragged], labels: IdArray, label_names: tuple[str, ...], summary: Mapping[str, Any]
    ) -> None:
        self.columns, self.labels, self.label_names = tuple(columns), labels, label_names
        self.summary = summary

    @classmethod
    def open(cls, folder: Path, columns: int, identity: Mapping[str, Any]) -> "tuple[Corpus, Tokenizer]":
        """Map what a CorpusWriter wrote. Raises DataError where it is not whole, or was written for another run."""
        if not cls.is_whole(folder):
            raise DataError(f"{folder}: not whole; start the run again")
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            for name, value in identity.items():
                _compare(folder, name, about["identity"].get(name), json.loads(json.dumps(value)))
            tokenizer = load_tokenizer(about["tokenizer"], (folder / "tokenizer").read_bytes(), about["lowercase"])
            texts = [Ragged.open(_column(folder, column)) for column in range(columns)]
            return cls(texts, np.load(folder / "labels.npy"), tuple(about["labels"]), about["summary"]), tokenizer
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{folder}: damaged ({error}); delete it and start the run again") from None

    @staticmethod
    def is_whole(folder: Path) -> bool:
        return (folder / ABOUT).exists()


def _compare(folder: Path, name: str, written: Any, wanted: Any) -> None:
    """Raise DataError where a run that is to be resumed is another one; of settings, say which."""
    if written == wanted:
        return
    if isinstance(written, dict) and isinstance(wanted, dict):
        written = {key: written.get(key) for key in written | wanted if written.get(key) != wanted.get(key)}
    raise DataError(f"{folder}: the run to resume has other {name}: {json.dumps(written)}")


class CorpusWriter:
    """Encodes training rows into a folder, and counts what a person should know of both splits."""

    def __init__(
        self, folder: Path, tokenizer: Tokenizer, stream: bool, columns: int, identity: Mapping[str, Any]
    ) -> None:
        """identity is what a run has to have in common with this one to go on from here."""
        self.folder, self.tokenizer, self.stream, self.columns = folder, tokenizer, stream, columns
        self.identity = identity
        self.train, self.valid = SplitReport(tokenizer), SplitReport(tokenizer)
        self.shared: list[int] = [0] * columns
        self.example = ""

    def write(self, train: Iterable[Row], valid: Sequence[Row]) -> None:
        """Take in rows of texts, each with or without a label. Raises CheckpointError where the disk refuses."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / ABOUT).unlink(missing_ok=True)
            names, numbers = self._write_rows(train, self._count_valid(valid))
            write_atomic(self.folder / "tokenizer", self.tokenizer.to_bytes())
            with replacing(self.folder / "labels.npy") as file:
                np.save(file, numbers)
            about = {
                "tokenizer": self.tokenizer.kind,
                "lowercase": self.tokenizer.lowercase,
                "labels": names,
                "summary": self.summary(),
                "identity": self.identity,
            }
            write_atomic(self.folder / ABOUT, json.dumps(about).encode("utf-8"))  # the last: now it is whole
        except OSError as error:
            raise CheckpointError(f"{self.folder}: can't be written: {error}") from None

    def _write_rows(self, train: Iterable[Row], known: list[Counter[int]]) -> tuple[list[str], IdArray]:
        """Encode all rows; return the labels' names in order, and each row's label as a number."""
        numbers: dict[str, int] = {}
        labels = array("i")
        seen: list[set[int]] = [set() for _ in known]
        end = [self.tokenizer.end_id]
        with ExitStack() as files:
            paths = [_column(self.folder, column) for column in range(self.columns)]
            writers = [files.enter_context(closing(RaggedWriter(path, self.tokenizer.size - 1))) for path in paths]
            if self.stream:
                writers[0].append(end)
            for row in train:
                self._add(self.train, row)
                for column, writer in enumerate(writers):
                    ids = self.tokenizer.encode(row[column])
                    self.train.add(row[column], ids)
                    writer.append([*ids, *end] if self.stream else ids or end)
                    self._look_up(row[column].strip(), known[column], seen[column], column)
                if len(row) > self.columns:
                    if not row[-1].strip():
                        raise DataError(f"training row {self.train.rows} has a blank label: {row[0][:60]!r}")
                    labels.append(numbers.setdefault(row[-1].strip(), len(numbers)))
                    if len(numbers) > MOST_LABELS:
                        raise DataError(
                            f"the first {self.train.rows:,} training rows have {len(numbers):,} different labels, and "
                            f"{MOST_LABELS:,} are the most: is it the right column?"
                        )
        names = sorted(numbers)
        places = {name: place for place, name in enumerate(names)}
        order = np.array([places[name] for name in numbers], np.int64)  # those of first appearance
        return names, order[np.frombuffer(labels, np.intc)] if labels else np.empty(0, np.int64)

    def _look_up(self, text: str, known: Counter[int], seen: set[int], column: int) -> None:
        """Count a training text that stands in the validation data, the first time that it comes."""
        key = hash(text)
        if key in known and key not in seen:
            seen.add(key)
            self.shared[column] += known[key]
            self.example = self.example or text

    def _count_valid(self, valid: Sequence[Row]) -> list[Counter[int]]:
        known: list[Counter[int]] = [Counter() for _ in range(self.columns)]
        for row in valid:
            self._add(self.valid, row)
            for column, counter in enumerate(known):
                self.valid.add(row[column], self.tokenizer.encode(row[column]))
                counter[hash(row[column].strip())] += 1
        return known

    def _add(self, split: SplitReport, row: Row) -> None:
        split.rows += 1
        if len(row) > self.columns:
            split.labels[row[-1].strip()] += 1

    def summary(self) -> dict[str, Any]:
        """The report as plain data, for the record."""
        return {
            "train": self.train.summary(),
            "valid": self.valid.summary(),
            "validation_texts_in_training": self.shared,
        }


def _column(folder: Path, column: int) -> Path:
    return folder / f"train.{column}.bin"


def usable(rows: Iterable[Row], columns: int) -> Iterator[Row]:
    """The rows of which no text is blank; the first so many cells are texts."""
    return (row for row in rows if all(text.strip() for text in row[:columns]))


def show(writer: CorpusWriter, console: Console) -> None:
    """Print the report, and a warning where validation text stands in the training text."""
    table = Table("", "train", "validation", title="the data", title_justify="left")
    train, valid = writer.train.summary(), writer.valid.summary()
    names = {
        "rows": "rows", "tokens": "tokens", "median_tokens": "tokens of a text: half have at most",
        "tokens_95_percent": "… 95% at most", "longest_tokens": "… the longest",
    }  # fmt: skip
    for name, title in names.items():
        table.add_row(title, f"{train[name]:,}", f"{valid[name]:,}")
    unknown = f"unknown_{writer.tokenizer.unit}"
    table.add_row(f"unknown {writer.tokenizer.unit}", f"{train[unknown]:.3%}", f"{valid[unknown]:.3%}")
    labels = train["labels"]
    for label, count in list(labels.items())[:LABELS_SHOWN]:
        table.add_row(escape(f"label {label}"), f"{count:,}", f"{valid['labels'].get(label, 0):,}")
    if len(labels) > LABELS_SHOWN:
        table.add_row(f"… and {len(labels) - LABELS_SHOWN:,} labels more", "", "")
    console.print(table)
    if any(writer.shared):
        of_each = " and ".join(f"{count:,}" for count in writer.shared)
        shown = writer.example if len(writer.example) <= 80 else writer.example[:79] + "…"
        console.print(
            f"warning: {of_each} of {writer.valid.rows:,} validation texts stand in the training data too, such as "
            f"{shown!r}: scores on them flatter",
            style="yellow", markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip

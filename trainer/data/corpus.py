"""Training data as ids on the disk: rows of text, encoded once and read through a memory map."""

import io
import json
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import DataError, ModelError
from models.files import write_atomic, writing
from models.json_text import dumps
from models.text.known_words import KnownWords
from models.text.tokenizers import Tokenizer, load_tokenizer
from trainer.data.files import Row
from trainer.data.report import DataReport, SplitReport
from trainer.data.store import IdArray, Ragged, RaggedWriter
from trainer.data.word_counts import MAX_UNKNOWN, WordCounts, has_spelled_words, unknown_share

ABOUT = "about.json"
KNOWN_WORDS = "words.bloom"
MAX_LABELS = 10_000


class Corpus:
    """Training data as ids that are mapped from files.

    columns are the texts of each row, one column or two, each a Ragged of as many sequences as rows;
    labels (R,) index label_names, and are empty where the data have no labels. A stream is the values
    of its only column: an end token before the first text and after each. known_words are those of a stream or of
    pairs of two languages, where the tokenizer spells words by pieces.
    """

    def __init__(
        self,
        columns: Sequence[Ragged],
        labels: IdArray,
        label_names: tuple[str, ...],
        summary: Mapping[str, Any],
        known_words: KnownWords | None = None,
    ) -> None:
        self.columns, self.labels, self.label_names = tuple(columns), labels, label_names
        self.summary, self.known_words = summary, known_words

    @classmethod
    def open(cls, folder: Path, columns: int, identity: Mapping[str, Any]) -> "tuple[Corpus, Tokenizer]":
        """Map what a CorpusWriter wrote. Raises DataError where it is incomplete, or was written for another run."""
        if not cls.is_whole(folder):
            raise DataError(f"{folder}: not whole; start the run again")
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            for name, value in identity.items():
                _compare(folder, name, about["identity"].get(name), json.loads(dumps(value)))
            content = (folder / "tokenizer").read_bytes()
            tokenizer = load_tokenizer(about["tokenizer"], content, about["lowercase"], about["emoji"])
            texts = [Ragged.open(_column(folder, column)) for column in range(columns)]
            words = folder / KNOWN_WORDS
            known_words = KnownWords.from_bytes(words.read_bytes()) if words.exists() else None
            labels = np.load(folder / "labels.npy")
            return cls(texts, labels, tuple(about["labels"]), about["summary"], known_words), tokenizer
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ModelError) as error:
            raise DataError(f"{folder}: damaged ({error}); delete it and start the run again") from None

    @staticmethod
    def adopt(
        folder: Path, identity: Mapping[str, Any], settings: Collection[str], tokenizer: Tokenizer | None
    ) -> bool:
        """Make a whole corpus this run's; false where its data, those settings or the tokenizer differ."""
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            before, now = about["identity"], json.loads(dumps(identity))
            same = all(before[name] == now[name] for name in ("kind", "languages", "data", "start"))
            same &= all(before["settings"].get(name) == now["settings"].get(name) for name in settings)
            same &= not tokenizer or (folder / "tokenizer").read_bytes() == tokenizer.to_bytes()
            if same:
                write_atomic(folder / ABOUT, dumps({**about, "identity": now}).encode("utf-8"))
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return same

    @staticmethod
    def is_whole(folder: Path) -> bool:
        return (folder / ABOUT).exists()


def _compare(folder: Path, name: str, written: Any, expected: Any) -> None:
    """Raise DataError where the corpus was written for another run; of a dict, name the entries that differ."""
    if written == expected:
        return
    if isinstance(written, dict) and isinstance(expected, dict):
        written = {key: written.get(key) for key in written | expected if written.get(key) != expected.get(key)}
    raise DataError(f"{folder}: the run to resume has other {name}: {dumps(written)}")


class CorpusWriter:
    """Encodes training rows into a folder, and reports on both splits."""

    def __init__(
        self, folder: Path, tokenizer: Tokenizer, stream: bool, columns: int, identity: Mapping[str, Any]
    ) -> None:
        """identity is what another run must have in common with this one to resume from the corpus."""
        self.folder, self.tokenizer, self.stream, self.columns = folder, tokenizer, stream, columns
        self.identity = identity
        self.report = DataReport(tokenizer, columns)
        self._languages = tuple(identity.get("languages", ()))[:columns] or ("",)
        listed = (stream or columns > 1) and len(self._languages) == columns and has_spelled_words(tokenizer)
        self._words = WordCounts(tokenizer, stems=columns > 1) if listed else None

    def write(self, train: Iterable[Row], valid: Sequence[Row], unchanged: Iterable[Row] | None = None) -> None:
        """Write rows of texts, each with or without a label. Raises CheckpointError where the disk refuses.

        unchanged are the training rows as the sources have them, where those of train are changed.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / ABOUT).unlink(missing_ok=True)
            self._count_valid(valid)
            names, labels = self._write_rows(train, counted=unchanged is None)
            self._write_words(valid, unchanged)
            write_atomic(self.folder / "tokenizer", self.tokenizer.to_bytes())
            content = io.BytesIO()
            np.save(content, labels)
            write_atomic(self.folder / "labels.npy", content.getvalue())
            about = {
                "tokenizer": self.tokenizer.kind,
                "lowercase": self.tokenizer.lowercase,
                "emoji": self.tokenizer.emoji,
                "labels": names,
                "summary": self.report.summary(),
                "identity": self.identity,
            }
            # Written last: its presence says that the corpus is whole.
            write_atomic(self.folder / ABOUT, dumps(about).encode("utf-8"))

    def _write_rows(self, train: Iterable[Row], counted: bool) -> tuple[list[str], IdArray]:
        """Encode all rows; return the labels' names in order, and each row's label as an index.

        counted says whether their words are those of the training text.
        """
        indices: dict[str, int] = {}
        labels = array("i")
        end = [self.tokenizer.end_id]
        with ExitStack() as files:
            paths = [_column(self.folder, column) for column in range(self.columns)]
            writers = [files.enter_context(closing(RaggedWriter(path, self.tokenizer.size - 1))) for path in paths]
            if self.stream:
                writers[0].append(end)
            for row in train:
                self._count(self.report.train, row)
                if counted:
                    self._count_words(row)
                for column, writer in enumerate(writers):
                    ids = self.tokenizer.encode(row[column])
                    self.report.add_train(row[column], ids, column)
                    writer.append([*ids, *end] if self.stream else ids or end)
                if len(row) > self.columns:
                    labels.append(self._label_index(row, indices))
        names = sorted(indices)
        sorted_index = {name: index for index, name in enumerate(names)}
        by_appearance = np.array([sorted_index[name] for name in indices], np.int64)
        return names, by_appearance[np.frombuffer(labels, np.intc)] if labels else np.empty(0, np.int64)

    def _count_words(self, row: Row) -> None:
        if self._words:
            for text in row[: self.columns]:
                self._words.add(text)

    def _write_words(self, valid: Sequence[Row], unchanged: Iterable[Row] | None) -> None:
        """Write the filter of the training text's words, unless too many of the validation text's are unknown to it."""
        path = self.folder / KNOWN_WORDS
        path.unlink(missing_ok=True)
        if not self._words:
            return
        for row in unchanged or ():
            self._count_words(row)
        known = self._words.known(self._languages[0])
        unknown = unknown_share(known, valid, self._languages, self.tokenizer)
        kept = unknown is not None and unknown <= MAX_UNKNOWN
        self.report.known_words = {"words": known.count, "unknown_in_validation": unknown, "kept": kept}
        if kept:
            write_atomic(path, known.to_bytes())

    def _label_index(self, row: Row, indices: dict[str, int]) -> int:
        """The index of a row's label by first appearance. Raises DataError for too many."""
        rows, label = self.report.train.rows, row[-1].strip()
        index = indices.setdefault(label, len(indices))
        if len(indices) > MAX_LABELS:
            raise DataError(
                f"the first {rows:,} training rows have {len(indices):,} different labels, and "
                f"{MAX_LABELS:,} are the most: is it the right column?"
            )
        return index

    def _count_valid(self, valid: Sequence[Row]) -> None:
        for row in valid:
            self._count(self.report.valid, row)
            for column in range(self.columns):
                self.report.add_valid(row[column], self.tokenizer.encode(row[column]), column)

    def _count(self, split: SplitReport, row: Row) -> None:
        split.rows += 1
        if len(row) > self.columns:
            split.labels[row[-1].strip()] += 1


def _column(folder: Path, column: int) -> Path:
    return folder / f"train.{column}.bin"


def usable(rows: Iterable[Row], columns: int) -> Iterator[Row]:
    """The rows without a blank text; the first `columns` cells are texts."""
    return (row for row in rows if all(text.strip() for text in row[:columns]))

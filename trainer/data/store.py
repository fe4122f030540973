"""Sequences of ids on the disk, read through a memory map, so that memory does not grow with the corpus."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import DataError
from models.files import write_atomic

IdArray = np.ndarray[Any, Any]
WRITE_EVERY = 1 << 20


class Ragged:
    """Sequences of many lengths, one after the other in a file. `store[index]` is an array of ids."""

    def __init__(self, values: IdArray, offsets: IdArray) -> None:
        """values is (N,); sequence i is values[offsets[i] : offsets[i + 1]], offsets (R + 1,) int64."""
        self.values, self.offsets = values, offsets

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> "Ragged":
        """Hold sequences in memory."""
        values = np.array([index for sequence in sequences for index in sequence], np.int64)
        return cls(values, np.cumsum([0, *map(len, sequences)]))

    @classmethod
    def open(cls, path: Path) -> "Ragged":
        """Map what a RaggedWriter wrote. Raises DataError where it can't be read."""
        try:
            offsets = np.memmap(_offsets(path), np.int64, "r")
            kind = np.dtype((_kind(path)).read_text())
            empty = not offsets[-1]
            values = np.empty(0, kind) if empty else np.memmap(path, kind, "r", shape=(int(offsets[-1]),))
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{path}: can't be read: {error}") from None
        return cls(values, offsets)

    def take(self, indices: IdArray) -> "Ragged":
        """The sequences of indices (R',) int64, in memory."""
        starts, lengths = self.offsets[indices], self.lengths[indices]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        steps = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return Ragged(self.values[np.repeat(starts, lengths) + steps], offsets)

    def save(self, path: Path) -> None:
        """Write it as a RaggedWriter does."""
        _kind(path).write_text(self.values.dtype.name)
        write_atomic(_offsets(path), self.offsets.astype(np.int64).tobytes())
        write_atomic(path, np.ascontiguousarray(self.values).tobytes())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> IdArray:
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> IdArray:
        """(R,) int64."""
        return np.diff(self.offsets)


def concatenate(parts: Sequence[Ragged]) -> Ragged:
    """The sequences of all parts, one after the other, in memory."""
    values = np.concatenate([part.values for part in parts])
    return Ragged(values, np.concatenate([[0], np.cumsum(np.concatenate([part.lengths for part in parts]))]))


class RaggedWriter:
    """Appends sequences of ids to a file that `Ragged.open` maps once the writer is closed."""

    def __init__(self, path: Path, largest: int) -> None:
        """largest is the greatest id there can be."""
        self._dtype = np.min_scalar_type(largest)
        _kind(path).write_text(self._dtype.name)
        self._values, self._offsets = path.open("wb"), _offsets(path).open("wb")
        self._pending: list[int] = []
        self._ends = [0]
        self._length = 0

    def append(self, ids: Sequence[int]) -> None:
        self._pending.extend(ids)
        self._length += len(ids)
        self._ends.append(self._length)
        if len(self._pending) >= WRITE_EVERY:
            self._write()

    def close(self) -> None:
        try:
            self._write()
            for file in (self._values, self._offsets):
                file.flush()
                os.fsync(file.fileno())
        finally:
            for file in (self._values, self._offsets):
                with suppress(OSError):  # a disk that is full refuses again; the first error is the one to report
                    file.close()

    def _write(self) -> None:
        # not tofile, whose error on a full disk does not say so
        self._values.write(np.asarray(self._pending, self._dtype).tobytes())
        self._offsets.write(np.asarray(self._ends, np.int64).tobytes())
        self._pending, self._ends = [], []


def _offsets(path: Path) -> Path:
    return path.with_suffix(".offsets")


def _kind(path: Path) -> Path:
    return path.with_suffix(".dtype")

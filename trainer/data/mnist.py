"""MNIST's handwritten digits (LeCun et al. 1998), as a source whose rows are the digits' names."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from trainer.data.files import Row, checksum
from trainer.data.skipped import Skipped

PREFIX = "mnist:"
FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
HELD_BACK = 10_000
"""The last images are for measuring, and never trained on."""
NAMES = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "tr": ("sıfır", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz"),
}


@dataclass(frozen=True)
class MnistSource:
    """A split of the training set: `train` is all but the last 10,000 images, `validation` is these."""

    name: str
    folder: Path
    split: str

    def rows(self, skipped: Skipped | None = None) -> Iterator[Row]:  # noqa: ARG002
        """The names of each image's digit, in all languages."""
        return ((" ".join(names[label] for names in NAMES.values()),) for label in self.labels.tolist())

    def describe(self) -> dict[str, str]:
        return {"name": self.name, "sha256": " ".join(checksum(self.folder / file) for file in FILES)}

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """(N, 28, 28), ink 255 and paper 0."""
        return self._part(read_idx(self.folder / FILES[0], 3))

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """(N,) from 0 to 9."""
        return self._part(read_idx(self.folder / FILES[1], 1))

    def _part(self, everything: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return everything[:-HELD_BACK] if self.split == "train" else everything[-HELD_BACK:]


def parse_mnist(name: str, root: Path, split: str) -> MnistSource:
    """Parse `mnist:FOLDER`; what is held back is the split `validation`."""
    return MnistSource(name, root / name.removeprefix(PREFIX), split)


def read_idx(path: Path, dimensions: int) -> NDArray[Any]:
    """An array of bytes in the IDX format, gzipped. Raises DataError for anything else."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: {error}") from None
    head = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) < head:
        raise DataError(f"{path}: not an IDX file of bytes with {dimensions} dimensions")
    shape = np.frombuffer(content, ">u4", dimensions, 4).tolist()
    if len(content) - head != np.prod(shape):
        raise DataError(f"{path}: {len(content) - head} bytes for a shape of {shape}")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)

"""Whether a model is measured on text of the kind that it was trained on."""

from collections.abc import Sequence
from pathlib import PurePosixPath


def is_in_domain(name: str, trained_on: Sequence[str]) -> bool:
    """Whether data are of a collection that training data are of, by their names: of a folder, or of a rule."""
    return _collection(name) in map(_collection, trained_on)


def _collection(name: str) -> str:
    folder = str(PurePosixPath(name).parent)
    return name if folder == "." else folder

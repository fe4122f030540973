"""Which files are read, and which are written."""

import glob
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.bulk.rows import SUFFIXES, suffix_of
from app.errors import InvalidRequest

PARTS, ERRORS = ".parts", ".errors.jsonl"
"""What the names of a run's folder and of the file of bad rows add to that of the output."""


@dataclass(frozen=True)
class Input:
    """name is the path below the folder that was named, or of a glob below its wildcards; else the file's own name."""

    path: Path
    name: str


@dataclass(frozen=True)
class Output:
    """A file to write, and the inputs whose rows it gets, one after the other."""

    path: Path
    inputs: tuple[Input, ...]

    @property
    def errors(self) -> Path:
        return self.path.with_name(self.path.name + ERRORS)


def read_inputs(names: Sequence[str]) -> list[Input]:
    """The files that are named: a file, a glob in quotes, or a folder with all below it, sorted by their names.

    Raises InvalidRequest where there is none, or one of an unknown kind is named.
    """
    inputs = [one for name in names for one in _inputs_of(name)]
    named: set[Path] = set()
    for one in inputs:
        if suffix_of(one.path) not in SUFFIXES or one.path.name.endswith(".parquet.gz"):
            known = f"{', '.join(SUFFIXES)}, and .gz of those with lines"
            raise InvalidRequest(f"unknown kind of file; known are {known}", str(one.path))
        path = one.path.resolve()
        if path in named:
            raise InvalidRequest("it is named twice", str(one.path))
        named.add(path)
    return inputs


def _inputs_of(name: str) -> list[Input]:
    path = Path(name)
    if path.is_file():
        return [Input(path, path.name)]
    if path.is_dir():
        below = sorted(file for file in path.rglob("*") if file.is_file() and _is_data(file.relative_to(path)))
        if not below:
            raise InvalidRequest(f"no file in it is one of {', '.join(SUFFIXES)}, or .gz of one", name)
        return [Input(file, str(file.relative_to(path))) for file in below]
    files = sorted(Path(match) for match in glob.glob(name, recursive=True) if Path(match).is_file())  # noqa: PTH207
    if not files:
        raise InvalidRequest("no such file or folder", name)
    folder = _folder_of(path)
    return [Input(file, str(file.relative_to(folder))) for file in files]


def _folder_of(pattern: Path) -> Path:
    """The folder that all files of a glob are below: the part of its path before the first wildcard."""
    fixed = itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts[:-1])
    return Path(*fixed)


def _is_data(path: Path) -> bool:
    """Whether a file of a folder is one to read: none that is hidden, or of another run."""
    hidden = any(part.startswith(".") or part.endswith(PARTS) for part in path.parts)
    return suffix_of(path) in SUFFIXES and not (hidden or path.name.endswith((ERRORS, ".parquet.gz")))


def plan_outputs(inputs: Sequence[Input], folders: Sequence[str], out: Path) -> list[Output]:
    """One file for all inputs where out has the suffix of one; else a folder with a file for each, named as it is.

    folders are the arguments that inputs came from. Raises InvalidRequest where an input would be overwritten, or read
    again by the next run.
    """
    if suffix_of(out) in SUFFIXES:
        if out.name.endswith(".parquet.gz"):
            raise InvalidRequest("Parquet is compressed inside: leave out .gz", str(out))
        outputs = [Output(out, tuple(inputs))]
    elif out.suffix and not out.is_dir():
        raise InvalidRequest(f"unknown kind of file; known are {', '.join(SUFFIXES)}, or a folder", str(out))
    else:
        outputs = [Output(out / one.name, (one,)) for one in inputs]
    sources = {one.path.resolve() for one in inputs}
    for output in outputs:
        if output.path.resolve() in sources:
            raise InvalidRequest("it is an input too: choose another output", str(output.path))
        if output.path.is_dir():
            raise InvalidRequest("it is a folder", str(output.path))
    if len({output.path for output in outputs}) < len(outputs):
        raise InvalidRequest("two inputs have the same name: name one output file for both", str(out))
    for folder in folders:
        if Path(folder).is_dir() and out.resolve().is_relative_to(Path(folder).resolve()):
            raise InvalidRequest(f"it is in the folder of the inputs, {folder}: choose another output", str(out))
    return outputs

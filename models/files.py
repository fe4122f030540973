"""Writing files that survive a crash: a reader finds the old content or the new, never a part of it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from models.errors import CheckpointError

_CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "files may not grow so large here",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}


def cause(error: OSError) -> str:
    """Why the system refused: in our words, and in its own."""
    known, message = _CAUSES.get(error.errno or 0), error.strerror or str(error)
    return f"{known} ({message})" if known and known != message.lower() else message


@contextmanager
def writing(path: Path, hint: str = "") -> Iterator[None]:
    """Turns an OSError of the block into a CheckpointError that names path and cause, and ends with a hint."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{path}: can't be written: {cause(error)}{hint}") from error


@contextmanager
def replacing(path: Path, mode: int = 0o666, suffix: str = ".partial") -> Iterator[BinaryIO]:
    """A binary file to write to, which replaces path where the block ends.

    Its content goes to a file beside it, named with the suffix, which is flushed, synced and renamed. Where the block
    or the disk raises, path stays as it was and nothing is left beside it. mode is that of a new file, less the umask.
    """
    partial = path.with_name(path.name + suffix)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            yield file
            _sync(file)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_atomic(path: Path, content: bytes, mode: int = 0o666, suffix: str = ".partial") -> None:
    """Replace path's content, as `replacing` does. Raises OSError."""
    with replacing(path, mode, suffix) as file:
        file.write(content)


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it: for files that a later rename publishes together."""
    with path.open("wb") as file:
        file.write(content)
        _sync(file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())

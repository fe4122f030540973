"""The checkpoints in a folder: what is one, and what is skipped."""

from collections.abc import Sequence
from pathlib import Path

from app.telemetry.logs import get_logger
from models.checkpoint_files import MANIFEST, is_checkpoint
from models.errors import CheckpointError

SCRATCH_SUFFIXES = (".training", ".partial", ".old")
"""Of directories that the trainer works in."""
log = get_logger(__name__)


def checkpoint_paths(folder: Path, names: Sequence[str]) -> list[Path]:
    """The named checkpoints of a folder, or all by name; a directory without a manifest is skipped, with a warning.

    Raises CheckpointError where there is no such folder, and where it is itself a checkpoint.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such folder of checkpoints (CAROUSEL_CHECKPOINTS)")
    if is_checkpoint(folder):
        raise CheckpointError(
            f"{folder} is a checkpoint itself: name the folder that it is in (CAROUSEL_CHECKPOINTS={folder.parent})"
        )
    if names:
        return [folder / name for name in names]
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise CheckpointError(f"{folder}: can't be read: {error}") from None
    paths = [
        path for path in entries
        if path.is_dir() and not path.name.startswith(".") and path.suffix not in SCRATCH_SUFFIXES
    ]  # fmt: skip
    for path in paths:
        if not is_checkpoint(path):
            log.warning("folder_skipped", folder=path.name, reason=f"it has no {MANIFEST}: no checkpoint")
    return [path for path in paths if is_checkpoint(path)]


def refusal(folder: Path, error: Exception) -> str:
    """An error's text for clients: paths begin at the folder of checkpoints."""
    return str(error).replace(f"{folder}/", "")

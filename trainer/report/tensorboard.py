"""A run's records as TensorBoard events."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from models.errors import DataError
from models.files import cause, writing
from trainer.loop import trainer as loop

EVERY_STEPS = 10


class Board:
    """Writes records into a folder of event files; does nothing without a folder."""

    def __init__(self, folder: Path | None) -> None:
        """Raises DataError where TensorBoard is not installed, or the folder can't be created."""
        self._folder = folder
        self._writer: Any = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415, F401 — an extra that few need
        except ImportError:
            raise DataError("to write for TensorBoard: pip install 'carousel-lstm[tensorboard]'") from None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{folder}: can't be created: {cause(error)}") from None

    def begin(self, step: int) -> None:
        """Hide what an earlier run wrote after a step."""
        if self._folder is not None:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415

            self._writer = SummaryWriter(str(self._folder), purge_step=step + 1 if step else None)

    def show(self, record: loop.Progress | loop.Evaluation) -> None:
        """Raises CheckpointError where the disk refuses."""
        if self._writer is None:
            return
        assert self._folder is not None
        with writing(self._folder):
            self._write(record)

    def close(self) -> None:
        if self._writer is not None:
            with suppress(OSError):  # reported already, at the record that could not be written
                self._writer.close()

    def _write(self, record: loop.Progress | loop.Evaluation) -> None:
        if isinstance(record, loop.Progress):
            if record.step % EVERY_STEPS == 0:
                self._writer.add_scalar("train/loss", record.loss, record.step)
            return
        self._writer.add_scalar("train/learning_rate", record.learning_rate, record.step)
        for name, score in record.scores.items():
            self._writer.add_scalar(f"validation/{name}", score, record.step)
        self._writer.flush()
